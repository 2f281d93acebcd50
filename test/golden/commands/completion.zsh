#compdef expctl
# zsh completion for expctl: save it as _expctl in a folder of fpath, or eval "$(expctl completion zsh)" after compinit
_expctl() {
  local at="" word
  local -a commands options
  for word in "${(@)words[2,CURRENT-1]}"; do
    case "$at/$word" in
      (/tools|/tools/add) at="$at/$word" ;;
    esac
  done
  case "$at ${words[CURRENT-1]}" in
    "/tools/add --form") compadd -- text gcc; return ;;
  esac
  case "$at" in
    "") commands=('tools:add tools') options=('--help:explain it\: the program'\''s flags') ;;
    "/tools") commands=('add:add one') options=() ;;
    "/tools/add") commands=() options=('--form:a form' '--file:a file') ;;
  esac
  if [[ "${words[CURRENT]}" == -* ]]; then
    _describe -o option options
  elif (( ${#commands} > 0 )); then
    _describe command commands
  else
    _files
  fi
}
if [[ "${funcstack[1]}" == _expctl ]]; then _expctl "$@"; else compdef _expctl expctl; fi
