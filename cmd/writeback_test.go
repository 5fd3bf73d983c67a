package cmd

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestServeWriteBack takes a file while the disk takes none: it is served,
// listed and counted, survives the end, and is stored by the next start.
func TestServeWriteBack(t *testing.T) {
	disk := onDisk(t)
	disk.Inject(emulator.Fault{Endpoint: emulator.UploadContent, Times: -1, Status: http.StatusServiceUnavailable})
	s := startServing(t, "--write-back", "--admin-addr", "127.0.0.1:0")
	s.wants("PUT", "a%20b.txt", "", "taken", 201)
	if got := s.wants("GET", "a%20b.txt", "", "", 200); got != "taken" {
		t.Errorf("it is served as %q", got)
	}
	res, err := http.Get(s.log.wait(t, `metrics on (\S+)`) + "metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if figures, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(figures), "davdisk_queued_files 1\n") || !strings.Contains(string(figures), "davdisk_queued_bytes 5\n") {
		t.Errorf("the metrics are %.300s, %v", figures, err)
	}
	s.log.wait(t, "cannot be stored yet")
	if listed := queue(t); !strings.Contains(listed, "a b.txt  5 B since ") || !strings.Contains(listed, "503") {
		t.Errorf("davdisk queue tells %q", listed)
	}
	if err := appOfDavdisk(strings.NewReader(""), io.Discard, io.Discard).Run([]string{"davdisk", "queue", "--drop", "a b.txt", "--yes"}); err == nil || !strings.Contains(err.Error(), "another davdisk uses the queue") {
		t.Errorf("it is dropped while it is served: %v", err)
	}
	s.stop()
	s.log.wait(t, "still to be stored; the next start continues with them")

	disk.ClearFaults()
	startServing(t).stop() // the flag is not needed for what was taken
	if got, err := disk.ReadFile("disk:/a b.txt"); err != nil || string(got) != "taken" {
		t.Errorf("the disk holds %q, %v", got, err)
	}
	if listed := queue(t); listed != "" {
		t.Errorf("davdisk queue tells %q", listed)
	}
}

// queue is what davdisk queue prints.
func queue(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	if err := appOfDavdisk(strings.NewReader(""), &out, io.Discard).Run([]string{"davdisk", "queue"}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
