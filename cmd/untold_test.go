package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A login that the other gateways wait for is not thrown away without a word.
func TestTokenThatWasNotTold(t *testing.T) {
	disk, dir, _ := loggedIn(t)
	file := filepath.Join(dir, "yandex", "default.json")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	untold := strings.Replace(string(data), "{", `{"shared": true, "replaced": [{"access_token": "a", "refresh_token": "b"}],`, 1)
	if err := os.WriteFile(file, []byte(untold), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := run(t, "logout", "--forget-only", "--state-dir", dir); code == 0 || !strings.Contains(errs, "the only copy") {
		t.Errorf("it ends with %d and says %s", code, errs)
	}
	if left, err := os.ReadFile(file); err != nil || string(left) != untold {
		t.Errorf("there is %s, %v", left, err)
	}
	if _, errs, code := run(t, "token", "exchange", "--save", "--state-dir", dir, disk.IssueCode("id")); code != 0 || !strings.Contains(errs, "they need a copy of the new one") {
		t.Errorf("it ends with %d and says %s", code, errs)
	}
	if _, errs, code := run(t, "logout", "--forget-only", "--state-dir", dir); code != 0 {
		t.Errorf("it ends with %d and says %s", code, errs)
	}
}
