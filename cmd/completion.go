package cmd

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"
)

func completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the completion script of a shell",
		ArgsUsage: "bash|zsh|fish",
		Action: func(c *cli.Context) error {
			args, err := arguments(c)
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

// asksForCompletion reports whether a shell wants to know what could follow.
// The last word alone decides, also after "--": such a line is never run. A
// file of that name is ./--generate-bash-completion.
func asksForCompletion(args []string) bool {
	return len(args) > 1 && args[len(args)-1] == "--generate-bash-completion"
}

// complete prints the commands that could follow the words of an unfinished
// command line. The completion of urfave/cli is left off because it runs the
// command line where "--" is among the words.
func complete(app *cli.App, words []string) error {
	o := newOrdering(app)
	if slices.Contains(words, "--") || o.sort(words) != nil {
		return nil //nolint:nilerr // an argument or the value of a flag follows, or nothing that is known
	}
	for _, c := range o.commands {
		if _, err := fmt.Fprintln(app.Writer, c.Name); err != nil {
			return err
		}
	}
	return nil
}

// completions ask davdisk itself, which knows its commands. The words of the
// line and the answer are data: nothing here may let the shell evaluate them,
// as eval in fish and compgen -W in bash would.
func completions() map[string]string {
	return map[string]string{
		"bash": `_davdisk() {
    local candidate
    COMPREPLY=()
    while IFS= read -r candidate; do
        [[ $candidate == "${COMP_WORDS[COMP_CWORD]}"* ]] && COMPREPLY+=("$candidate")
    done < <("${COMP_WORDS[@]:0:COMP_CWORD}" --generate-bash-completion 2>/dev/null </dev/null)
}
complete -o default -F _davdisk davdisk
`,
		"zsh": `#compdef davdisk
_davdisk() {
    local -a words_found
    words_found=("${(@f)$("${words[@]:0:$((CURRENT-1))}" --generate-bash-completion 2>/dev/null </dev/null)}")
    _describe davdisk words_found || _files
}
compdef _davdisk davdisk
`,
		"fish": `function __davdisk_complete
    set -l words (commandline -opc)
    command $words --generate-bash-completion 2>/dev/null </dev/null
end
complete -c davdisk -a '(__davdisk_complete)'
`,
	}
}
