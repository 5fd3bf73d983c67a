package server

import (
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// bcryptOf makes a hash as htpasswd -B writes it.
func bcryptOf(t testing.TB, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return "$2y" + strings.TrimPrefix(string(hash), "$2a")
}

func TestReadHtpasswd(t *testing.T) {
	file := "\uFEFF# users\n\nanna:" + bcryptOf(t, "a") + "\r\n  Ж б:" + bcryptOf(t, "b") + "\n"
	users, err := ReadHtpasswd(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if len(users) != 2 || users[0].Name != "anna" || users[1].Name != "Ж б" {
		t.Fatalf("users are %+v", users)
	}
	if !users[0].Verify("a") || !users[1].Verify("b") || users[0].Verify("b") {
		t.Error("the passwords are not verified")
	}
}

func TestBadHtpasswdIsRefusedByLine(t *testing.T) {
	good := "anna:" + bcryptOf(t, "a") + "\n"
	for name, c := range map[string]struct{ file, want string }{
		"empty":           {"# nobody\n", "no users"},
		"no colon":        {good + "bob\n", "line 2"},
		"no name":         {":" + bcryptOf(t, "x"), "line 1"},
		"MD5":             {good + "\nbob:$apr1$0123$456", "line 3"},
		"plain":           {"bob:secret", "line 1"},
		"twice":           {good + good, "twice"},
		"an endless line": {strings.Repeat("x", 1<<20), "too long"},
	} {
		_, err := ReadHtpasswd(strings.NewReader(c.file))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		} else if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "$apr1") {
			t.Errorf("%s: the error tells the hash: %v", name, err)
		}
	}
}

func FuzzReadHtpasswd(f *testing.F) {
	f.Add("anna:" + bcryptOf(f, "a") + "\n#\nb:c")
	f.Fuzz(func(t *testing.T, file string) {
		users, err := ReadHtpasswd(strings.NewReader(file))
		if err == nil && len(users) == 0 {
			t.Error("neither users nor an error")
		}
		for _, u := range users {
			if u.Name == "" || strings.Contains(u.Name, ":") || u.Verify == nil {
				t.Errorf("user %+v", u)
			}
		}
	})
}
