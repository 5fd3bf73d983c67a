package cmd

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
)

// asksForCompletion reports whether a shell wants to know what could follow an
// unfinished command line: "davdisk __complete SHELL WORD …". It is asked before
// there is a table of commands, so that nothing on the line is run.
func asksForCompletion(args []string) bool { return len(args) > 1 && args[1] == "__complete" }

// complete writes what the last of the words could become, one candidate on a
// line, with a tab and an explanation if there is one. A last line ":files" asks
// the shell for files of this machine as well. Whatever fails, there is only
// less to choose from.
func (p program) complete(ctx context.Context, out io.Writer, args []string) error {
	return p.newCompletion().complete(ctx, out, args)
}

// completion is the search for candidates.
type completion struct {
	program
	app     *cli.App // read, never run
	blank   ordering // of an empty line
	ctx     context.Context
	line    *ordering
	current string // the word that is to be completed

	candidates []candidate
	files      bool
}

type candidate struct{ word, help string }

func (p program) newCompletion() *completion {
	app := p.newApp(strings.NewReader(""), io.Discard, io.Discard)
	return &completion{program: p, app: app, blank: *newOrdering(app)}
}

func (f *completion) complete(ctx context.Context, out io.Writer, args []string) error {
	if len(args) < 2 {
		return nil
	}
	words, current := unquoteWords(args[0], args[1:])
	f.ctx, f.current, f.candidates, f.files = ctx, current, nil, false
	f.find(words)
	for _, c := range f.candidates {
		line := c.word
		if c.help != "" {
			line += "\t" + c.help
		}
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	if f.files {
		_, err := fmt.Fprintln(out, ":files")
		return err
	}
	return nil
}

// read takes a line apart.
func (f *completion) read(words []string) error {
	line := f.blank
	f.line = &line
	return line.sort(words)
}

// offer takes a candidate if it begins as what is typed, and a shell can show it.
func (f *completion) offer(word, help string) {
	if strings.HasPrefix(word, f.current) && !strings.ContainsFunc(word, unicode.IsControl) {
		f.candidates = append(f.candidates, candidate{word, help})
	}
}

// find decides what the current word is: the value of a flag, a flag, a
// command or an argument.
func (f *completion) find(words []string) {
	if f.read(words) != nil {
		f.flagOfLastWord(words)
		return
	}
	switch {
	case !f.line.ended && strings.HasPrefix(f.current, "-"):
		if name, _, ok := strings.Cut(f.current, "="); ok {
			f.values(name, name+"=")
			return
		}
		f.flags()
	case f.line.commands != nil && !f.line.ended:
		for _, c := range f.line.commands {
			f.offer(c.Name, c.Usage)
		}
	case f.line.command != nil:
		f.argument()
	}
}

// flagOfLastWord completes the value of a flag that the line before ends in.
func (f *completion) flagOfLastWord(words []string) {
	last := len(words) - 1
	if f.read(words[:last]) == nil && !f.line.ended && strings.HasPrefix(words[last], "-") {
		f.values(words[last], "")
	}
}

func (f *completion) flags() {
	f.offer("--help", "show help")
	if f.line.command == nil {
		f.offer("--version", "show the version")
		return
	}
	for _, flag := range f.line.command.Flags {
		for _, name := range flag.Names() {
			if len(name) > 1 {
				f.offer("--"+name, usageOf(flag))
			}
		}
	}
}

// usageOf is the explanation of a flag, on one line.
func usageOf(flag cli.Flag) string {
	documented, ok := flag.(cli.DocGenerationFlag)
	if !ok {
		return ""
	}
	return strings.ReplaceAll(documented.GetUsage(), "`", "")
}

// flagValues are those of flags that take one of a few.
var flagValues = map[string][]string{
	"log-format": {"text", "json"},
	"litter":     {"store", "local", "refuse"},
	"sort":       {"name", "path", "created", "modified", "size", "-name", "-path", "-created", "-modified", "-size"},
	"type":       {"image", "video", "audio", "document"},
}

// values offers those of a flag, which stand after a prefix.
func (f *completion) values(flag, prefix string) {
	name := strings.TrimLeft(flag, "-")
	for _, value := range flagValues[name] {
		f.offer(prefix+value, "")
	}
	if f.line.command == nil || prefix != "" {
		return // a shell does not look for a file after "="
	}
	for _, known := range f.line.command.Flags {
		if documented, ok := known.(cli.DocGenerationFlag); ok && slices.Contains(known.Names(), name) {
			_, rest, _ := strings.Cut(documented.GetUsage(), "`")
			placeholder, _, _ := strings.Cut(rest, "`")
			f.files = f.files || placeholder == "FILE" || placeholder == "DIR"
		}
	}
}

// argument completes one of those that the usage of the command names.
func (f *completion) argument() {
	var kinds []string
	for word := range strings.FieldsSeq(f.line.command.ArgsUsage) {
		if !strings.HasPrefix(word, "…") {
			kinds = append(kinds, strings.Trim(word, "[]"))
		}
	}
	if len(kinds) == 0 {
		return
	}
	kind := kinds[min(len(f.line.rest), len(kinds)-1)]
	switch {
	case strings.Contains(kind, "|"):
		for choice := range strings.SplitSeq(kind, "|") {
			f.offer(choice, "")
		}
	case kind == "DRIVER":
		for _, d := range f.drivers {
			f.offer(d.Name, "")
		}
	case kind == "OPTION=VALUE":
		f.driverOptions()
	case kind == "NAME" && len(kinds) == 1:
		f.remotes("")
	case kind == "REMOTE:", kind == "REMOTE:ID":
		f.remotes(":")
	case slices.Contains([]string{"PATH", "REMOTE:PATH", "FILE", "FROM", "TO", "SRC", "DST"}, kind):
		f.paths()
	}
}

func (f *completion) driverOptions() {
	f.offer("root=", "the folder that the remote begins at")
	for _, d := range f.drivers {
		for _, o := range d.Options {
			if len(f.line.rest) > 1 && d.Name == f.line.rest[1] && !o.Secret {
				f.offer(o.Name+"=", o.Help)
			}
		}
	}
}

// remotes offers those of the configuration, and with a colon the drivers too.
func (f *completion) remotes(colon string) {
	l, err := f.newListing()
	if err != nil {
		return
	}
	names := slices.Collect(maps.Keys(l.cfg.Remotes))
	if colon != "" {
		for _, d := range f.drivers {
			names = append(names, d.Name)
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		f.offer(name+colon, l.cfg.Remotes[name].Driver)
	}
}

// paths offers what is in the folder of an address, or the remotes if the
// current word does not name one yet. Those of this machine are the shell's.
func (f *completion) paths() {
	name, inner, ok := backend.SplitAddress(f.current)
	if !ok {
		f.files = true
		if !strings.ContainsAny(f.current, `/\`) {
			f.remotes(":")
		}
		return
	}
	l, err := f.newListing()
	if err != nil {
		return
	}
	folder := inner[:strings.LastIndex(inner, "/")+1]
	for _, info := range l.list(f.ctx, name, folder) {
		address := name + ":" + folder + info.Name
		if info.Dir {
			address += "/"
		}
		f.offer(address, "")
	}
}

// unquoteWords takes the quotes of a shell off the words that it gives as they
// stand on the line, and parts the last from the others.
func unquoteWords(shell string, words []string) (before []string, current string) {
	last := len(words) - 1
	before, current = slices.Clone(words[:last]), words[last]
	switch shell {
	case "bash":
		for i, word := range before {
			before[i] = unquote(word)
		}
		current = unquote(current)
	case "fish":
		current = unquote(current)
	case "powershell":
		current = filepath.ToSlash(strings.TrimPrefix(current, "word="))
	}
	return before, current
}

// unquote removes backslashes and quotes; nothing is expanded. The last quote
// may be missing, because it is still to be typed.
func unquote(word string) string {
	var out strings.Builder
	quote, escaped := rune(0), false
	for _, r := range word {
		switch {
		case escaped:
			escaped = false
			out.WriteRune(r)
		case r == '\\' && quote != '\'':
			escaped = true
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		case r == quote:
			quote = 0
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}
