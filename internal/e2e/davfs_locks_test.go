package e2e

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestDavfs2Locks mounts the share for two people. While one has a file open
// for writing, the other reads it and cannot write; then he can.
func TestDavfs2Locks(t *testing.T) {
	linux(t)
	disk := startDisk(t, emulator.Options{})
	put(t, disk, "minutes.txt", "old")
	secrets := t.TempDir()
	users := filepath.Join(secrets, "config.toml")
	text := ""
	for _, name := range []string{"anna", "boris"} {
		if err := os.WriteFile(filepath.Join(secrets, name), []byte("secret of "+name), 0o600); err != nil {
			t.Fatal(err)
		}
		text += "[users." + name + "]\npassword-file = '" + filepath.Join(secrets, name) + "'\n"
	}
	if err := os.WriteFile(users, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, disk, "--config", users)
	annas, annaLeaves := mountDavfsAs(t, s.url, "anna", "secret of anna", "")
	boriss, borisLeaves := mountDavfsAs(t, s.url, "boris", "secret of boris", "")

	boris := "Basic " + base64.StdEncoding.EncodeToString([]byte("boris:secret of boris"))
	for _, name := range []string{"minutes.txt", "new Ж.txt"} {
		hers, err := os.OpenFile(filepath.Join(annas, name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := hers.WriteString(" and hers"); err != nil {
			t.Fatal(err)
		}
		if his, err := os.OpenFile(filepath.Join(boriss, name), os.O_WRONLY|os.O_CREATE, 0o644); err == nil {
			his.Close()
			t.Errorf("%s was opened for writing by two", name)
		}
		if code, body := s.request("PROPFIND", url.PathEscape(name), nil, "Authorization", boris); code != http.StatusMultiStatus || !strings.Contains(body, "activelock") || !strings.Contains(body, "anna") {
			t.Errorf("%s does not tell who has it: %d %s", name, code, body)
		}
		if code, _ := s.request(http.MethodDelete, url.PathEscape(name), nil, "Authorization", boris); code != http.StatusLocked {
			t.Errorf("%s, which is open, is deleted with %d", name, code)
		}
		if err := hers.Close(); err != nil {
			t.Fatal(err)
		}
		until(t, "the lock ends when the file is closed", func() bool {
			_, body := s.request("PROPFIND", url.PathEscape(name), nil, "Authorization", boris)
			return !strings.Contains(body, "activelock")
		})
	}
	until(t, "the other one writes", func() bool {
		return os.WriteFile(filepath.Join(boriss, "minutes.txt"), []byte("his"), 0o644) == nil
	})
	borisLeaves()
	annaLeaves()
	same(t, "at the disk", stored(disk), map[string]string{"minutes.txt": sum([]byte("his")), "new Ж.txt": sum([]byte(" and hers"))})
}
