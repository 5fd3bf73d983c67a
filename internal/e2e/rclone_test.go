package e2e

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testtool"
)

// rcloneCommand makes rclone with no configuration but the share as vendor's.
func rcloneCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	return command(t, "rclone", append([]string{"--config", filepath.Join(t.TempDir(), "rclone.conf"), "--retries", "1", "--low-level-retries", "1"}, args...)...)
}

// TestRcloneMount works on the share as on a folder, with rclone's cache of
// files that are being written. rclone uploads a file when the kernel releases
// it, which is after close has returned; what is renamed before that it still
// stores under the old name (seen with rclone 1.60, on any server), and what is
// unmounted before that stays in its cache. So the test waits for the uploads.
func TestRcloneMount(t *testing.T) {
	linux(t)
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	unmount := testtool.Find(t, "fusermount3")
	disk := startDisk(t, emulator.Options{})
	disk.Inject(emulator.Fault{Endpoint: emulator.UploadLink, Path: "empty.txt", Delay: 2 * time.Second}) // as on a busy machine
	s := serve(t, disk)
	mnt := filepath.Join(t.TempDir(), "mnt")
	if err := os.Mkdir(mnt, 0o755); err != nil {
		t.Fatal(err)
	}
	mount := rcloneCommand(t, "mount", ":webdav,url='"+s.url+"',vendor=other:", mnt, "--vfs-cache-mode", "writes", "--vfs-write-back", "0s",
		"--dir-cache-time", "1s", "--cache-dir", t.TempDir())
	if err := mount.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command(unmount, "-uz", mnt).Run()
		_ = mount.Process.Kill()
		_ = mount.Wait()
	})
	until(t, "rclone has mounted the share", func() bool {
		mounts, err := os.ReadFile("/proc/self/mounts")
		return err == nil && strings.Contains(string(mounts), " "+mnt+" ")
	})

	want := map[string]string{}
	uploaded := func() {
		t.Helper()
		until(t, "rclone has uploaded what was written", func() bool {
			now := stored(disk)
			for name, content := range want {
				if now[name] != sum([]byte(content)) {
					return false
				}
			}
			return true
		})
	}
	write := func(name, content string, flag int) {
		t.Helper()
		name = filepath.Join(mnt, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(name, os.O_CREATE|flag, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(content); err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, name := range hostile {
		write("hostile/"+name, name, os.O_WRONLY)
		want["hostile/"+name] = name
	}
	large := strings.Repeat("0123456789abcdef", 200_000)
	write("d/large.bin", large, os.O_WRONLY)
	write("d/e/inner.txt", "inner", os.O_WRONLY)
	write("gone/a.txt", "a", os.O_WRONLY)
	write("empty.txt", "", os.O_WRONLY)
	maps.Copy(want, map[string]string{"d/e/inner.txt": "inner", "gone/a.txt": "a", "empty.txt": ""})

	write("d/large.bin", "FIRST", os.O_RDWR) // in place, without truncation
	want["d/large.bin"] = "FIRST" + large[5:]
	write("hostile/"+hostile[0], " and more", os.O_WRONLY|os.O_APPEND)
	want["hostile/"+hostile[0]] += " and more"
	write("hostile/"+hostile[1], "anew", os.O_WRONLY|os.O_TRUNC)
	want["hostile/"+hostile[1]] = "anew"
	uploaded()
	for _, names := range [][2]string{{"empty.txt", "hostile/" + hostile[2]}, {"d/e", "moved & renamed"}} {
		if err := os.Rename(filepath.Join(mnt, names[0]), filepath.Join(mnt, names[1])); err != nil {
			t.Error(err)
		}
	}
	for _, gone := range []string{"empty.txt", "d/e/inner.txt", "gone/a.txt"} {
		delete(want, gone)
	}
	want["hostile/"+hostile[2]] = ""
	want["moved & renamed/inner.txt"] = "inner"
	if err := os.RemoveAll(filepath.Join(mnt, "gone")); err != nil {
		t.Error(err)
	}
	wanted := map[string]string{}
	for name, content := range want {
		wanted[name] = sum([]byte(content))
	}
	// rclone lists a folder anew after a second; a file that was moved to another
	// folder while it did could until then be seen in the old one by its new name.
	until(t, "the mount shows what was done", func() bool { return maps.Equal(hashes(t, mnt), wanted) })
	run(t, command(t, unmount, "-u", mnt))
	if err := mount.Wait(); err != nil {
		t.Errorf("rclone mount: %v", err)
	}
	same(t, "at the disk", stored(disk), wanted)
}

// TestRcloneKeepsTimes: to the vendors that have a header for it rclone gives
// modification times with what it uploads, and compares checksums.
func TestRcloneKeepsTimes(t *testing.T) {
	for _, vendor := range []string{"owncloud", "nextcloud"} {
		t.Run(vendor, func(t *testing.T) {
			disk := startDisk(t, emulator.Options{})
			s := serve(t, disk)
			local := t.TempDir()
			when := map[string]time.Time{}
			for i, name := range hostile {
				file := filepath.Join(local, name)
				if err := os.WriteFile(file, []byte(name), 0o644); err != nil {
					t.Fatal(err)
				}
				when[name] = time.Date(2001+i, 2, 3, 4, 5, 6, 0, time.UTC)
				if err := os.Chtimes(file, when[name], when[name]); err != nil {
					t.Fatal(err)
				}
			}
			remote := ":webdav,url='" + s.url + "',vendor=" + vendor + ":"
			run(t, rcloneCommand(t, "copy", local, remote+"in"))
			if out := run(t, rcloneCommand(t, "check", local, remote+"in")); !strings.Contains(out, "0 differences found") || strings.Contains(out, "hash could not be checked") {
				t.Errorf("rclone check compared something else: %s", out)
			}
			var listed []struct {
				Name    string
				ModTime time.Time
			}
			if err := json.Unmarshal([]byte(run(t, rcloneCommand(t, "-q", "lsjson", remote+"in"))), &listed); err != nil || len(listed) != len(hostile) {
				t.Fatalf("%d of %d files are listed: %v", len(listed), len(hostile), err)
			}
			for _, file := range listed {
				if !file.ModTime.Equal(when[file.Name]) {
					t.Errorf("%s is listed with %v, want %v", file.Name, file.ModTime, when[file.Name])
				}
			}
			before := disk.Counters().By[emulator.UploadContent]
			run(t, rcloneCommand(t, "copy", local, remote+"in"))
			if again := disk.Counters().By[emulator.UploadContent] - before; again != 0 {
				t.Errorf("%d files were uploaded again, although nothing had changed", again)
			}
			// The service takes times some seconds after the content only.
			for name, want := range when {
				until(t, name+" has its time at the disk", func() bool {
					entry, err := disk.Stat("disk:/in/" + name)
					if err != nil {
						t.Fatal(err)
					}
					got, err := time.Parse(time.RFC3339Nano, entry.Properties["rclone_modified"])
					return err == nil && got.Equal(want)
				})
			}
		})
	}
}
