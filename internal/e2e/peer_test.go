package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testtool"
)

// A contestant is a WebDAV server for a Yandex Disk. Both reach the same
// emulator the same way: by HTTPS through a proxy that stands for the hosts of
// Yandex, 30 ms away.
type contestant struct {
	name  string
	start func(b *testing.B, disk *emulator.Server, env []string) (url string)
}

var contestants = []contestant{
	{"davdisk", func(b *testing.B, disk *emulator.Server, env []string) string {
		return start(b, b.TempDir(), append(env, "DAVDISK_TOKEN="+disk.Token, "DAVDISK_YANDEX_RATE=0"), "serve", "--addr", "127.0.0.1:0").url
	}},
	{"rclone", func(b *testing.B, disk *emulator.Server, env []string) string {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		addr := free.Addr().String()
		free.Close()
		cmd := exec.Command(testtool.Find(b, "rclone"), "serve", "webdav", "ya:", "--addr", addr, "--vfs-cache-mode", "off")
		cmd.Env = append(os.Environ(), append(env, "HOME="+b.TempDir(), "RCLONE_CONFIG="+filepath.Join(b.TempDir(), "rclone.conf"),
			"RCLONE_CONFIG_YA_TYPE=yandex", "RCLONE_CONFIG_YA_CLIENT_ID=rclone", "RCLONE_CONFIG_YA_CLIENT_SECRET=secret",
			`RCLONE_CONFIG_YA_TOKEN={"access_token":"`+disk.Token+`","token_type":"OAuth","refresh_token":"none","expiry":"2099-01-01T00:00:00Z"}`)...)
		cmd.Args = append(cmd.Args, "--ca-cert", caFile(env))
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		until(b, "rclone serves", func() bool {
			c, err := net.Dial("tcp", addr)
			if err == nil {
				c.Close()
			}
			return err == nil
		})
		return "http://" + addr + "/"
	}},
}

func caFile(env []string) string {
	for _, e := range env {
		if file, ok := strings.CutPrefix(e, "SSL_CERT_FILE="); ok {
			return file
		}
	}
	return ""
}

// A chore is what one operation of a benchmark is: seed puts what it needs on
// the disk, behind the servers' backs.
type chore struct {
	name string
	seed func(b *testing.B, disk *emulator.Server, i int)
	do   func(b *testing.B, url string, i int)
}

func BenchmarkPeer(b *testing.B) {
	if out, err := exec.Command(testtool.Find(b, "rclone"), "version").Output(); err == nil {
		version, _, _ := strings.Cut(string(out), "\n")
		b.Logf("beside %s", version)
	}
	folder := func(b *testing.B, disk *emulator.Server, name string, files int) {
		b.Helper()
		if err := disk.Mkdir("disk:/" + name); err != nil {
			b.Fatal(err)
		}
		for i := range files {
			put(b, disk, fmt.Sprintf("%s/file %03d.txt", name, i), strings.Repeat("4KiB", 1024))
		}
	}
	request := func(b *testing.B, method, url string, body io.Reader, header ...string) {
		b.Helper()
		req, err := http.NewRequest(method, url, body)
		if err != nil {
			b.Fatal(err)
		}
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		defer res.Body.Close()
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode >= 300 {
			b.Fatalf("%s %s answered %s, %v", method, url, res.Status, err)
		}
	}
	chores := []chore{
		{name: "PROPFIND depth 1 of 1000, cold",
			seed: func(b *testing.B, disk *emulator.Server, i int) { folder(b, disk, fmt.Sprintf("cold%d", i), 1000) },
			do: func(b *testing.B, url string, i int) {
				request(b, "PROPFIND", fmt.Sprintf("%scold%d/", url, i), nil, "Depth", "1")
			}},
		{name: "GET 4 KiB",
			seed: func(b *testing.B, disk *emulator.Server, i int) { folder(b, disk, fmt.Sprintf("get%d", i), 10) },
			do: func(b *testing.B, url string, i int) {
				request(b, "GET", fmt.Sprintf("%sget%d/file%%20003.txt", url, i), nil)
			}},
		{name: "PUT 4 KiB, new",
			do: func(b *testing.B, url string, i int) {
				request(b, "PUT", fmt.Sprintf("%snew%d.txt", url, i), strings.NewReader(strings.Repeat("4KiB", 1024)))
			}},
		{name: "COPY of a folder of 100",
			seed: func(b *testing.B, disk *emulator.Server, i int) { folder(b, disk, fmt.Sprintf("copy%d", i), 100) },
			do: func(b *testing.B, url string, i int) {
				request(b, "COPY", fmt.Sprintf("%scopy%d/", url, i), nil, "Destination", fmt.Sprintf("%scopied%d/", url, i), "Overwrite", "F")
			}},
		{name: "MOVE of a folder of 100",
			seed: func(b *testing.B, disk *emulator.Server, i int) { folder(b, disk, fmt.Sprintf("move%d", i), 100) },
			do: func(b *testing.B, url string, i int) {
				request(b, "MOVE", fmt.Sprintf("%smove%d/", url, i), nil, "Destination", fmt.Sprintf("%smoved%d/", url, i), "Overwrite", "F")
			}},
		{name: "DELETE of a folder of 100",
			seed: func(b *testing.B, disk *emulator.Server, i int) { folder(b, disk, fmt.Sprintf("delete%d", i), 100) },
			do:   func(b *testing.B, url string, i int) { request(b, "DELETE", fmt.Sprintf("%sdelete%d/", url, i), nil) }},
	}
	const most = 20 // operations seeded before the servers start, because rclone remembers a listing for minutes
	for _, chore := range chores {
		for _, who := range contestants {
			b.Run(chore.name+"/"+who.name, func(b *testing.B) {
				disk := startDisk(b, emulator.Options{})
				proxy, err := disk.StartProxy("127.0.0.1:0")
				if err != nil {
					b.Fatal(err)
				}
				cert, err := disk.CACert()
				if err != nil {
					b.Fatal(err)
				}
				file := filepath.Join(b.TempDir(), "ca.pem")
				if err := os.WriteFile(file, cert, 0o600); err != nil {
					b.Fatal(err)
				}
				if chore.seed != nil {
					for i := range most {
						chore.seed(b, disk, i)
					}
				}
				url := who.start(b, disk, []string{"HTTPS_PROXY=" + proxy, "SSL_CERT_FILE=" + file})
				disk.SetLatency(30 * time.Millisecond)
				disk.ResetCounters()
				n := 0
				for b.Loop() {
					if n == most {
						b.Fatalf("only %d operations are prepared; give -benchtime 10x or less", most)
					}
					chore.do(b, url, n)
					n++
				}
				counted := disk.Counters()
				b.ReportMetric(float64(counted.API())/float64(n), "api-calls/op")
				b.ReportMetric(float64(counted.Transfers())/float64(n), "transfers/op")
			})
		}
	}
}
