package cmd

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// notRun are lines of documents that TestLinesOfTheDocuments leaves out.
var notRun = map[string]string{
	"davdisk ls nas:":    atServer,
	"davdisk serve nas:": atServer,
	"DAVDISK_S3_SECRET_KEY=… davdisk ls archive:":                                                     atBucket,
	"davdisk serve archive: --s3-secret-key-file ~/.s3-secret":                                        atBucket,
	"davdisk cluster init etcd://db1:2379,db2:2379,db3:2379":                                          atEtcd,
	"davdisk serve yandex: --addr :8080 --htpasswd users --cluster etcd://db1:2379,db2:2379,db3:2379": atEtcd,
	"davdisk cluster forget etcd://db1:2379 here-1a2b3c4d":                                            atEtcd,
	"davdisk service uninstall":                                                                       ofMachine,
	"davdisk service install yandex:Photos --addr 127.0.0.1:8090":                                     ofMachine,
	"sudo davdisk service install --run-as davdisk --config /etc/davdisk/config.toml":                 ofMachine,
}

const (
	atServer  = "needs an SSH server at nas.example.org; see the tests of backend/sftp"
	atBucket  = "needs a bucket at s3.example.org; see the tests of backend/s3"
	atEtcd    = "needs an etcd of three nodes; see TestThreeGateways of internal/e2e"
	ofMachine = "changes the services of this machine; see testdata/script/service.txtar"
)

// TestLinesOfTheDocuments runs each line "davdisk …" of the code blocks of README
// and docs, a page after the other and its lines in their order, on an emulated
// disk. Servers listen on a free port and are stopped when they do. docs/drivers.md
// is made of other pages, and docs/ru/1c.md has a test of its own.
func TestLinesOfTheDocuments(t *testing.T) {
	testlevel.NeedMore(t)
	for line, why := range notRun {
		t.Logf("not run: %s: %s", line, why)
	}
	left := map[string]bool{}
	for _, page := range documents(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		lines := linesOfDavdisk(string(text))
		if len(lines) == 0 {
			continue
		}
		t.Run(filepath.ToSlash(strings.TrimPrefix(page, "../")), func(t *testing.T) {
			r := newReader(t, strings.Contains(string(text), "davdisk remotes add work "))
			for _, line := range lines {
				if notRun[line] != "" {
					left[line] = true
					continue
				}
				r.do(line)
			}
		})
	}
	for line := range notRun {
		if !left[line] {
			t.Errorf("no document has the exception %q", line)
		}
	}
	if len(notRun) > 10 {
		t.Errorf("%d lines are not run", len(notRun))
	}
}

// Every command that a document names exists, with its flags: those of code
// blocks, and those within sentences.
func TestCommandsOfTheDocumentsExist(t *testing.T) {
	inSentence := regexp.MustCompile("`(davdisk [a-z][^`]*)`")
	found := 0
	for _, page := range append(documents(t), "../docs/ru/1c.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		lines := linesOfDavdisk(string(text))
		for _, match := range inSentence.FindAllStringSubmatch(string(text), -1) {
			lines = append(lines, match[1])
		}
		for _, line := range lines {
			found++
			words := slices.DeleteFunc(splitLine(line[len(ofDavdisk.FindString(line)):]), func(word string) bool { return word == "…" })
			if _, err := orderArgs(appOfDavdisk(strings.NewReader(""), nil, nil), append([]string{"davdisk"}, words...)); err != nil {
				t.Errorf("%s: %s: %v", page, line, err)
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d commands were found", found)
	}
}

// Links between documents lead to a file and, within it, to a heading.
func TestLinksOfTheDocuments(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading := regexp.MustCompile("(?m)^#+ (.*)$")
	notInAnchor := regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	for _, page := range append(documents(t), "../docs/ru/1c.md", "../docs/drivers.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range link.FindAllStringSubmatch(string(text), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, ":") {
				continue
			}
			file := filepath.Join(filepath.Dir(page), filepath.FromSlash(target))
			if target == "" {
				file = page
			}
			linked, err := os.ReadFile(file)
			if info, statErr := os.Stat(file); statErr == nil && info.IsDir() {
				continue
			}
			found := anchor == ""
			for _, title := range heading.FindAllStringSubmatch(string(linked), -1) {
				found = found || anchor == strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(title[1]), ""), " ", "-")
			}
			if err != nil || !found {
				t.Errorf("%s: %s leads nowhere, %v", page, match[1], err)
			}
		}
	}
}

// documents are the pages for people who use davdisk.
func documents(t *testing.T) []string {
	t.Helper()
	pages := []string{"../README.md"}
	err := filepath.WalkDir("../docs", func(path string, _ fs.DirEntry, err error) error {
		name := filepath.ToSlash(path)
		if strings.HasSuffix(name, ".md") && name != "../docs/drivers.md" && name != "../docs/ru/1c.md" {
			pages = append(pages, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

var (
	ofDavdisk = regexp.MustCompile(`^(sudo (-u \S+ )?)?([A-Z0-9_]+=\S+ )*davdisk `)
	comment   = regexp.MustCompile(`\s+#\s.*`)
)

// linesOfDavdisk returns the lines of code blocks that run davdisk, without
// comments.
func linesOfDavdisk(page string) []string {
	var lines []string
	fenced, whole := false, ""
	for line := range strings.Lines(page) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		if !fenced && !strings.HasPrefix(line, "    ") {
			continue
		}
		line = whole + strings.TrimSpace(comment.ReplaceAllString(line, ""))
		if before, goesOn := strings.CutSuffix(line, `\`); goesOn {
			whole = before
			continue
		}
		whole = ""
		if ofDavdisk.MatchString(line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// splitLine takes a line apart as a shell does that expands nothing.
func splitLine(line string) []string {
	var words []string
	word, quote, begun := "", rune(0), false
	for _, r := range line + " " {
		switch {
		case r == quote:
			quote = 0
		case quote != 0:
			word += string(r)
		case r == '\'' || r == '"':
			quote, begun = r, true
		case r == ' ':
			if begun {
				words = append(words, word)
			}
			word, begun = "", false
		default:
			word, begun = word+string(r), true
		}
	}
	return words
}

// A reader is somebody who types what a page says.
type reader struct {
	*testing.T
	replace *strings.Replacer // of places that are not on this machine
}

// newReader has the disk, the files and the remotes that the pages speak of; work
// is missing for a page that adds it.
func newReader(t *testing.T, addsWork bool) *reader {
	disk := onDisk(t)
	disk.SetKnobs(func(k *emulator.Knobs) { k.DeviceInterval, k.DevicePolls = 1, 1 })
	for _, name := range []string{"plan.txt", "Docs/a.txt", "Docs/plan.txt", "Inbox/scan.pdf", "Photos/a.jpg", "Work/plan.txt", "Team/there.txt"} {
		if err := disk.WriteFile("disk:/"+name, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{"CLIENT_ID": "some-id", "CLIENT_SECRET": "some-secret", "CRYPT_PASSWORD": "sesame", "NO_WAIT": "true"} {
		t.Setenv("DAVDISK_"+name, value)
	}
	if _, errs, code := run(t, "rm", "yandex:Docs/plan.txt"); code != exitDone { // into the trash
		t.Fatal(errs)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	home := filepath.ToSlash(os.Getenv("HOME"))
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	remotes := "[remotes.other]\ndriver = \"memory\"\n[remotes.sftp]\ndriver = \"local\"\nroot = '" + filepath.ToSlash(dir) + "/sftp'\n"
	if !addsWork {
		remotes += "[remotes.work]\ndriver = \"yandex\"\nroot = \"Team\"\n"
	}
	const users = "me:$2y$04$lQh.QzEUXE2VBE9wlbnXneRnHtVqf9gXRCqk9rvLN1YJbbNkKCFqu\n"
	for name, text := range map[string]string{
		"photos/a.jpg": "Photos/a.jpg", "scans/old.pdf": "older", "work/draft.txt": "x", "work/plan.txt": "older", "users": users, "secret": "sesame\n",
		"etc/davdisk/users": users, "etc/davdisk/config.toml": "", "srv/data/file": "x", "srv/scratch/file": "x", "sftp/old/file": "x",
		home + "/.davdisk-pass": "sesame\n", home + "/.cloud-password": "sesame\n",
		home + "/config/davdisk/config.toml": remotes,
	} {
		write(name, text)
	}
	cloud := startServing(t, "memory:", "--state-dir", t.TempDir(), "--cache-dir", t.TempDir())
	return &reader{t, strings.NewReplacer("~/", home+"/", "/srv/", filepath.ToSlash(dir)+"/srv/", "/etc/davdisk/", filepath.ToSlash(dir)+"/etc/davdisk/",
		"https://cloud.example/remote.php/dav/files/anna/", cloud.url)}
}

// do runs a line.
func (r *reader) do(line string) {
	r.Helper()
	var words []string
	for _, word := range splitLine(line[len(ofDavdisk.FindString(line)):]) {
		words = append(words, r.replace.Replace(word))
	}
	free := "127.0.0.1:0"
	switch words[0] {
	case "serve":
		words = append(words, "--addr", free)
	case "emulator":
		words = append(words, "--addr", free, "--control-addr", free, "--proxy-addr", free)
	default:
		if out, errs, code := run(r.T, words...); code != exitDone {
			r.Errorf("%s: exit code %d\n%s%s", line, code, out, errs)
		}
		return
	}
	log, cancel, ended := begin(r.T, words...)
	defer cancel()
	watch := make(chan error, 1)
	go func() {
		err := <-ended
		log.Write([]byte("listening on nothing\n"))
		watch <- err
	}()
	listens := log.wait(r.T, `listening on (\S+)`) != "nothing"
	cancel()
	if err := <-watch; err != nil || !listens {
		r.Errorf("%s: %v\n%s", line, err, log)
	}
}
