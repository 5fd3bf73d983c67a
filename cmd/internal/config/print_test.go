package config

import (
	"strings"
	"testing"
)

// What is printed holds no secret, whatever part of an address that is in, and
// reads as what it was otherwise.
func TestPrintHidesSecrets(t *testing.T) {
	rules := Rules{
		Flag: func(string, string) bool { return true }, Command: func(name string) bool { return name == "serve" },
		Secret: func(_, option string) bool { return option == "token" },
	}
	f := &File{Path: "a\nb = 1", rules: rules}
	if err := f.parse(`
token = "sesame"
count = 7
zeros = "007"
plain = "https://host:8443/path/%41"
[serve]
many = ["http://sesame@host/", "http://host/?token=sesame", "x"]
[remotes."a b"]
driver = "webdav"
token = "sesame"
user = "https://sesame@host/"
both = "https://anna:sesame@host/"
query = "https://host/?X-Amz-Signature=sesame"
fragment = "https://host/#sesame"
broken = "https://sesame:%zz@host/"
[users."a.b"]
password-hash = "sesame"
`, rules); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := f.Print(&out); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	if strings.Contains(text, "sesame") || strings.Count(text, "# token: set\n") != 2 {
		t.Errorf("it prints\n%s", text)
	}
	var again File
	if err := again.parse(text, rules); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if got := again.Flags; got["count"][0] != "7" || got["zeros"][0] != "007" || got["plain"][0] != "https://host:8443/path/%41" || got["b"] != nil {
		t.Errorf("it reads as %v", got)
	}
	if got := again.Commands["serve"]["many"]; len(got) != 3 || got[0] != "http://xxxxx@host/" || got[1] != "http://host/?xxxxx" || got[2] != "x" {
		t.Errorf("the list reads as %q", got)
	}
	if len(again.Remotes["a b"].Options) != 5 || len(again.Users) != 1 {
		t.Errorf("it reads as %v, %v", again.Remotes, again.Users)
	}
}
