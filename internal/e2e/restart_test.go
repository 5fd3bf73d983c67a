package e2e

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

const lockBody = `<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>` +
	`<D:owner>Ж &amp; co</D:owner></D:lockinfo>`

var lockToken = regexp.MustCompile(`urn:uuid:[0-9a-f-]{36}`)

// TestLocksOutliveAKill: a power cut takes no lock from who holds it, neither
// on a file nor on a name that does not exist yet.
func TestLocksOutliveAKill(t *testing.T) {
	disk := startDisk(t, emulator.Options{})
	put(t, disk, "held.txt", "old")
	home := t.TempDir()
	s := serveIn(t, disk, home)
	tokens := map[string]string{}
	for name, want := range map[string]int{"held.txt": http.StatusOK, "promised.txt": http.StatusCreated} {
		code, body := s.request("LOCK", name, strings.NewReader(lockBody), "Depth", "0", "Timeout", "Second-600")
		if tokens[name] = lockToken.FindString(body); code != want || tokens[name] == "" {
			t.Fatalf("LOCK %s answered %d: %s", name, code, body)
		}
	}
	s.kill()

	s = serveIn(t, disk, home)
	for name, token := range tokens {
		if _, body := s.request("PROPFIND", name, nil, "Depth", "0"); !strings.Contains(body, token) || !strings.Contains(body, "Ж &amp; co") {
			t.Errorf("%s does not tell its lock and whose it is: %s", name, body)
		}
		if code, _ := s.request(http.MethodPut, name, strings.NewReader("stolen")); code != http.StatusLocked {
			t.Errorf("PUT %s without the token answered %d", name, code)
		}
		if code, _ := s.request(http.MethodDelete, name, nil); code != http.StatusLocked {
			t.Errorf("DELETE %s without the token answered %d", name, code)
		}
	}
	if code, body := s.request(http.MethodGet, "promised.txt", nil); code != http.StatusOK || body != "" {
		t.Errorf("the name that was locked before it existed answered %d %q", code, body)
	}
	same(t, "at the disk before anything was written", stored(disk), map[string]string{"held.txt": sum([]byte("old"))})

	for name, want := range map[string]int{"held.txt": http.StatusNoContent, "promised.txt": http.StatusNoContent} {
		if code, body := s.request(http.MethodPut, name, strings.NewReader("new"), "If", "(<"+tokens[name]+">)"); code != want {
			t.Errorf("PUT %s with the token answered %d: %s", name, code, body)
		}
		if code, _ := s.request("UNLOCK", name, nil, "Lock-Token", "<"+tokens[name]+">"); code != http.StatusNoContent {
			t.Errorf("UNLOCK %s answered %d", name, code)
		}
	}
	s.kill()

	// Nor does one come back that was given up.
	s = serveIn(t, disk, home)
	for name := range tokens {
		if code, body := s.request(http.MethodPut, name, strings.NewReader("free")); code != http.StatusNoContent {
			t.Errorf("PUT %s after UNLOCK answered %d: %s", name, code, body)
		}
	}
	free := sum([]byte("free"))
	same(t, "at the disk", stored(disk), map[string]string{"held.txt": free, "promised.txt": free})
}
