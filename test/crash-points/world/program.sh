# A program for process tools: `weigh X` (pure) and `burn X` (once). What it does in the world it writes to `ledger.jsonl` beside its
# folder, synced before it answers. It runs in the effect's work folder, which says whose effect it is.
world="${0%/*}/.."
write() {
  printf '%s\n' "$1" >>"$world/ledger.jsonl"
  sync "$world/ledger.jsonl"
}

case "$1" in
weigh)
  write "{\"sent\":\"weigh\",\"folder\":\"$PWD\"}"
  printf 'weight of %s\n' "$2" >weight.txt
  printf '{"weight":%d}\n' "$(($2 * 3))"
  ;;
burn)
  write "{\"sent\":\"burn\",\"folder\":\"$PWD\"}"
  write "{\"did\":\"burn\",\"folder\":\"$PWD\"}"
  printf 'ash of %s\n' "$2" >ash.txt
  printf '{"ash":%d}\n' "$(($2 * 7))"
  ;;
esac
