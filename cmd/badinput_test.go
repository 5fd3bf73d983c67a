package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testwait"
)

// The mistakes that a command line can hold, and the code each is to end with.
var mistakes = map[string]int{
	"no argument":          exitMisuse,
	"too many arguments":   exitMisuse,
	"a missing path":       exitNotFound,
	"an existing target":   exitFailed,
	"a folder for a file":  exitFailed,
	"a file for a folder":  exitFailed,
	"a name it can't hold": exitFailed,
	"a name that escapes":  exitFailed,
}

// badInputs is what a command is given. In its words ~ is a folder of this machine
// that holds file and dir/, and the disk holds f.txt, d/g.txt and t.txt, which is
// public.
type badInputs struct {
	mistakes map[string]string // the words for each mistake, or why there is none
	codes    map[string]int    // other codes than mistakes says
}

// Why a mistake does not exist for a command.
const (
	why         = "—" // begins each of these
	noArguments = why + " it takes none"
	optional    = why + " by default it is about the whole disk, or the default remote"
	noPath      = why + " no argument is a path"
	noTarget    = why + " nothing is stored under a name that is given"
	anyKind     = why + " files and folders are treated alike"
	anyNumber   = why + " it takes any number"
	noListing   = why + " nothing that a listing names is written"
	onlyRead    = why + " a name that nothing can have is one that is not there"
)

// all are the words for each mistake, in the order of the issue.
func words(none, many, missing, existing, folder, file, name, escaping string) map[string]string {
	return map[string]string{
		"no argument": none, "too many arguments": many, "a missing path": missing, "an existing target": existing,
		"a folder for a file": folder, "a file for a folder": file, "a name it can't hold": name, "a name that escapes": escaping,
	}
}

// offline are the words of a command that knows no paths.
func offline(none, many string) map[string]string {
	return words(none, many, noPath, noTarget, noPath, noPath, noPath, noListing)
}

// longName is longer than a name may be on either side.
var longName = strings.Repeat("n", 300)

// badInputsOf is the table: every command of the program has a row.
var badInputsOf = map[string]badInputs{
	"about": {mistakes: words(optional, "about yandex: x", noPath, noTarget, noPath, noPath, noPath, noListing)},
	"ls":    {mistakes: words(optional, "ls yandex: x", "ls yandex:none", noTarget, anyKind, "ls yandex:f.txt/", onlyRead, noListing)},
	"tree":  {mistakes: words(optional, "tree yandex: x", "tree yandex:none", noTarget, anyKind, "tree yandex:f.txt/", onlyRead, noListing)},
	"stat":  {mistakes: words("stat", "stat yandex: x", "stat yandex:none", noTarget, anyKind, "stat yandex:f.txt/", onlyRead, noListing)},
	"cat":   {mistakes: words("cat", anyNumber, "cat yandex:none", noTarget, "cat yandex:d", "cat yandex:f.txt/", onlyRead, noListing)},
	"du":    {mistakes: words(optional, anyNumber, "du yandex:none", noTarget, anyKind, "du yandex:f.txt/", onlyRead, noListing)},
	"cp": {mistakes: words("cp", anyNumber, "cp ~/none yandex:", "cp ~/file yandex:f.txt", "cp yandex:d ~", "cp ~/file yandex:f.txt/",
		"cp ~/file yandex:"+longName, "cp -r yandex:d ~/new")},
	"mv": {mistakes: words("mv", anyNumber, "mv yandex:none yandex:new", "mv ~/file yandex:f.txt", anyKind, "mv ~/file yandex:f.txt/",
		"mv ~/file yandex:"+longName, "mv yandex:d ~/new")},
	"sync": {mistakes: words("sync", "sync ~ yandex: x", "sync ~/none yandex:new", why+" it replaces", "sync ~/file yandex:d", "sync ~ yandex:f.txt",
		"sync ~ yandex:"+longName, "sync yandex:d ~/new")},
	"compare": {mistakes: words("compare", "compare yandex: yandex: x", "compare ~/none yandex:d", noTarget, "compare ~/file yandex:d", "compare ~ yandex:f.txt", onlyRead, "compare yandex:d ~/dir")},
	"rm":      {mistakes: words("rm", anyNumber, "rm yandex:none", noTarget, "rm yandex:d", "rm yandex:f.txt/", onlyRead, noListing)},
	"mkdir": {mistakes: words("mkdir", anyNumber, "mkdir yandex:none/new", "mkdir yandex:d", anyKind, "mkdir yandex:f.txt/new",
		"mkdir yandex:"+longName, noListing), codes: map[string]int{"a file for a folder": exitNotFound}},
	"link":     {mistakes: words("link", "link yandex:f.txt x", "link yandex:none", noTarget, "link yandex:d", "link yandex:f.txt/", onlyRead, noListing)},
	"props":    {mistakes: words("props", anyNumber, "props yandex:none", noTarget, anyKind, "props yandex:f.txt/", onlyRead, noListing)},
	"files":    {mistakes: words(optional, "files yandex: x", "files yandex:none", noTarget, anyKind, "files yandex:f.txt/", onlyRead, noListing)},
	"share":    {mistakes: words("share", "share yandex:f.txt x", "share yandex:none", noTarget, anyKind, "share yandex:f.txt/", onlyRead, noListing)},
	"unshare":  {mistakes: words("unshare", anyNumber, "unshare yandex:none", noTarget, anyKind, "unshare yandex:f.txt/", onlyRead, noListing)},
	"shared":   {mistakes: words(optional, "shared yandex: x", noPath, noTarget, noPath, noPath, noPath, noListing)},
	"save-url": {mistakes: words("save-url", "save-url http://127.0.0.1:1/x yandex:new x", "save-url http://127.0.0.1:1/x yandex:none/new", "save-url http://127.0.0.1:1/x yandex:f.txt", anyKind, "save-url http://127.0.0.1:1/x yandex:f.txt/", "save-url http://127.0.0.1:1/x yandex:"+longName, noListing)},

	"public stat": {mistakes: words("public stat", "public stat PUBLIC x x", "public stat PUBLIC none", noTarget, anyKind, anyKind, onlyRead, noListing)},
	"public ls":   {mistakes: words("public ls", "public ls PUBLIC x x", "public ls PUBLIC none", noTarget, anyKind, anyKind, onlyRead, noListing)},
	"public link": {mistakes: words("public link", "public link PUBLIC x x", "public link PUBLIC none", noTarget, why+" what is public here is a file", anyKind, onlyRead, noListing)},
	"public get":  {mistakes: words("public get", "public get PUBLIC x x x", "public get PUBLIC none ~/new", "public get PUBLIC ~/file", anyKind, "public get PUBLIC ~/file/", "public get PUBLIC ~/"+longName, noListing)},
	"public save": {mistakes: words("public save", "public save PUBLIC x yandex:new x", "public save PUBLIC none yandex:new", "public save PUBLIC yandex:f.txt", anyKind, "public save PUBLIC yandex:f.txt/", "public save PUBLIC yandex:"+longName, noListing)},

	"trash ls":      {mistakes: words(optional, "trash ls yandex: x", noPath, noTarget, noPath, noPath, noPath, noListing)},
	"trash restore": {mistakes: words("trash restore", anyNumber, "trash restore yandex:none", noTarget, anyKind, anyKind, onlyRead, noListing)},
	"trash rm":      {mistakes: words("trash rm", anyNumber, "trash rm yandex:none", noTarget, anyKind, anyKind, onlyRead, noListing)},
	"trash empty":   {mistakes: words(optional, "trash empty yandex: x", noPath, noTarget, noPath, noPath, noPath, noListing)},

	"remotes add":       {mistakes: offline("remotes add", anyNumber)},
	"remotes ls":        {mistakes: offline(noArguments, "remotes ls x")},
	"remotes show":      {mistakes: offline("remotes show", "remotes show x x")},
	"remotes rm":        {mistakes: offline("remotes rm", "remotes rm x x")},
	"drivers":           {mistakes: offline(why+" then it lists them", "drivers yandex x")},
	"queue":             {mistakes: offline(noArguments, "queue x")},
	"config path":       {mistakes: offline(noArguments, "config path x")},
	"config check":      {mistakes: offline(noArguments, "config check x")},
	"config init":       {mistakes: offline(noArguments, "config init x")},
	"config show":       {mistakes: offline(noArguments, "config show x")},
	"service install":   {mistakes: offline(optional, "service install yandex: x")},
	"service uninstall": {mistakes: offline(noArguments, "service uninstall x")},
	"completion":        {mistakes: offline("completion", "completion bash x")},
	"version":           {mistakes: offline(noArguments, "version x")},
	"man":               {mistakes: words("man", "man ~/new x", noPath, why+" pages are replaced", noPath, "man ~/file", "man ~/"+longName, noListing)},

	"login":          {mistakes: offline(optional, "login yandex: x")},
	"logout":         {mistakes: offline(optional, "logout yandex: x")},
	"token code":     {mistakes: offline(optional, "token code yandex: x")},
	"token exchange": {mistakes: offline("token exchange", "token exchange c yandex: x")},
	"token refresh":  {mistakes: offline(optional, "token refresh yandex: x")},
	"check":          {mistakes: offline("check", "check yandex: x")},
	"doctor":         {mistakes: offline(optional, "doctor yandex: x")},
	"cluster forget": {mistakes: offline("cluster forget etcd://127.0.0.1:1", "cluster forget --yes etcd://127.0.0.1:1 here x")},
	"cluster init":   {mistakes: offline("cluster init", "cluster init etcd://127.0.0.1:1 x")},
	"cluster status": {mistakes: offline("cluster status", "cluster status etcd://127.0.0.1:1 x")},
	"health":         {mistakes: offline(noArguments, "health x")},
	"serve":          {mistakes: words(optional, "serve yandex: x", "serve yandex:none", noTarget, noPath, "serve yandex:f.txt", noPath, noListing)},
	"emulator":       {mistakes: offline(noArguments, "emulator x")},
}

// leaves are the names of all commands that do something.
func leaves(commands []*cli.Command, path string) (all []string) {
	for _, c := range commands {
		if name := strings.TrimSpace(path + " " + c.Name); len(c.Subcommands) > 0 {
			all = append(all, leaves(c.Subcommands, name)...)
		} else {
			all = append(all, name)
		}
	}
	return all
}

// badInput is the world that the commands are run in.
type badInput struct {
	*testing.T
	disk   *emulator.Server
	public string
	dir    string // of this machine
	out    io.Writer
	most   int // lines that an error may have

	mayBeDone bool // a command that should fail may also succeed, without a word
}

// fill makes both sides what they were.
func (b *badInput) fill() {
	b.Helper()
	b.disk.Reset()
	if err := b.disk.Mkdir("disk:/d"); err != nil {
		b.Fatal(err)
	}
	if err := b.disk.Mkdir("disk:/e"); err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"f.txt", "d/g.txt", "e/g.txt", "t.txt"} {
		if err := b.disk.WriteFile("disk:/"+name, []byte(path.Base(name))); err != nil {
			b.Fatal(err)
		}
	}
	out, errs, err := runApp(b.T, "share", "yandex:t.txt")
	if err != nil {
		b.Fatal(err, errs)
	}
	b.public = strings.TrimSpace(out)
	if err := os.RemoveAll(b.dir); err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"file", "dir/file"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(b.dir, name)), 0o700); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(b.dir, name), []byte(name), 0o600); err != nil {
			b.Fatal(err)
		}
	}
}

// holds describes all that both sides hold.
func (b *badInput) holds() string {
	b.Helper()
	var text strings.Builder
	for _, e := range b.disk.Dump() {
		fmt.Fprintln(&text, e.Path, e.Dir, e.Size, e.MD5)
	}
	err := filepath.WalkDir(b.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			fmt.Fprintln(&text, path, err)
			return err
		}
		content, err := os.ReadFile(path)
		fmt.Fprintf(&text, "%s %q\n", path, content)
		return err
	})
	if err != nil {
		b.Error(err)
	}
	return text.String()
}

// closed is an input that nothing can be read from.
type closed struct{}

func (closed) Read([]byte) (int, error) { return 0, fs.ErrClosed }

// run runs a command line as the program does, and returns its exit code and what
// it said of it.
func (b *badInput) run(line string) (code int, said string) {
	b.Helper()
	var errs strings.Builder
	args := []string{"davdisk"}
	for _, word := range strings.Fields(line) {
		word = strings.Replace(word, "~", b.dir, 1)
		args = append(args, strings.Replace(word, "PUBLIC", b.public, 1))
	}
	ctx, cancel := context.WithTimeout(context.Background(), testwait.Limit(b.T))
	defer cancel()
	err := execute(ctx, appOfDavdisk(closed{}, b.out, io.Discard), args)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		b.Errorf("davdisk %s does not end", line)
	}
	return exit(&errs, err), errs.String()
}

// wants runs a command line that is to fail, or not to.
func (b *badInput) wants(what, line string, want int) {
	b.Helper()
	code, said := b.run(line)
	if b.mayBeDone && code == exitDone && said == "" {
		return
	}
	if code != want {
		b.Errorf("%s: davdisk %s ended with %d, want %d: %s", what, line, code, want, said)
	}
	if want == exitDone {
		return
	}
	lines := strings.Split(strings.TrimSuffix(said, "\n"), "\n")
	if len(lines) > b.most || !strings.HasPrefix(said, "davdisk: ") || len(said) < len("davdisk: x y z") || len(said) > 1000 || strings.Contains(said, "%!") || strings.Contains(said, "<nil>") {
		b.Errorf("%s: davdisk %s said %q, want one line that helps", what, line, said)
	}
}

func newBadInput(t *testing.T) *badInput {
	b := &badInput{T: t, out: io.Discard, most: 1, disk: onDisk(t), dir: filepath.Join(t.TempDir(), "here")}
	t.Setenv("DAVDISK_NO_WAIT", "true")
	t.Setenv("DAVDISK_YANDEX_MOD_TIME_WAIT", "1ms")
	b.fill()
	return b
}

// TestEveryCommandIsInTheTable: a new command needs a row, and a row has all
// mistakes.
func TestEveryCommandIsInTheTable(t *testing.T) {
	all := leaves(appOfDavdisk(nil, io.Discard, io.Discard).Commands, "")
	for _, name := range all {
		row, ok := badInputsOf[name]
		if !ok {
			t.Errorf("%s is not in the table of bad inputs", name)
		}
		for what := range mistakes {
			if row.mistakes[what] == "" {
				t.Errorf("%s: the table has neither a command line nor a reason for %s", name, what)
			}
		}
	}
	for name := range badInputsOf {
		if !slices.Contains(all, name) {
			t.Errorf("%s is in the table and no command", name)
		}
	}
}

// TestMistakes gives every command every mistake that a command line can hold. Each
// ends with its code and one line, and changes nothing on either side.
func TestMistakes(t *testing.T) {
	b := newBadInput(t)
	for _, name := range slices.Sorted(maps.Keys(badInputsOf)) {
		row := badInputsOf[name]
		for _, what := range slices.Sorted(maps.Keys(mistakes)) {
			line := row.mistakes[what]
			if strings.HasPrefix(line, why) {
				continue
			}
			if what == "a name that escapes" {
				b.disk.Inject(emulator.Fault{
					Endpoint: emulator.GetResource, Path: "disk:/d", Times: -1, Body: `{"type":"dir","name":"d","path":"disk:/d","_embedded":{"total":1,"limit":1000,"offset":0,` +
						`"items":[{"type":"file","name":"../escaped","path":"disk:/d/../escaped","size":1,"md5":"0cc175b9c0f1b6a831c399e269772661"}]}}`,
				})
			}
			want, ok := row.codes[what]
			if !ok {
				want = mistakes[what]
			}
			before := b.holds()
			b.wants(what, line, want)
			b.disk.ClearFaults()
			after := b.holds()
			if what == "a name that escapes" && !strings.Contains(after, "escaped") {
				b.fill() // a copy may have made its folder
				continue
			}
			if after != before {
				b.Errorf("%s: davdisk %s made\n%sof\n%s", what, line, after, before)
				b.fill()
			}
		}
	}
}
