package cmd

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/cmd/internal/transfer"
)

// A literal is a text in the sources, with what it is given to.
type literal struct {
	text, at string
	call     string // name of the function, of the innermost call; empty for none
	arg      int
	whole    bool // it is all of the argument
}

// literals returns the texts in the sources of a folder without its tests, the
// parts of a sum as one.
func literals(t *testing.T, dir string) (all []literal) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		var visit func(n ast.Node, call string, arg int)
		visit = func(root ast.Node, call string, arg int) {
			ast.Inspect(root, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.ImportSpec:
					return false
				case *ast.Field:
					return n.Tag == nil
				case *ast.CallExpr:
					visit(n.Fun, call, arg)
					for i, a := range n.Args {
						visit(a, calledName(n.Fun), i)
					}
					return false
				case *ast.CompositeLit:
					name := ""
					if n.Type != nil {
						name = calledName(n.Type)
					}
					for i, e := range n.Elts {
						if pair, ok := e.(*ast.KeyValueExpr); ok {
							visit(pair.Key, "", 0)
							e = pair.Value
							i = -2 // a field of a name
						}
						visit(e, name, i)
					}
					return false
				case ast.Expr:
					if text, ok := constantText(n); ok {
						all = append(all, literal{text, set.Position(n.Pos()).String(), call, arg, ast.Node(n) == root})
						return false
					}
				}
				return true
			})
		}
		for _, d := range parsed.Decls {
			visit(d, "", 0)
		}
	}
	return all
}

// constantText is the value of a text literal, or of a sum of them.
func constantText(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		x, okX := constantText(e.X)
		y, okY := constantText(e.Y)
		return x + y, okX && okY && e.Op == token.ADD
	}
	return "", false
}

// calledName is "misuse", "language.Errorf", "lang.Text": the last two elements.
func calledName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if x := calledName(e.X); x != "" {
			return x[strings.LastIndex(x, ".")+1:] + "." + e.Sel.Name
		}
		return "." + e.Sel.Name
	case *ast.ArrayType:
		return calledName(e.Elt)
	}
	return ""
}

// saidBy returns the argument of a function that a person reads; -1 for none.
func saidBy(call string) int {
	switch call {
	case "misuse", "language.Errorf", "language.Say", "lang.Sprintf", "lang.Text", "errors.New", "field", "step":
		return 0
	case "lang.Fprintf", "counted":
		return 1
	case ".refuse", "p.refuse", "from.refuse", "to.refuse":
		return 2
	case "backend.PathError", "backend.LinkError":
		return 3
	}
	return -1
}

// readByPrograms reports whether a text is for logs, manuals and other programs,
// or for those who write a driver: it is English everywhere.
func readByPrograms(l literal) bool {
	switch file, _, _ := strings.Cut(filepath.Base(l.at), ":"); file {
	case "manual.go", "serviceunit.go", "print.go", "demo.go", "help.go":
		return saidBy(l.call) != l.arg
	}
	receiver, _, _ := strings.Cut(l.call, ".")
	switch receiver {
	case "log", "slog", "tb", "strings", "regexp", "admin":
		return true
	}
	switch l.call {
	case "f.offer": // completions
		return true
	case "fs.PathError": // what was tried, which is not told in Russian
		return true
	}
	switch l.text {
	case "remotes add", "config init", "config path": // names of commands
		return true
	case "size and time", "davdisk, self-signed", "davdisk, a cloud disk over WebDAV": // JSON, a certificate, a unit
		return true
	case "davdisk doctor wrote this, and removes it.\n", "listening on %s/\n": // a file, and what tests wait for
		return l.call == "byte" || strings.HasPrefix(l.at, "emulator.go:")
	case "listening on %s\n":
		return strings.HasPrefix(l.at, "serve.go:")
	case "emulator.go", "proxy", "control", "api", "oauth", "token", "ca-file":
		return strings.HasPrefix(l.at, "emulator.go:")
	}
	return false
}

var (
	word      = regexp.MustCompile(`\pL{2}`)
	sentences = regexp.MustCompile(`[a-z]{2}\S* (\S* )*\S*[a-z]{2}`)
	// wordless is what of a text is the same in all languages: verbs, flags and keys.
	wordless = regexp.MustCompile(`%(\[\d+\])?[-+# 0]*\d*[a-z]|[a-z]*-[a-z-]+`)
	// examples are lines without a word beside commands.
	examples = regexp.MustCompile(`^(   davdisk [^#\n]*\n?)+$`)
)

// needed returns what a person can read, with where that is.
func needed(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	add := func(text, at string) {
		if text = strings.TrimRight(text, "\n"); text != "" && !examples.MatchString(text) {
			all[text] = at
		}
	}
	for _, dir := range []string{".", "internal/config", "internal/state", "internal/terminal", "internal/demo", "internal/transfer"} {
		for _, l := range literals(t, dir) {
			switch {
			case readByPrograms(l):
			case l.call == "counted" && l.arg == 1:
				add("%d "+l.text, l.at)
			case strings.HasPrefix(l.call, "fmt.") && sentences.MatchString(l.text):
				t.Errorf("%s: %q is told in English only; see package language", l.at, l.text)
			case saidBy(l.call) == l.arg && word.MatchString(wordless.ReplaceAllString(l.text, "")),
				sentences.MatchString(wordless.ReplaceAllString(l.text, "")):
				add(l.text, l.at)
			}
		}
	}
	p, err := newProgram()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range p.drivers {
		for _, o := range d.Options {
			add(o.Help, "driver "+d.Name)
		}
	}
	app := p.newApp(os.Stdin, io.Discard, io.Discard)
	var walk func(commands []*cli.Command)
	walk = func(commands []*cli.Command) {
		for _, c := range commands {
			add(c.Usage, "command "+c.Name)
			add(c.Description, "command "+c.Name)
			for _, f := range c.Flags {
				if c, ok := f.(cli.CategorizableFlag); ok {
					add(c.GetCategory(), "flag "+f.Names()[0])
				}
				_, option := p.driverOption(f.Names()[0])
				_, secret := p.driverOption(strings.TrimSuffix(f.Names()[0], "-file"))
				if !option && !secret {
					add(f.(cli.DocGenerationFlag).GetUsage(), "command "+c.Name)
				}
			}
			walk(c.Subcommands)
		}
	}
	walk(app.Commands)
	for _, word := range helpWords() {
		add(word, "help.go")
	}
	for _, kind := range []transfer.Kind{transfer.MakeFolder, transfer.Copy, transfer.Replace, transfer.Delete} {
		add(string(kind), "transfer")
	}
	return all
}

// catalogue returns the Russian texts, by the English ones.
func catalogue(t *testing.T) map[string]any {
	t.Helper()
	var texts map[string]any
	if _, err := toml.DecodeFile("internal/language/ru.toml", &texts); err != nil {
		t.Fatal(err)
	}
	return texts
}

func TestEverythingThatAPersonReadsIsTranslated(t *testing.T) {
	texts := catalogue(t)
	for text, at := range needed(t) {
		if _, ok := texts[text]; !ok {
			t.Errorf("%s: there is no Russian for %q in ru.toml", at, text)
		}
	}
}

// TestWhatDriversSayIsTranslated: what they know of a failure that is not made of
// parts. The service's own words, in brackets, are told as they are.
func TestWhatDriversSayIsTranslated(t *testing.T) {
	texts, found := catalogue(t), 0
	for _, dir := range []string{".", "yandex", "yandex/internal/api", "dav", "s3", "sftp", "crypt", "combine", "local"} {
		for _, l := range literals(t, filepath.Join("../backend", dir)) {
			switch l.call {
			case "backend.PathError", "backend.LinkError":
				l.whole = l.whole && l.arg == 3
			case "backend.Error":
			default:
				continue
			}
			if !l.whole || !sentences.MatchString(l.text) {
				continue
			}
			found++
			own, _, _ := strings.Cut(l.text, "(")
			if _, ok := texts[strings.TrimSpace(own)]; !ok && own != "" {
				t.Errorf("%s: there is no Russian for %q in ru.toml", l.at, own)
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d texts were found", found)
	}
}

// TestNothingInTheCatalogueIsDead allows what the drivers and the systems say.
func TestNothingInTheCatalogueIsDead(t *testing.T) {
	used := needed(t)
	dirs := []string{"..", "../backend"}
	for _, pattern := range []string{"../backend/*", "../backend/*/internal/*", "../webdav/*", "internal/*"} {
		more, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, more...)
	}
	for _, dir := range append(dirs, ".") {
		for _, l := range literals(t, dir) {
			used[strings.TrimRight(l.text, "\n")] = l.at
		}
	}
	for _, err := range []error{
		fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, fs.ErrInvalid, errors.ErrUnsupported,
		syscall.ENOENT, syscall.EEXIST, syscall.EACCES, syscall.EPERM, syscall.EINVAL, syscall.EISDIR, syscall.ENOTDIR,
		syscall.ENOTEMPTY, syscall.ENOSPC, syscall.EROFS, syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, syscall.EIO,
		errParse, strconv.ErrRange,
	} {
		used[err.Error()] = "an error of Go"
	}
	used["no such file or directory"], used["not a directory"] = "an error of POSIX", "an error of POSIX"
	for text := range catalogue(t) {
		if _, ok := used[text]; !ok {
			t.Errorf("nobody says %q any more", text)
		}
	}
}

// errParse is that of package flag.
var errParse = errors.New("parse error")

var verbs = regexp.MustCompile(`%(?:\[(\d+)\])?[-+# 0]*(?:\d+)?(?:\.\d+)?([a-zA-Z%])`)

// arguments of a format, by number.
func verbsOf(format string) map[int]string {
	found, next := map[int]string{}, 1
	for _, m := range verbs.FindAllStringSubmatch(format, -1) {
		if m[2] == "%" {
			continue
		}
		if m[1] != "" {
			next, _ = strconv.Atoi(m[1])
		}
		found[next] = strings.ReplaceAll(m[2], "w", "v")
		next++
	}
	return found
}

func TestTranslationsHaveTheVerbsOfTheText(t *testing.T) {
	placeholder := regexp.MustCompile("`.*?`")
	for text, value := range catalogue(t) {
		forms, plural := value.([]any)
		if !plural {
			forms = []any{value}
		}
		for _, form := range forms {
			russian := form.(string)
			if want, got := verbsOf(text), verbsOf(russian); !maps.Equal(want, got) {
				t.Errorf("%q has the verbs %v, %q has %v", text, want, russian, got)
			}
			if want, got := placeholder.FindString(text), placeholder.FindString(russian); want != got {
				t.Errorf("%q has the placeholder %s, %q has %s", text, want, russian, got)
			}
		}
	}
}
