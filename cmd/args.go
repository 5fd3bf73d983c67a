package cmd

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/cmd/internal/language"
)

// orderArgs puts a command line into the only order that urfave/cli v2 reads
// whole: command, flags, "--", arguments. That library stops at the first
// argument, so that a flag after it would be taken for a file. What begins
// with "-" and is no flag of the command is refused, unless it follows "--".
func orderArgs(app *cli.App, args []string) ([]string, error) {
	o := newOrdering(app)
	if err := o.sort(args[1:]); err != nil {
		return nil, err
	}
	if err := o.checkFlags(); err != nil {
		return nil, err
	}
	ordered := slices.Concat(args[:1], o.path)
	for _, f := range o.flags {
		ordered = append(ordered, f.words...)
	}
	if len(o.path) == 0 {
		return ordered, nil
	}
	return slices.Concat(ordered, []string{"--"}, o.rest), nil
}

// ordering is a command line taken apart.
type ordering struct {
	commands   []*cli.Command  // what the next word may be
	takesValue map[string]bool // by name of a flag of any command
	command    *cli.Command
	path       []string // the names of the command
	flags      []givenFlag
	rest       []string
	ended      bool // by "--": no flag follows
}

type givenFlag struct {
	name  string
	words []string
}

// newOrdering is of a line of which nothing has been read.
func newOrdering(app *cli.App) *ordering {
	o := &ordering{commands: app.Commands, takesValue: map[string]bool{}}
	o.learn(app.Commands)
	return o
}

// learn notes the flags of all commands: which one is meant is known only
// when the line has been read.
func (o *ordering) learn(commands []*cli.Command) {
	for _, c := range commands {
		for _, f := range c.Flags {
			for _, name := range f.Names() {
				_, isBool := f.(*cli.BoolFlag)
				o.takesValue[name] = !isBool
			}
		}
		o.learn(c.Subcommands)
	}
}

func (o *ordering) sort(words []string) error {
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		switch {
		case word == "--":
			o.rest, o.ended = append(o.rest, words...), true
			return nil
		case len(word) > 1 && word[0] == '-':
			n, err := o.flag(word, words)
			if err != nil {
				return err
			}
			words = words[n:]
		case o.command == nil && word == "help" && len(o.path) == 0:
			o.flags = append(o.flags, givenFlag{"help", []string{"--help"}})
		case o.commands != nil:
			if err := o.descend(word); err != nil {
				return err
			}
		default:
			o.rest = append(o.rest, word)
		}
	}
	return nil
}

// descend takes a word for the name of a command.
func (o *ordering) descend(word string) error {
	for _, c := range o.commands {
		if c.HasName(word) {
			o.command, o.commands = c, c.Subcommands
			o.path = append(o.path, c.Name)
			return nil
		}
	}
	hint, names := o.choice(), []string(nil)
	for _, c := range o.commands {
		names = append(names, c.Name)
	}
	if near := nearest(word, names); near != "" {
		hint = language.Say("did you mean %q?", strings.Join(append(slices.Clone(o.path), near), " "))
	}
	return misuse("%q is no command; %s", strings.Join(append(slices.Clone(o.path), word), " "), hint)
}

func (o *ordering) choice() language.Phrase {
	if len(o.path) == 0 {
		return language.Say("davdisk help lists them")
	}
	var names []string
	for _, c := range o.commands {
		names = append(names, c.Name)
	}
	return language.Say("there are %s", strings.Join(names, ", "))
}

// flag reads one word that begins with "-", and says how many of the words
// after it belong to it. Several short switches may stand together: -lR.
func (o *ordering) flag(word string, after []string) (int, error) {
	name, _, hasValue := strings.Cut(strings.TrimLeft(word, "-"), "=")
	takes, known := o.takesValue[name]
	switch {
	case name == "help" || name == "h":
		o.flags = append(o.flags, givenFlag{"help", []string{"--help"}})
		return 0, nil
	case name == "version" && o.command == nil:
		return 0, o.descend("version")
	case !known && !strings.HasPrefix(word, "--") && len(name) > 1 && !hasValue && o.areSwitches(name):
		for _, letter := range name {
			o.flags = append(o.flags, givenFlag{string(letter), []string{"-" + string(letter)}})
		}
		return 0, nil
	case !known || !takes || hasValue:
		o.flags = append(o.flags, givenFlag{name, []string{word}})
		return 0, nil
	case len(after) == 0:
		return 0, misuse("the flag %s needs a value", word)
	}
	o.flags = append(o.flags, givenFlag{name, []string{word + "=" + after[0]}})
	return 1, nil
}

func (o *ordering) areSwitches(letters string) bool {
	for _, letter := range letters {
		if takes, known := o.takesValue[string(letter)]; !known || takes {
			return false
		}
	}
	return true
}

// checkFlags demands that every flag given is one of the command.
func (o *ordering) checkFlags() error {
	var names []string
	if o.command != nil {
		for _, f := range o.command.Flags {
			names = append(names, f.Names()...)
		}
	}
	for _, f := range o.flags {
		if f.name == "help" || slices.Contains(names, f.name) {
			continue
		}
		said := f.words[0]
		if name, _, ok := strings.Cut(said, "="); ok {
			said = name
		}
		of := "davdisk " + strings.Join(o.path, " ")
		hint := language.Say("%s --help lists them", of)
		if near := nearest(f.name, names); near != "" {
			hint = language.Say("did you mean --%s?", near)
		}
		return misuse("%s is no flag of %s; %s (a file of that name goes after --)", said, strings.TrimSpace(of), hint)
	}
	if o.command != nil && o.commands != nil && len(o.flags) == 0 {
		return misuse("%s: say which; %s", strings.Join(o.path, " "), o.choice())
	}
	return nil
}

// nearest is the one of several names that was probably meant: at most two
// letters are wrong, and most are right. Empty if none is.
func nearest(name string, names []string) string {
	best, least := "", 3
	for _, n := range names {
		if d := editDistance(name, n); d < least && 2*d < len(name) {
			best, least = n, d
		}
	}
	return best
}

// editDistance counts the bytes that must be added, left out, changed or
// swapped with their neighbor to make b of a.
func editDistance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
