package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testtool"
)

// TestPosix tries what POSIX asks of a file system on mounts of davdisk, Apache
// and rclone by the same davfs2 with the same options. davdisk deviates in no
// more than the better of the others, and in nothing that docs/clients/posix.md
// does not list.
func TestPosix(t *testing.T) {
	testlevel.NeedMore(t)
	found := map[string][]string{}
	for _, server := range []struct {
		name  string
		start func(t *testing.T) (url string)
	}{
		{"davdisk", func(t *testing.T) string { return serve(t, startDisk(t, emulator.Options{})).url }},
		{"Apache", startModDav},
		{"rclone", startRcloneServer},
	} {
		t.Run(server.name, func(t *testing.T) {
			mnt, unmount := mountDavfsWith(t, server.start(t), davfsDefaults)
			for i, check := range posixChecks {
				f := posixFolder{filepath.Join(mnt, fmt.Sprintf("check %d", i))}
				err := os.Mkdir(f.path, 0o755)
				if err == nil {
					err = check.try(f)
				}
				if err != nil {
					found[server.name] = append(found[server.name], check.clause+": "+check.what)
					t.Logf("%s: %s: %v", check.clause, check.what, err)
				}
			}
			unmount()
		})
	}
	page, err := os.ReadFile("../../docs/clients/posix.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, deviation := range found["davdisk"] {
		clause, what, _ := strings.Cut(deviation, ": ")
		if !bytes.Contains(page, []byte("| "+clause+" | "+what+" |")) {
			t.Errorf("%s: docs/clients/posix.md does not list it", deviation)
		}
	}
	t.Logf("of %d checks fail: davdisk %d, Apache %d, rclone %d", len(posixChecks), len(found["davdisk"]), len(found["Apache"]), len(found["rclone"]))
	storable := slices.DeleteFunc(found["davdisk"], func(deviation string) bool { return deviation == "filename: what is no UTF-8" })
	own, better := len(storable), min(len(found["Apache"]), len(found["rclone"]))
	if own > better {
		t.Errorf("davdisk deviates %d times, the better of the others %d", own, better)
	}
}

// startRcloneServer serves an empty folder by rclone.
func startRcloneServer(t *testing.T) string {
	t.Helper()
	address := freeAddress(t)
	cmd := exec.Command(testtool.Find(t, "rclone"), "serve", "webdav", t.TempDir(), "--addr", address, "--vfs-cache-mode", "full", "--dir-cache-time", "0s", "--cache-dir", t.TempDir())
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	until(t, "rclone serves", func() bool { return exec.Command("curl", "-sf", "http://"+address+"/").Run() == nil })
	return "http://" + address + "/"
}

// A posixFolder is an empty folder for one check.
type posixFolder struct{ path string }

func (f posixFolder) at(name string) string { return f.path + "/" + name }

// all returns the first error of steps that have been taken in this order.
func (f posixFolder) all(steps ...error) error {
	for _, err := range steps {
		if err != nil {
			return err
		}
	}
	return nil
}

func (f posixFolder) after(before error, do func() error) error {
	if before != nil {
		return fmt.Errorf("before: %w", before)
	}
	return do()
}

func (f posixFolder) is(want syscall.Errno, got error) error { return f.either(got, want) }

func (f posixFolder) either(got error, want ...syscall.Errno) error {
	for _, w := range want {
		if errors.Is(got, w) {
			return nil
		}
	}
	return fmt.Errorf("%v, want %v", got, want)
}

func (f posixFolder) equal(want, got int64, err error) error {
	if err == nil && got != want {
		err = fmt.Errorf("%d, want %d", got, want)
	}
	return err
}

func (f posixFolder) file(name, content string) error {
	return os.WriteFile(f.at(name), []byte(content), 0o644)
}

func (f posixFolder) dir(name string) error               { return os.Mkdir(f.at(name), 0o755) }
func (f posixFolder) rename(from, to string) error        { return syscall.Rename(f.at(from), f.at(to)) }
func (f posixFolder) truncate(name string, n int64) error { return os.Truncate(f.at(name), n) }

func (f posixFolder) make(name string, mode os.FileMode) error {
	h, err := os.OpenFile(f.at(name), os.O_CREATE|os.O_WRONLY, mode)
	return f.all(err, h.Close())
}

// open2 opens a file after a step, and closes it.
func (f posixFolder) open2(name string, flags int, before error) error {
	return f.after(before, func() error {
		h, err := os.OpenFile(f.at(name), flags, 0o644)
		if err != nil {
			return err
		}
		return h.Close()
	})
}

func (f posixFolder) withFile(name, content string, flags int, do func(h *os.File) error) error {
	if err := f.file(name, content); err != nil {
		return fmt.Errorf("before: %w", err)
	}
	h, err := os.OpenFile(f.at(name), flags, 0)
	if err != nil {
		return fmt.Errorf("before: %w", err)
	}
	return f.all(do(h), h.Close())
}

// reads reads a handle from its beginning, rest from where it is.
func (f posixFolder) reads(h *os.File, want string) error {
	if _, err := h.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return f.rest(h, want)
}

func (f posixFolder) rest(h *os.File, want string) error {
	got, err := io.ReadAll(h)
	if err == nil && string(got) != want {
		err = fmt.Errorf("it holds %.40q, want %.40q", got, want)
	}
	return err
}

func (f posixFolder) content(name, want string, before ...error) error {
	return f.after(f.all(before...), func() error {
		got, err := os.ReadFile(f.at(name))
		if err == nil && string(got) != want {
			err = fmt.Errorf("it holds %.40q, want %.40q", got, want)
		}
		return err
	})
}

func (f posixFolder) size(name string, want int64, before error) error {
	return f.after(before, func() error {
		info, err := os.Stat(f.at(name))
		if err != nil {
			return err
		}
		return f.equal(want, info.Size(), nil)
	})
}

func (f posixFolder) mode(name string, want os.FileMode, before ...error) error {
	return f.after(f.all(before...), func() error {
		info, err := os.Stat(f.at(name))
		if err == nil && info.Mode().Perm() != want {
			err = fmt.Errorf("%v, want %v", info.Mode().Perm(), want)
		}
		return err
	})
}

func (f posixFolder) missing(name string) error {
	_, err := os.Lstat(f.at(name))
	return f.is(syscall.ENOENT, err)
}

func (f posixFolder) readsBack(name string) error {
	return f.content(name, "x", f.file(name, "x"), f.lists1(name))
}

func (f posixFolder) lists1(want ...string) error {
	entries, err := os.ReadDir(f.path)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	slices.Sort(want)
	if err == nil && !slices.Equal(got, want) {
		err = fmt.Errorf("listed are %q, want %q", got, want)
	}
	return err
}

func (f posixFolder) distinct(a, b string) error {
	return f.all(f.file(a, "1"), f.file(b, "2"), f.content(a, "1"), f.content(b, "2"))
}

func (f posixFolder) appends() error {
	return f.withFile("a", "1", os.O_WRONLY|os.O_APPEND, func(h *os.File) error {
		other, err := os.OpenFile(f.at("a"), os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		for i, one := range []*os.File{h, other, h} {
			if _, err := fmt.Fprint(one, i+2); err != nil {
				return err
			}
		}
		return f.content("a", "1234", other.Close())
	})
}

func (f posixFolder) writesUnreadable() error {
	h, err := os.OpenFile(f.at("a"), os.O_CREATE|os.O_RDWR|os.O_EXCL, 0)
	if err != nil {
		return err
	}
	_, err = h.WriteString("abc")
	return f.all(err, f.reads(h, "abc"), h.Close())
}

func (f posixFolder) bulk() error {
	content := strings.Repeat("0123456789abcdef", 3<<16)
	return f.content("a", content, f.file("a", content))
}

func (f posixFolder) mapped(h *os.File, prot int, before, after string) error {
	data, err := syscall.Mmap(int(h.Fd()), 0, len(before), prot, syscall.MAP_SHARED)
	if err != nil {
		return err
	}
	if string(data) != before {
		err = fmt.Errorf("mapped is %q", data)
	}
	if prot&syscall.PROT_WRITE != 0 {
		data[0] = 'X'
	}
	return f.all(err, syscall.Munmap(data), f.content("a", after))
}

func (f posixFolder) renameOverOpen() error {
	return f.withFile("b", "old", os.O_RDONLY, func(h *os.File) error {
		return f.all(f.file("a", "new"), f.rename("a", "b"), f.reads(h, "old"), f.content("b", "new"))
	})
}

func (f posixFolder) renameOpen() error {
	err := f.withFile("a", "abc", os.O_RDWR, func(h *os.File) error {
		err := f.rename("a", "b")
		if err == nil {
			_, err = h.WriteString("X")
		}
		return err
	})
	return f.content("b", "Xbc", err)
}

func (f posixFolder) saveByRename() error {
	h, err := os.Create(f.at("new"))
	if err != nil {
		return err
	}
	_, err = h.WriteString("new")
	return f.content("a", "new", err, f.file("a", "old"), f.rename("new", "a"), h.Close())
}

func (f posixFolder) setsTime(ns int64) error { return f.keepsTime(time.Unix(1_000_000_000, ns)) }
func (f posixFolder) setsOldTime() error      { return f.keepsTime(time.Unix(-1_000_000, 0)) }

func (f posixFolder) keepsTime(at time.Time) error {
	if err := f.all(f.file("a", "x"), os.Chtimes(f.at("a"), at, at)); err != nil {
		return err
	}
	return f.hasTime("a", at)
}

func (f posixFolder) hasTime(name string, at time.Time) error {
	info, err := os.Stat(f.at(name))
	if err == nil && !info.ModTime().Equal(at) {
		err = fmt.Errorf("%v, want %v", info.ModTime(), at)
	}
	return err
}

func (f posixFolder) renameKeepsTime() error {
	at := time.Unix(1_000_000_000, 0)
	return f.all(f.file("a", "x"), os.Chtimes(f.at("a"), at, at), f.rename("a", "b"), f.hasTime("b", at))
}

func (f posixFolder) movesTime() error {
	at := time.Unix(1_000_000_000, 0)
	if err := f.all(f.file("a", "x"), os.Chtimes(f.at("a"), at, at), f.file("a", "y")); err != nil {
		return err
	}
	if f.hasTime("a", at) == nil {
		return errors.New("it is the old one")
	}
	return nil
}

func (f posixFolder) movesFolderTime() error {
	at := time.Unix(1_000_000_000, 0)
	if err := f.all(f.dir("d"), os.Chtimes(f.at("d"), at, at), f.dir("d/e")); err != nil {
		return err
	}
	if f.hasTime("d", at) == nil {
		return errors.New("it is the old one")
	}
	return nil
}

func (f posixFolder) lists(n int) error {
	var want []string
	for i := range n {
		name := fmt.Sprintf("%03d", i)
		if err := f.file(name, name); err != nil {
			return err
		}
		want = append(want, name)
	}
	return f.lists1(want...)
}

func (f posixFolder) listsChanges() error {
	return f.all(f.file("a", "x"), f.dir("b"), f.lists1("a", "b"), os.Remove(f.at("a")), f.lists1("b"))
}

func (f posixFolder) symlink() error {
	if err := syscall.Symlink("target", f.at("a")); err != nil {
		return err
	}
	got, err := os.Readlink(f.at("a"))
	if err == nil && got != "target" {
		err = errors.New(got)
	}
	return err
}

func (f posixFolder) sys(name string) (*syscall.Stat_t, error) {
	var s syscall.Stat_t
	return &s, syscall.Lstat(f.at(name), &s)
}

func (f posixFolder) nlink() error {
	err := f.file("a", "x")
	s, statErr := f.sys("a")
	return f.equal(1, int64(s.Nlink), f.all(err, statErr))
}

func (f posixFolder) chowns() error {
	err := f.all(f.file("a", "x"), os.Chown(f.at("a"), 1000, 1000))
	s, statErr := f.sys("a")
	return f.equal(1000, int64(s.Uid), f.all(err, statErr))
}

func (f posixFolder) space() error {
	var s syscall.Statfs_t
	err := syscall.Statfs(f.path, &s)
	if err == nil && s.Bavail == 0 {
		err = errors.New("none is free")
	}
	return err
}
