package cmd

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testtool"
)

// spyDriver is a store that notes what is done with it.
func spyDriver(did map[string]int) backend.Driver {
	return backend.Driver{
		Name: "spy",
		Open: func(context.Context, string, map[string]string, backend.Env) (backend.Backend, error) {
			return spyBackend{nil, did}, nil
		},
	}
}

// spyBackend has one folder. What it lacks panics, and is noticed so.
type spyBackend struct {
	backend.Backend
	did map[string]int
}

func (b spyBackend) Stat(context.Context, string) (backend.Info, error) {
	b.did["Stat"]++
	return backend.Info{Name: ".", Dir: true}, nil
}

func (b spyBackend) List(context.Context, string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	b.did["List"]++
	return backend.Info{Name: ".", Dir: true}, func(yield func(backend.Info, error) bool) {
		yield(backend.Info{Name: "folder", Dir: true}, nil)
	}, nil
}

func (b spyBackend) Mkdir(context.Context, string) error { b.did["Mkdir"]++; return nil }

func (b spyBackend) Remove(context.Context, string, backend.RemoveOptions) error {
	b.did["Remove"]++
	return nil
}

// Whatever stands on a line that a shell wants completed, with every command and
// every flag, before and after "--": folders are listed, and nothing else.
func TestCompletionOnlyLists(t *testing.T) {
	home(t)
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("keep.txt", []byte("keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	did := map[string]int{}
	p, err := newProgram(spyDriver(did))
	if err != nil {
		t.Fatal(err)
	}
	f, lines, listed := p.newCompletion(), 0, 0
	try := func(words ...string) {
		lines++
		before := did["List"]
		if err := f.complete(t.Context(), io.Discard, slices.Concat([]string{"zsh"}, words)); err != nil {
			t.Fatalf("completing %q: %v", words, err)
		}
		if did["List"] > before {
			listed++
		}
		if len(did) > 1 || len(did) == 1 && did["List"] == 0 {
			t.Fatalf("completing %q did %v", words, did)
		}
	}
	const path, file = "spy:", "keep.txt"
	seen := map[string]bool{} // a flag has the same shape in all its commands
	walkCommands(f.app.Commands, nil, func(command []string, flags []string) {
		with := func(more ...string) []string { return append(slices.Clone(command), more...) }
		for _, last := range []string{path, file, "-"} {
			try(with(last)...)
			try(with(path, last)...)
			try(with(file, "--", "-o", last)...)
			try(with("--", path, last)...)
			try(append([]string{"--"}, with(path, last)...)...)
		}
		try(with(append(slices.Clone(flags), path, path)...)...)
		try(with(append([]string{"--"}, append(slices.Clone(flags), path)...)...)...)
		for _, flag := range flags {
			if seen[flag] {
				continue
			}
			seen[flag] = true
			try(with(flag, path)...)
			try(with(flag + "=" + path)...)
			try(with(flag+"=1", path, path)...)
			try(with(flag, "1", path, "--", path)...)
			try(with(path, "--", flag, path)...)
			try(append([]string{flag, "1"}, with("--", path, path)...)...)
			try(with(flag, "__complete", "--", path, path)...)
		}
	})
	if lines < 800 || listed < 100 {
		t.Errorf("only %d lines were completed, %d by listing", lines, listed)
	}
	for _, made := range []string{os.Getenv("XDG_STATE_HOME"), os.Getenv("XDG_CACHE_HOME"), os.Getenv("XDG_CONFIG_HOME")} {
		if _, err := os.Stat(made); err == nil {
			t.Errorf("%s was made", made)
		}
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
	for _, words := range [][]string{{"mkdir", "spy:new"}, {"rm", "spy:gone"}} {
		clear(did)
		if _ = execute(t.Context(), p.newApp(nil, io.Discard, io.Discard), append([]string{"davdisk"}, words...)); len(did) == 0 {
			t.Errorf("this test would not notice that %q ran", words)
		}
	}
}

// A login that is stored is used as it is, and the service is asked for listings only.
func TestCompletionOfALoginOnlyReads(t *testing.T) {
	disk := onDisk(t)
	if err := disk.WriteFile("disk:/Docs/a.txt", []byte("x")); err != nil {
		t.Fatal(err)
	}
	disk.ResetCounters()
	var out strings.Builder
	p := program{drivers: ownDrivers()}
	if err := p.complete(t.Context(), &out, []string{"zsh", "rm", "-r", "yandex:Docs/"}); err != nil || out.String() != "yandex:Docs/a.txt\n" {
		t.Errorf("the candidates are %q, %v", &out, err)
	}
	for endpoint, calls := range disk.Counters().By {
		if !strings.HasPrefix(string(endpoint), "GET ") {
			t.Errorf("%s was called %d times", endpoint, calls)
		}
	}
	if _, err := os.Stat(os.Getenv("XDG_STATE_HOME")); err == nil {
		t.Error("a state folder was made")
	}
}

// walkCommands calls f with each command that does something, and with its flags.
func walkCommands(commands []*cli.Command, above []string, f func(command []string, flags []string)) {
	for _, c := range commands {
		path := append(slices.Clone(above), c.Name)
		if len(c.Subcommands) > 0 {
			walkCommands(c.Subcommands, path, f)
			continue
		}
		flags := []string{"--help"}
		for _, flag := range c.Flags {
			for _, name := range flag.Names() {
				flags = append(flags, strings.Repeat("-", min(2, len(name)))+name)
			}
		}
		f(path, flags)
	}
}

func TestCompletionCandidates(t *testing.T) {
	home(t)
	if err := os.MkdirAll(os.Getenv("XDG_CONFIG_HOME")+"/davdisk", 0o700); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for _, name := range []string{"a b.txt", "line\nfeed", "Ж$(x).txt"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := fmt.Sprintf("[serve]\nlitter = \"store\"\n[remotes.work]\ndriver = \"spy\"\n[remotes.here]\ndriver = \"local\"\nroot = %q\n", folder)
	if err := os.WriteFile(os.Getenv("XDG_CONFIG_HOME")+"/davdisk/config.toml", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := newProgram(spyDriver(map[string]int{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ shell, typed, want string }{
		{"zsh", "se", "serve service"},
		{"zsh", "-v|se", "serve service"},
		{"zsh", "--state-dir|x|logi", "login"},
		{"zsh", "help|se", "serve service"},
		{"zsh", "trash|r", "restore rm"},
		{"zsh", "trash|--json|r", "restore rm"},
		{"zsh", "nosuch|", ""},
		{"zsh", "--|se", ""},
		{"zsh", "serve|--tls-c", "--tls-cert"},
		{"zsh", "serve|--|--tls-c", ":files"},
		{"zsh", "serve|--tls-cert|", ":files"},
		{"zsh", "serve|--litter|re", "refuse"},
		{"zsh", "serve|--litter=re", "--litter=refuse"},
		{"zsh", "ls|--log-format|--", ""},
		{"zsh", "ls|w", "webdav: work: :files"},
		{"zsh", "ls|work:", "work:folder/"},
		{"zsh", "ls|work:x", ""},
		{"zsh", "ls|--config|nosuch.toml|work:", ""},
		{"zsh", "ls|here:", "here:a b.txt here:Ж$(x).txt"},
		{"bash", `ls|here:a\ `, "here:a b.txt"},
		{"bash", `ls|"here:a `, "here:a b.txt"},
		{"fish", `ls|'here:a `, "here:a b.txt"},
		{"powershell", "ls|word=work:", "work:folder/"},
		{"powershell", "word=emu", "emulator"},
		{"zsh", "login|wo", "work:"},
		{"zsh", "remotes|show|w", "work"},
		{"zsh", "remotes|add|new|y", "yandex"},
		{"zsh", "remotes|add|new|yandex|acco", "account="},
		{"zsh", "remotes|add|new|yandex|tok", ""},
		{"zsh", "completion|f", "fish"},
		{"zsh", "public|ls|", ""},
		{"zsh", "version|", ""},
	} {
		var out strings.Builder
		words := append([]string{test.shell}, strings.Split(test.typed, "|")...)
		if err := p.complete(t.Context(), &out, words); err != nil {
			t.Errorf("%q: %v", test.typed, err)
		}
		var got []string
		for line := range strings.Lines(out.String()) {
			word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			got = append(got, word)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %q may become %q, want %q", test.shell, test.typed, got, test.want)
		}
	}
}

// TestCompletionInTheShells types lines with TABs into the shells themselves, on
// a terminal that the program script makes.
func TestCompletionInTheShells(t *testing.T) {
	testlevel.NeedMore(t)
	script := testtool.Find(t, "script")
	disk := onDisk(t)
	for _, name := range []string{"My Docs/a.txt", "hostile/x$(touch made).txt", "hostile/y`touch made`.txt", "Документы/б.txt"} {
		if err := disk.WriteFile("disk:/"+name, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("TERM", "dumb")
	t.Setenv("LC_ALL", "C.UTF-8")
	typed := []struct{ keys, becomes string }{
		{"davdisk em\t", "<davdisk><emulator>"},
		{"davdisk tra\tres\t", "<davdisk><trash><restore>"},
		{"davdisk ls --log-f\tj\t", "<davdisk><ls><--log-format><json>"},
		{"davdisk ls yandex:My\t", "<davdisk><ls><yandex:My Docs/>"},
		{"davdisk ls yandex:My\\ Docs/a\t", "<davdisk><ls><yandex:My Docs/a.txt>"},
		{"davdisk cat yandex:hostile/x\t", "<davdisk><cat><yandex:hostile/x$(touch made).txt>"},
		{"davdisk cat yandex:hostile/y\t", "<davdisk><cat><yandex:hostile/y`touch made`.txt>"},
		{"davdisk cat yandex:Д\t", "<davdisk><cat><yandex:Документы/>"},
		{"davdisk rm kee\t", "<davdisk><rm><keep.txt>"},
		{"davdisk rm keep.txt -- -o\t", "<davdisk><rm><keep.txt><--><-o>"},
		{"davdisk rm -- '$(touch made)' \tke\t", "<davdisk><rm><--><$(touch made)><keep.txt>"},
	}
	for _, shell := range []struct{ name, command, setup string }{
		{"bash", "bash --norc --noprofile -i", `source <(davdisk completion bash); show() { printf '<%s>' "$@" >>shown; echo >>shown; }`},
		{"zsh", "zsh -f -i", `autoload -Uz compinit; compinit -u -D; source <(davdisk completion zsh); show() { printf '<%s>' "$@" >>shown; echo >>shown; }`},
		{"fish", "fish --no-config -i", `davdisk completion fish | source; function show; printf '<%s>' $argv >>shown; echo >>shown; end`},
	} {
		t.Run(shell.name, func(t *testing.T) {
			testtool.Find(t, shell.name)
			t.Chdir(t.TempDir())
			if err := os.WriteFile("keep.txt", nil, 0o600); err != nil {
				t.Fatal(err)
			}
			keys := shell.setup + "\r"
			want := ""
			for _, line := range typed {
				keys += line.keys + "\x01show \r" // to the begin of the line: show it, in place of running it
				want += line.becomes + "\n"
			}
			cmd := exec.CommandContext(t.Context(), script, "-qec", shell.command, os.DevNull)
			cmd.Stdin = strings.NewReader(keys + "exit\r")
			screen, err := cmd.CombinedOutput()
			got, readErr := os.ReadFile("shown")
			if err != nil || readErr != nil || string(got) != want {
				t.Errorf("the lines became\n%swant\n%s%v, %v; the screen:\n%s", got, want, err, readErr, screen)
			}
			if entries, err := os.ReadDir("."); err != nil || len(entries) != 2 {
				t.Errorf("the folder holds %v, %v", entries, err)
			}
		})
	}
}
