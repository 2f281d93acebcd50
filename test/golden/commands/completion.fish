# fish completion for expctl: save it as ~/.config/fish/completions/expctl.fish
complete -c expctl -n 'not __fish_seen_subcommand_from tools' -f -a tools -d 'add tools'
complete -c expctl -l help -d 'explain it: the program'\''s flags'
complete -c expctl -n '__fish_seen_subcommand_from tools; and not __fish_seen_subcommand_from add' -f -a add -d 'add one'
complete -c expctl -n '__fish_seen_subcommand_from tools; and __fish_seen_subcommand_from add' -l form -x -a 'text gcc' -d 'a form'
complete -c expctl -n '__fish_seen_subcommand_from tools; and __fish_seen_subcommand_from add' -l file -r -d 'a file'
