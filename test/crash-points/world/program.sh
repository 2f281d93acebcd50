# A program for process tools: `weigh X` (pure) and `burn X` (once). What it does in the world it writes to `ledger.jsonl` beside its
# folder, synced before it answers, with the process that it works for. It runs in the effect's work folder, which says whose effect it
# is. `burn` is at it as long as there is a file `hold-burn` beside its folder.
world="${0%/*}/.."
write() {
  printf '%s\n' "$@" >>"$world/ledger.jsonl"
  sync "$world/ledger.jsonl"
}

case "$1" in
weigh)
  write "{\"sent\":\"weigh\",\"folder\":\"$PWD\",\"by\":$PPID}"
  printf 'weight of %s\n' "$2" >weight.txt
  printf '{"weight":%d}\n' "$(($2 * 3))"
  ;;
burn)
  # One write: whoever ends the program leaves both lines or none, and a person who looks knows what became of it.
  write "{\"sent\":\"burn\",\"folder\":\"$PWD\",\"by\":$PPID}" "{\"did\":\"burn\",\"folder\":\"$PWD\",\"by\":$PPID}"
  while [ -e "$world/hold-burn" ]; do sleep 0.02; done
  printf 'ash of %s\n' "$2" >ash.txt
  printf '{"ash":%d}\n' "$(($2 * 7))"
  ;;
esac
