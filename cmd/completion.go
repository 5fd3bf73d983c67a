package cmd

import (
	_ "embed"
	"fmt"

	"github.com/urfave/cli/v2"
)

// The scripts call only "davdisk __complete", which knows the commands. The
// words of the line and the answer are data: nothing in a script may let the
// shell evaluate them, as eval in fish and compgen -W in bash would.
var (
	//go:embed completion.bash
	completionBash string
	//go:embed completion.zsh
	completionZsh string
	//go:embed completion.fish
	completionFish string
	//go:embed completion.ps1
	completionPowerShell string
)

func completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the completion script of a shell",
		ArgsUsage: "bash|zsh|fish|powershell",
		Description: "   bash         source <(davdisk completion bash)         in ~/.bashrc\n" +
			"   zsh          source <(davdisk completion zsh)          in ~/.zshrc, after compinit\n" +
			"   fish         davdisk completion fish | source          in ~/.config/fish/config.fish\n" +
			"   PowerShell   davdisk completion powershell | Out-String | Invoke-Expression   in $PROFILE; not tested",
		Action: func(c *cli.Context) error {
			args, err := arguments(c)
			if err != nil {
				return err
			}
			script, ok := map[string]string{
				"bash": completionBash, "zsh": completionZsh, "fish": completionFish, "powershell": completionPowerShell,
			}[args[0]]
			if !ok {
				return misuse("%q is none of bash, zsh, fish, powershell", args[0])
			}
			_, err = fmt.Fprint(c.App.Writer, script)
			return err
		},
	}
}
