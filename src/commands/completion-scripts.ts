/** A command as completion sees it. */
export interface CompletionNode {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly CompletionOption[];
  readonly commands: readonly CompletionNode[];
}

export interface CompletionOption {
  /** `--json` */
  readonly long: string;
  readonly summary: string;
  readonly takes_value: boolean;
  /** The only values that it takes; empty where it takes any. */
  readonly choices: readonly string[];
}

interface Place {
  /** `/tools/add`; empty for the program itself. */
  readonly at: string;
  readonly node: CompletionNode;
}

/** Every command, the program first. */
function placesOf(node: CompletionNode, at = ''): Place[] {
  return [{ at, node }, ...node.commands.flatMap((inner) => placesOf(inner, `${at}/${inner.name}`))];
}

/** The script finds its words itself: completing starts no process. */
export function bashScript(program: CompletionNode): string {
  const places = placesOf(program);
  return `# bash completion for expctl: eval "$(expctl completion bash)", or save it as bash-completion/completions/expctl
_expctl() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" at="" word index words=""
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    case "$at/$word" in
      ${commandPatterns(places)}) at="$at/$word" ;;
    esac
  done
  case "$at $previous" in
${choiceCases(places, (choices) => `COMPREPLY=($(compgen -W "${choices.join(' ')}" -- "$current")); return ;;`)}
  esac
  case "$at" in
${places.map(({ at, node }) => `    "${at}") words="${wordsOf(node)}" ;;`).join('\n')}
  esac
  if [[ "$current" == -* || -n "${'$'}{words%%-*}" ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  fi
  [[ \${#COMPREPLY[@]} -gt 0 ]] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _expctl expctl
`;
}

function commandPatterns(places: readonly Place[]): string {
  return places
    .filter(({ at }) => at !== '')
    .map(({ at }) => at)
    .join('|');
}

function choiceCases(places: readonly Place[], body: (choices: readonly string[]) => string): string {
  const cases = places.flatMap(({ at, node }) =>
    node.options
      .filter(({ choices }) => choices.length > 0)
      .map(({ long, choices }) => `    "${at} ${long}") ${body(choices)}`),
  );
  return cases.length === 0 ? '    "") ;;' : cases.join('\n');
}

/** Commands first, then options. */
function wordsOf({ commands, options }: CompletionNode): string {
  return [...commands.map(({ name }) => name), ...options.map(({ long }) => long)].join(' ');
}

export function zshScript(program: CompletionNode): string {
  const places = placesOf(program);
  const described = (pairs: readonly (readonly [string, string])[]): string =>
    pairs.map(([word, summary]) => quoted(`${word}:${summary.replaceAll(':', '\\:')}`)).join(' ');
  const cases = places.map(({ at, node }) => {
    const commands = described(node.commands.map(({ name, summary }) => [name, summary]));
    const options = described(node.options.map(({ long, summary }) => [long, summary]));
    return `    "${at}") commands=(${commands}) options=(${options}) ;;`;
  });
  return `#compdef expctl
# zsh completion for expctl: save it as _expctl in a folder of fpath, or eval "$(expctl completion zsh)" after compinit
_expctl() {
  local at="" word
  local -a commands options
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at/$word" in
      (${commandPatterns(places)}) at="$at/$word" ;;
    esac
  done
  case "$at \${words[CURRENT-1]}" in
${choiceCases(places, (choices) => `compadd -- ${choices.join(' ')}; return ;;`)}
  esac
  case "$at" in
${cases.join('\n')}
  esac
  if [[ "\${words[CURRENT]}" == -* ]]; then
    _describe -o option options
  elif (( \${#commands} > 0 )); then
    _describe command commands
  else
    _files
  fi
}
if [[ "\${funcstack[1]}" == _expctl ]]; then _expctl "$@"; else compdef _expctl expctl; fi
`;
}

export function fishScript(program: CompletionNode): string {
  const lines = placesOf(program).flatMap(({ at, node }) => {
    const names = at.split('/').slice(1);
    const inner = node.commands.map(({ name }) => name).join(' ');
    const seen = names.map((name) => `__fish_seen_subcommand_from ${name}`).join('; and ');
    const before =
      inner === '' ? seen : `${seen === '' ? '' : `${seen}; and `}not __fish_seen_subcommand_from ${inner}`;
    return [
      ...node.commands.map(
        ({ name, summary }) => `complete -c expctl -n ${fishQuoted(before)} -f -a ${name} -d ${fishQuoted(summary)}`,
      ),
      ...node.options.map(({ long, summary, takes_value, choices }) => {
        const value = choices.length > 0 ? ` -x -a ${fishQuoted(choices.join(' '))}` : takes_value ? ' -r' : '';
        const where = seen === '' ? '' : ` -n ${fishQuoted(seen)}`;
        return `complete -c expctl${where} -l ${long.slice(2)}${value} -d ${fishQuoted(summary)}`;
      }),
    ];
  });
  return `# fish completion for expctl: save it as ~/.config/fish/completions/expctl.fish\n${lines.join('\n')}\n`;
}

/** Single quotes end and begin again around one of their own. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** In fish a backslash is one within quotes too. */
function fishQuoted(text: string): string {
  return quoted(text.replaceAll('\\', '\\\\'));
}
