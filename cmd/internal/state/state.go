// Package state keeps the folder in which davdisk remembers what must survive
// a restart: logins, locks, properties, journals. It belongs to one user and
// is not to be deleted while something is pending.
package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/gofrs/flock"

	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/internal/durable"
)

// Version is that of the layout. A folder with a higher one was written by a
// newer davdisk and is left alone. Version 1 had journals of other formats, which
// are carried over when they are opened first.
const Version = 2

// DefaultDir is where the state lies unless a flag says otherwise; empty if
// the user has no folder for such things.
func DefaultDir() string {
	return dir("XDG_STATE_HOME", func() (string, error) {
		switch runtime.GOOS {
		case "windows":
			return os.UserCacheDir() // %LocalAppData%: of this machine only
		case "darwin":
			return os.UserConfigDir()
		}
		home, err := os.UserHomeDir()
		return filepath.Join(home, ".local", "state"), err
	}, "davdisk")
}

// DefaultCacheDir is where content is cached unless a flag says otherwise.
func DefaultCacheDir() string { return dir("XDG_CACHE_HOME", os.UserCacheDir, "davdisk", "cache") }

// dir joins the folder that a variable names, or else that of the system, with
// our own. On Windows state and cache would be one without the last element.
func dir(variable string, system func() (string, error), own ...string) string {
	base := os.Getenv(variable)
	if !filepath.IsAbs(base) {
		var err error
		if base, err = system(); err != nil || base == "" {
			return ""
		}
	}
	return filepath.Join(append([]string{base}, own...)...)
}

// Prepare makes the folder if it is not there, or claims an empty one, and
// checks that it is ours, private and not from the future.
func Prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return language.Errorf("make the state folder: %w", err)
	}
	file := filepath.Join(dir, "version")
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return claim(dir, file)
	}
	if err != nil {
		return language.Errorf("read the state folder: %w", err)
	}
	if len(data) == 0 { // a process has just made it, or was stopped while it did
		return claim(dir, file)
	}
	version, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return language.Errorf("%s is damaged: it should hold the number %d", file, Version)
	}
	if version > Version {
		return language.Errorf("the state folder %s was written by a newer davdisk (version %d, this one knows %d); use that one, or another --state-dir", dir, version, Version)
	}
	if err := checkPrivate(dir); err != nil || version == Version {
		return err
	}
	if err := durable.WriteFile(file, content(), 0o600); err != nil {
		return language.Errorf("write to the state folder: %w", err)
	}
	return nil
}

func claim(dir, file string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return language.Errorf("read the state folder: %w", err)
	}
	if len(entries) > 0 && !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "version" }) {
		return language.Errorf("%s is not a state folder of davdisk, and not empty; name another --state-dir", dir)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return language.Errorf("make the state folder private: %w", err)
	}
	if err := os.WriteFile(file, content(), 0o600); err != nil {
		return language.Errorf("write to the state folder: %w", err)
	}
	return nil
}

// content is that of the file "version".
func content() []byte { return []byte(strconv.Itoa(Version) + "\n") }

func checkPrivate(dir string) error {
	fi, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if mode := fi.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return language.Errorf("the state folder %s holds logins and is open to others (mode %04o); run chmod 700 on it", dir, mode)
	}
	return nil
}

// Lock keeps a second process from the same work until unlock is called. The
// name identifies the work, and consists of letters, digits and "-".
func Lock(dir, name string) (unlock func() error, err error) {
	folder := filepath.Join(dir, "serving")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, language.Errorf("write to the state folder: %w", err)
	}
	lock := flock.New(filepath.Join(folder, name+".lock"), flock.SetPermissions(0o600))
	got, err := lock.TryLock()
	if err != nil {
		return nil, language.Errorf("lock the state folder: %w", err)
	}
	if !got {
		return nil, language.Errorf("another davdisk is serving this already with the state folder %s; end it, or give this one another --state-dir", dir)
	}
	return lock.Close, nil
}
