package e2e

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testtool"
)

// TestFfmpegStores has ffmpeg upload what it makes: in chunks, and it closes its
// side of the connection after the last one without waiting for the answer.
func TestFfmpegStores(t *testing.T) {
	testlevel.NeedMore(t)
	makeFilm := func(to ...string) string {
		t.Helper()
		return run(t, command(t, "ffmpeg", append([]string{
			"-v", "error", "-f", "lavfi", "-i", "testsrc=duration=2:size=320x240:rate=25", "-c:v", "mjpeg", "-fflags", "+bitexact", "-f", "mpegts",
		}, to...)...))
	}
	local := filepath.Join(t.TempDir(), "film.ts")
	makeFilm(local)
	want, err := os.ReadFile(local)
	if err != nil {
		t.Fatal(err)
	}
	for store, s := range map[string]*server{
		"yandex":     serve(t, startDisk(t, emulator.Options{})),
		"write-back": serve(t, startDisk(t, emulator.Options{}), "--write-back"),
		"local":      start(t, t.TempDir(), nil, "serve", t.TempDir(), "--addr", "127.0.0.1:0"),
	} {
		t.Run(store, func(t *testing.T) {
			for _, name := range []string{"film.ts", "film.ts"} { // new, and replaced
				makeFilm("-method", "PUT", s.url+name)
				until(t, "ffmpeg's film is stored", func() bool {
					code, body := s.request(http.MethodGet, name, nil)
					return code == http.StatusOK && body == string(want)
				})
			}
		})
	}
}

// TestPlayers has ffmpeg and mpv jump in a film whose index is at its end, as
// cameras write them, and counts what was downloaded for it.
func TestPlayers(t *testing.T) {
	testlevel.NeedMore(t)
	dir := t.TempDir()
	film := filepath.Join(dir, "film.mp4")
	run(t, command(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=duration=10:size=640x360:rate=25,noise=alls=60:allf=t", "-c:v", "mjpeg", "-q:v", "2", film))
	content, err := os.ReadFile(film)
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len(content))
	if size < 40<<20 {
		t.Fatalf("the film has %d bytes, too few to show anything", size)
	}
	frame := func(from, to string) []byte {
		t.Helper()
		run(t, command(t, "ffmpeg", "-v", "error", "-ss", "8", "-i", from, "-frames:v", "1", filepath.Join(dir, to)))
		data, err := os.ReadFile(filepath.Join(dir, to))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	want := frame(film, "want.png")
	for _, c := range []struct {
		name string
		play func(t *testing.T, url string)
	}{
		{"ffprobe", func(t *testing.T, url string) {
			if out := run(t, command(t, "ffprobe", "-v", "error", "-show_entries", "format=duration", url)); !strings.Contains(out, "duration=10.0") {
				t.Errorf("ffprobe says %s", out)
			}
		}},
		{"ffmpeg", func(t *testing.T, url string) {
			if got := frame(url, "got.png"); !bytes.Equal(got, want) {
				t.Error("the picture after a jump is another one")
			}
		}},
		{"mpv", func(t *testing.T, url string) {
			out := run(t, command(t, "mpv", "--no-config", "--vo=null", "--ao=null", "--no-terminal", "--cache-secs=1", "--demuxer-max-bytes=1MiB", "--start=6", "--frames=5", url))
			if strings.Contains(out, "ailed") {
				t.Errorf("mpv says %s", out)
			}
		}},
		{"a viewer who leaves", func(t *testing.T, url string) {
			run(t, command(t, "sh", "-c", "curl -sN '"+url+"' | head -c 1000000 >/dev/null"))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			testtool.Find(t, "ffmpeg")
			disk := startDisk(t, emulator.Options{})
			if err := disk.WriteFile("disk:/Ж film.mp4", content); err != nil {
				t.Fatal(err)
			}
			s := serve(t, disk)
			c.play(t, s.url+"%D0%96%20film.mp4")
			s.stop() // nothing is downloaded any more
			counted := disk.Counters()
			t.Logf("%d KiB of %d downloaded in %d transfers", counted.BytesDown>>10, size>>10, counted.Transfers())
			if counted.BytesDown > size/2 || counted.Transfers() == 0 {
				t.Errorf("%d of %d bytes were downloaded in %d transfers", counted.BytesDown, size, counted.Transfers())
			}
		})
	}
}

// TestVLC has VLC start in the middle of a film, as a user of the machine.
func TestVLC(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	testtool.Find(t, "cvlc")
	home := t.TempDir()
	film := filepath.Join(home, "film.mp4")
	run(t, command(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=duration=10:size=320x240:rate=25", "-c:v", "mjpeg", film))
	content, err := os.ReadFile(film)
	if err != nil {
		t.Fatal(err)
	}
	disk := startDisk(t, emulator.Options{})
	if err := disk.WriteFile("disk:/Ж film.mp4", content); err != nil {
		t.Fatal(err)
	}
	s := serve(t, disk, "-v")
	run(t, command(t, "chmod", "-R", "a+rwX", filepath.Dir(home)))
	play := []string{"cvlc", "-vv", "-I", "dummy", "--vout", "dummy", "--aout", "dummy", "--no-video-title-show",
		"--start-time", "6", "--stop-time", "7", "--play-and-exit", s.url + "%D0%96%20film.mp4"}
	if os.Getuid() == 0 { // it refuses to run as root
		play = append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, play...)
	}
	vlc := command(t, play[0], play[1:]...)
	vlc.Env = append(os.Environ(), "HOME="+home, "LC_ALL=C.UTF-8")
	vlc.Dir = home
	out := run(t, vlc)
	s.stop()
	log := s.log.String()
	if !strings.Contains(out, "successfully opened") || strings.Count(log, "status=206") < 2 || strings.Contains(log, "level=WARN") {
		t.Errorf("VLC says %s\ndavdisk says %s", out, log)
	}
}
