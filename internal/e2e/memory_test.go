package e2e

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// pattern is an endless text in which every block differs.
type pattern struct {
	block []byte
	n     int
}

func (p *pattern) Read(b []byte) (int, error) {
	total := 0
	for total < len(b) {
		if len(p.block) == 0 {
			p.block = []byte(strings.Repeat(fmt.Sprintf("block %d of a pattern\n", p.n), 200))
			p.n++
		}
		n := copy(b[total:], p.block)
		p.block = p.block[n:]
		total += n
	}
	return total, nil
}

// peak is the most memory a process has had, VmHWM of /proc, in MiB.
func peak(tb testing.TB, pid int) int {
	tb.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		tb.Fatal(err)
	}
	var kib int
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			if _, err := fmt.Sscanf(strings.TrimSpace(rest), "%d kB", &kib); err != nil {
				tb.Fatal(err)
			}
		}
	}
	if kib == 0 {
		tb.Fatal("no VmHWM in /proc")
	}
	return kib / 1024
}

// TestLargeFilesNeedLittleMemory stores and reads 1 GiB, with its length told
// and without, and looks at the peak of the davdisk process.
func TestLargeFilesNeedLittleMemory(t *testing.T) {
	testlevel.NeedMore(t)
	linux(t)
	const size, most = 1 << 30, 64
	disk := startDisk(t, emulator.Options{Dir: t.TempDir(), Knobs: emulator.Knobs{TotalSpace: 8 << 30, MaxFileSize: 2 << 30}})
	s := serve(t, disk, "--dir-cache-time", "1m")
	for _, told := range []bool{true, false} {
		name := fmt.Sprintf("large %t.bin", told)
		sent := md5.New()
		req, err := http.NewRequest(http.MethodPut, s.url+strings.ReplaceAll(name, " ", "%20"), io.TeeReader(io.LimitReader(&pattern{}, size), sent))
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = -1
		if told {
			req.ContentLength = size
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusCreated {
			t.Fatalf("put answered %s", res.Status)
		}
		if stored(disk)[name] != hex.EncodeToString(sent.Sum(nil)) {
			t.Fatal("the disk holds something else")
		}
		if res, err = http.Get(req.URL.String()); err != nil {
			t.Fatal(err)
		}
		got := md5.New()
		n, err := io.Copy(got, res.Body)
		res.Body.Close()
		if err != nil || n != size || string(got.Sum(nil)) != string(sent.Sum(nil)) {
			t.Fatalf("read back %d bytes that differ, %v", n, err)
		}
		if got := peak(t, s.cmd.Process.Pid); got >= most {
			t.Errorf("davdisk took %d MiB at its peak, want less than %d (length told: %t)", got, most, told)
		} else {
			t.Logf("davdisk took %d MiB at its peak (length told: %t)", got, told)
		}
	}
}

// TestALargeFolderNeedsLittleMemory lists a folder of 100,000 files, again when that
// is stale, and looks at the peak of the davdisk process.
func TestALargeFolderNeedsLittleMemory(t *testing.T) {
	testlevel.NeedMore(t)
	linux(t)
	const files, most = 100_000, 256
	disk := startDisk(t, emulator.Options{})
	if err := disk.Mkdir("disk:/d"); err != nil {
		t.Fatal(err)
	}
	for n := range files {
		put(t, disk, fmt.Sprintf("d/photo of a summer %06d.jpg", n), fmt.Sprint(n))
	}
	s := serve(t, disk, "--dir-cache-time", "1s")
	for round := range 2 {
		put(t, disk, "d/photo of a summer 000000.jpg", fmt.Sprint("changed ", round)) // so that it is listed again
		if got := entries(t, s, "d/"); got != files+1 {
			t.Errorf("PROPFIND tells %d entries, want %d", got, files+1)
		}
		got := peak(t, s.cmd.Process.Pid)
		t.Logf("davdisk took %d MiB at its peak, listed %d times", got, round+1)
		if got >= most {
			t.Errorf("that is not less than %d MiB", most)
		}
	}
}

// entries asks for all properties of a folder and returns how many entries are
// told, itself included.
func entries(t *testing.T, s *server, folder string) (n int) {
	req, err := http.NewRequest("PROPFIND", s.url+folder, strings.NewReader(`<propfind xmlns="DAV:"><allprop/></propfind>`))
	if err != nil {
		t.Error(err)
		return 0
	}
	req.Header.Set("Depth", "1")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer res.Body.Close()
	for tokens := xml.NewDecoder(res.Body); ; {
		switch token, err := tokens.RawToken(); {
		case err == io.EOF:
			return n
		case err != nil:
			t.Error(err)
			return n
		default:
			if start, ok := token.(xml.StartElement); ok && start.Name.Local == "response" {
				n++
			}
		}
	}
}
