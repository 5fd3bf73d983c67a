package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

func completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print what makes a shell complete commands",
		ArgsUsage: "bash|zsh|fish",
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			script, ok := completions()[args[0]]
			if !ok {
				return misuse("%q is none of bash, zsh, fish", args[0])
			}
			_, err = fmt.Fprint(c.App.Writer, script)
			return err
		},
	}
}

// asksForCompletion tells of a line that is not finished: a shell asks what
// could follow.
func asksForCompletion(args []string) bool {
	return args[len(args)-1] == "--generate-bash-completion"
}

// completions ask davdisk itself, which knows its commands and flags.
func completions() map[string]string {
	return map[string]string{
		"bash": `_davdisk() {
    COMPREPLY=($(compgen -W "$("${COMP_WORDS[@]:0:COMP_CWORD}" --generate-bash-completion 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _davdisk davdisk
`,
		"zsh": `#compdef davdisk
_davdisk() {
    local -a words_found
    words_found=("${(@f)$("${words[@]:0:$((CURRENT-1))}" --generate-bash-completion 2>/dev/null)}")
    _describe davdisk words_found || _files
}
compdef _davdisk davdisk
`,
		"fish": `complete -c davdisk -a '(eval (commandline -opc) --generate-bash-completion 2>/dev/null)'
`,
	}
}
