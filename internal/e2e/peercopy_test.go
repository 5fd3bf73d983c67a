package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testtool"
)

// BenchmarkPeerCopy copies a folder of 300 small files up, 30 ms away, with davdisk
// and with rclone: to a new folder each time, and again where all is there.
func BenchmarkPeerCopy(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "files")
	if err := os.Mkdir(dir, 0o700); err != nil {
		b.Fatal(err)
	}
	for i := range 300 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("f%d.txt", i)), fmt.Appendf(nil, "content %d", i), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	for _, who := range []string{"davdisk", "rclone"} {
		for _, again := range []bool{false, true} {
			name := map[bool]string{false: "new", true: "again"}[again]
			b.Run(name+"/"+who, func(b *testing.B) {
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
				home := b.TempDir()
				copy := func(n int) {
					b.Helper()
					to := fmt.Sprintf("copy%d", n)
					cmd := exec.Command(binary, "sync", dir, "yandex:"+to)
					if who == "rclone" {
						cmd = exec.Command(testtool.Find(b, "rclone"), "--ca-cert", file, "copy", dir, "ya:"+to)
					}
					cmd.Env = append(os.Environ(), "HOME="+home, "XDG_STATE_HOME="+home, "HTTPS_PROXY="+proxy, "SSL_CERT_FILE="+file,
						"DAVDISK_TOKEN="+disk.Token, "DAVDISK_YANDEX_RATE=0",
						"RCLONE_CONFIG="+filepath.Join(home, "rclone.conf"), "RCLONE_CONFIG_YA_TYPE=yandex",
						"RCLONE_CONFIG_YA_CLIENT_ID=rclone", "RCLONE_CONFIG_YA_CLIENT_SECRET=secret",
						`RCLONE_CONFIG_YA_TOKEN={"access_token":"`+disk.Token+`","token_type":"OAuth","refresh_token":"none","expiry":"2099-01-01T00:00:00Z"}`)
					if out, err := cmd.CombinedOutput(); err != nil {
						b.Fatalf("%v\n%s", err, out)
					}
				}
				if again {
					copy(0)
				}
				disk.SetLatency(30 * time.Millisecond)
				disk.ResetCounters()
				n := 0
				for b.Loop() {
					if !again {
						n++
					}
					copy(n)
				}
				b.ReportMetric(float64(disk.Counters().API())/float64(b.N), "api-calls/op")
			})
		}
	}
}
