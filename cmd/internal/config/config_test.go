package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func rules() Rules {
	return Rules{
		Flag:    func(command, name string) bool { return name == "addr" || name == "tag" },
		Command: func(name string) bool { return name == "serve" },
		Secret:  func(driver, option string) bool { return option == "token" },
	}
}

func load(t *testing.T, text string) (*File, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path, rules())
}

func TestValuesAreWhatWouldBeTyped(t *testing.T) {
	f, err := load(t, `
addr = "here"
tag = [1, true, "x"]
[serve]
addr = "there"
[remotes."ж 1"]
driver = "yandex"
rate = 0.5
[users.anna]
password-hash = "$2a$"
read-only = true
`)
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Flags["tag"]; len(got) != 3 || got[0] != "1" || got[1] != "true" || got[2] != "x" {
		t.Errorf("tag is %q", got)
	}
	if f.Flags["addr"][0] != "here" || f.Commands["serve"]["addr"][0] != "there" {
		t.Errorf("addr is %q and %q", f.Flags["addr"], f.Commands["serve"]["addr"])
	}
	if r := f.Remotes["ж 1"]; r.Driver != "yandex" || r.Options["rate"] != "0.5" {
		t.Errorf("the remote is %+v", r)
	}
	if u := f.Users["anna"]; u.PasswordHash != "$2a$" || !u.ReadOnly {
		t.Errorf("the user is %+v", u)
	}
}

func TestWhatIsNoTableIsRefused(t *testing.T) {
	for _, text := range []string{"remotes = 3", "users = []", "serve = true", "remotes.work = 1", "[[remotes]]\ndriver = \"yandex\"", "addr = {}", "[addr]", "[users]\nanna = 1"} {
		if f, err := load(t, text); err == nil {
			t.Errorf("%q was read as %+v", text, f)
		}
	}
}

func TestAFileThatIsNotThereIsEmpty(t *testing.T) {
	f, err := Load(filepath.Join(t.TempDir(), "missing.toml"), rules())
	if err != nil || len(f.Remotes)+len(f.Flags)+len(f.Users) != 0 {
		t.Errorf("it holds %+v, %v", f, err)
	}
}

func TestRemoveKnowsATableInEverySpelling(t *testing.T) {
	const rest = "# keep\n[serve]\naddr = \"x\"\n"
	for _, table := range []string{
		"[remotes.work]\ndriver = \"yandex\"\n",
		"[ remotes . \"work\" ] # mine\ndriver = \"yandex\"\n# a comment of it\n",
		"[\"remotes\".'work']\ndriver = \"yandex\"\n\n",
	} {
		f, err := load(t, table+"[serve]\naddr = \"x\"\n")
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Remove("work"); err != nil {
			t.Errorf("%q: %v", table, err)
		}
		if got, err := os.ReadFile(f.Path); err != nil || string(got) != "[serve]\naddr = \"x\"\n" {
			t.Errorf("%q left %q, %v", table, got, err)
		}
	}
	inline := "remotes = { work = { driver = \"yandex\" } }\n" + rest
	f, err := load(t, inline)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Remove("work"); err == nil {
		t.Error("an inline table was removed, it says")
	}
	if got, err := os.ReadFile(f.Path); err != nil || string(got) != inline {
		t.Errorf("it became %q, %v", got, err)
	}
	if err := f.Remove("other"); !errors.Is(err, ErrNoRemote) {
		t.Errorf("a remote that is not there: %v", err)
	}
}

func TestAddGoesThroughALinkAndKeepsTheMode(t *testing.T) {
	f, err := load(t, "addr = \"x\"") // no newline at the end
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(f.Path, 0o640); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link.toml")
	if err := os.Symlink(f.Path, link); err != nil {
		t.Skipf("no links here: %v", err)
	}
	through, err := Load(link, rules())
	if err != nil {
		t.Fatal(err)
	}
	if err := through.Add("q\"uote", Remote{Driver: "yandex", Options: map[string]string{"root": "a \"b\"\\ж"}}); err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Lstat(link); err != nil || fi.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link was replaced, %v", err)
	}
	if fi, err := os.Stat(f.Path); err != nil || fi.Mode().Perm()&0o777 != 0o640 {
		t.Errorf("its mode is %v, %v", fi.Mode(), err)
	}
	again, err := Load(link, rules())
	if err != nil {
		t.Fatal(err)
	}
	if r := again.Remotes["q\"uote"]; r.Driver != "yandex" || r.Options["root"] != "a \"b\"\\ж" || again.Flags["addr"][0] != "x" {
		t.Errorf("it holds %+v", again)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("addr = \"x\"\n[remotes.a]\ndriver = \"yandex\"\n")
	f.Add("[users.anna]\npassword-hash = 1\n")
	f.Add("remotes = 3\nusers = []\nserve = true")
	f.Fuzz(func(t *testing.T, text string) {
		c := &File{Path: filepath.Join(t.TempDir(), "config.toml"), rules: rules()}
		if c.parse(text, rules()) != nil {
			return
		}
		if err := os.WriteFile(c.Path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, taken := c.Remotes["added"]; taken {
			return
		}
		if err := c.Add("added", Remote{Driver: "yandex", Options: map[string]string{}}); err != nil {
			if got, err := os.ReadFile(c.Path); err != nil || string(got) != text {
				t.Errorf("refused, it became %q, %v", got, err)
			}
			return
		}
		again, err := Load(c.Path, rules())
		if err == nil {
			err = again.Remove("added")
		}
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}
