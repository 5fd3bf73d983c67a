package cmd

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/cmd/internal/language"
)

// translateHelp translates what --help shows of all commands.
func translateHelp(app *cli.App, lang language.Language) {
	if lang.IsEnglish() {
		return
	}
	app.Usage, app.Description = lang.Text(app.Usage), lang.Text(app.Description)
	app.CustomAppHelpTemplate = translateTemplate(cli.AppHelpTemplate, lang)
	translateCommands(app.Commands, lang)
}

func translateCommands(commands []*cli.Command, lang language.Language) {
	for _, c := range commands {
		c.Usage, c.Description = lang.Text(c.Usage), lang.Text(c.Description)
		c.CustomHelpTemplate = translateTemplate(cli.CommandHelpTemplate, lang)
		if len(c.Subcommands) > 0 {
			c.CustomHelpTemplate = translateTemplate(cli.SubcommandHelpTemplate, lang)
		}
		for i, f := range c.Flags {
			c.Flags[i] = translateFlag(f, lang)
		}
		translateCommands(c.Subcommands, lang)
	}
}

// helpWords are those of the templates of the library. Longer ones come before
// those they contain.
func helpWords() []string {
	return []string{
		"NAME:", "USAGE:", "DESCRIPTION:", "COMMANDS:", "GLOBAL OPTIONS:", "OPTIONS:",
		"[command options]", "[global options]", "command [command options]", "show help",
	}
}

// translateTemplate translates the words of a template. It has its parts in
// templates of the library, which are written out here as far as they have words.
func translateTemplate(template string, lang language.Language) string {
	template = strings.ReplaceAll(template, `{{template "usageTemplate" .}}`,
		`{{.HelpName}}{{if .VisibleFlags}} [command options]{{end}}{{if .ArgsUsage}} {{.ArgsUsage}}{{end}}`)
	template = strings.ReplaceAll(template, `{{template "helpNameTemplate" .}}`, `{{.HelpName}}{{if .Usage}} — {{.Usage}}{{end}}`)
	template = strings.ReplaceAll(template, `{{template "visibleFlagCategoryTemplate" .}}`, categoriesTemplate)
	template = strings.ReplaceAll(template, `{{template "visibleFlagTemplate" .}}`, flagsTemplate)
	var pairs []string
	for _, word := range helpWords() {
		pairs = append(pairs, word, lang.Text(word))
	}
	return strings.NewReplacer(pairs...).Replace(template)
}

// flagTemplate shows a flag. The library adds the one for help after the others
// were translated.
const flagTemplate = `{{if eq (index .Names 0) "help"}}--help, -h{{"\t"}}show help{{else}}{{.}}{{end}}`

const flagsTemplate = `{{range .VisibleFlags}}
   ` + flagTemplate + `{{end}}`

const categoriesTemplate = `{{range .VisibleFlagCategories}}
   {{if .Name}}{{.Name}}

   {{end}}{{range $i, $e := .Flags}}{{if $i}}   {{end}}` + flagTemplate + `
{{end}}{{end}}`

// translateFlag translates the description of a flag.
func translateFlag(f cli.Flag, lang language.Language) cli.Flag {
	switch f := f.(type) {
	case *cli.StringFlag:
		f.Usage, f.Category = lang.Text(f.Usage), lang.Text(f.Category)
	case *cli.BoolFlag:
		f.Usage, f.Category = lang.Text(f.Usage), lang.Text(f.Category)
	case *cli.IntFlag:
		f.Usage = lang.Text(f.Usage)
	case *cli.DurationFlag:
		f.Usage = lang.Text(f.Usage)
	case *cli.StringSliceFlag:
		f.Usage = lang.Text(f.Usage)
	}
	if documented, ok := f.(documentedFlag); ok && documented.GetDefaultText() != "" && documented.TakesValue() {
		return translatedFlag{documented, lang}
	}
	return f
}

// documentedFlag is what the help of the library asks a flag.
type documentedFlag interface {
	cli.DocGenerationFlag
	cli.CategorizableFlag
	cli.VisibleFlag
}

// translatedFlag is a flag whose default value the library shows in English.
type translatedFlag struct {
	documentedFlag
	lang language.Language
}

func (f translatedFlag) String() string {
	return strings.Replace(f.documentedFlag.String(), "(default: ", f.lang.Text("(default: "), 1)
}

// untranslated is a flag as it was made, whose type says what it takes.
func untranslated(f cli.Flag) cli.Flag {
	if translated, ok := f.(translatedFlag); ok {
		return translated.documentedFlag
	}
	return f
}

var wrongValue = regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?-([\w-]+): (.*)$`)

// flagError makes an error that package flag has in English one that can be
// translated.
func flagError(err error) error {
	if m := wrongValue.FindStringSubmatch(err.Error()); m != nil {
		if value, failed := strconv.Unquote(m[1]); failed == nil {
			return language.Errorf("invalid value %q for flag -%s: %s", value, m[2], errors.New(m[3]))
		}
	}
	return err
}
