package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/internal/durable"
)

// manCommand is hidden: packages run it when they are made, people run man. The
// pages are English, wherever that is.
func (p program) manCommand() *cli.Command {
	return &cli.Command{
		Name:      "man",
		Usage:     "write the manual pages of all commands into a folder",
		ArgsUsage: "DIR",
		Hidden:    true,
		Flags:     []cli.Flag{switchFlag("markdown", "write one page in Markdown for each instead")},
		Action: func(c *cli.Context) error {
			args, err := arguments(c)
			if err != nil {
				return err
			}
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			for _, page := range manual(program{drivers: p.drivers}.newApp(c.App.Reader, c.App.Writer, c.App.ErrWriter)) {
				name, text := page.name+".1", md2man.Render([]byte(page.title()+page.text))
				if c.Bool("markdown") {
					name, text = page.name+".md", []byte(page.markdown())
				}
				if err := durable.WriteFile(filepath.Join(args[0], name), text, 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// A manPage is a manual page in Markdown, as go-md2man reads it.
type manPage struct{ name, text string }

func (p manPage) title() string {
	return fmt.Sprintf("%% %s 1 \"\" \"davdisk\" \"davdisk manual\"\n", strings.ToUpper(p.name))
}

// markdown is the page for readers of Markdown, which has no lists of definitions.
func (p manPage) markdown() string {
	return "# " + strings.ReplaceAll(p.name, "-", " ") + "\n" + strings.NewReplacer("\n# ", "\n## ", "\n: ", "\\\n").Replace(p.text)
}

// manual is one page for the program and one for each of its commands; that of
// "trash empty" is on the page of trash.
func manual(app *cli.App) []manPage {
	var list strings.Builder
	var pages []manPage
	for _, c := range app.VisibleCommands() {
		fmt.Fprintf(&list, "**davdisk-%s**(1)\n: %s\n\n", c.Name, markdown(c.Usage))
		var text strings.Builder
		fmt.Fprintf(&text, "\n# NAME\n\ndavdisk-%s - %s\n", c.Name, markdown(c.Usage))
		manCommandText(&text, "davdisk "+c.Name, c)
		text.WriteString("\n# SEE ALSO\n\n**davdisk**(1)\n")
		pages = append(pages, manPage{"davdisk-" + c.Name, text.String()})
	}
	text := "\n# NAME\n\ndavdisk - " + markdown(app.Usage) +
		"\n\n# SYNOPSIS\n\n**davdisk** *COMMAND* [*FLAGS*] [*ARGUMENTS*]\n\n# DESCRIPTION\n\n" + markdown(app.Description) +
		"\n\n# COMMANDS\n\n" + list.String()
	return append(pages, manPage{"davdisk", text})
}

// manCommandText describes a command, and then those below it.
func manCommandText(w *strings.Builder, path string, c *cli.Command) {
	if len(c.Subcommands) == 0 {
		fmt.Fprintf(w, "\n# SYNOPSIS\n\n**%s** [*FLAGS*] %s\n", path, markdown(c.ArgsUsage))
		if c.Description != "" {
			fmt.Fprintf(w, "\n# DESCRIPTION\n\n%s\n", verbatim(c.Description))
		}
		manFlags(w, c.VisibleFlags())
		return
	}
	for _, sub := range c.VisibleCommands() {
		fmt.Fprintf(w, "\n# %s %s\n\n%s\n", strings.ToUpper(path), strings.ToUpper(sub.Name), markdown(sub.Usage))
		manCommandText(w, path+" "+sub.Name, sub)
	}
}

// manFlags lists flags by their categories, those without one first.
func manFlags(w *strings.Builder, flags []cli.Flag) {
	byCategory := map[string][]cli.Flag{}
	var categories []string
	for _, f := range flags {
		category := ""
		if in, ok := f.(cli.CategorizableFlag); ok {
			category = in.GetCategory()
		}
		if !slices.Contains(categories, category) {
			categories = append(categories, category)
		}
		byCategory[category] = append(byCategory[category], f)
	}
	slices.Sort(categories)
	for _, category := range categories {
		heading := "OPTIONS"
		if category != "" {
			heading += ": " + category
		}
		fmt.Fprintf(w, "\n# %s\n\n", heading)
		for _, f := range byCategory[category] {
			manFlag(w, f)
		}
	}
}

func manFlag(w *strings.Builder, f cli.Flag) {
	described, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return
	}
	var names []string
	for _, name := range f.Names() {
		dashes := "--"
		if len(name) == 1 {
			dashes = "-"
		}
		names = append(names, "**"+dashes+name+"**")
	}
	usage, value := described.GetUsage(), ""
	if before, rest, quoted := strings.Cut(usage, "`"); quoted {
		word, after, _ := strings.Cut(rest, "`")
		usage = before + word + after
		value = " *" + markdown(word) + "*"
	} else if described.TakesValue() {
		value = " *VALUE*"
	}
	fallback := described.GetDefaultText()
	if fallback == "" {
		fallback = described.GetValue()
	}
	if described.TakesValue() && fallback != "" && fallback != "0" && fallback != "0s" && fallback != "[]" && !strings.Contains(usage, "(default: ") {
		usage += " (default: " + strings.Trim(fallback, `"`) + ")"
	}
	fmt.Fprintf(w, "%s%s\n: %s\n\n", strings.Join(names, ", "), value, markdown(usage))
}

// markdown escapes what Markdown would take for its own.
func markdown(text string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "<", `\<`, "[", `\[`, "`", "\\`", "|", `\|`).Replace(text)
}

// verbatim is a block that is shown as it is.
func verbatim(text string) string {
	var block strings.Builder
	for line := range strings.Lines(text) {
		block.WriteString("    " + strings.TrimPrefix(line, "   "))
	}
	return block.String()
}
