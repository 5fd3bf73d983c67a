package demo

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davdisk/davdisk/cmd/internal/language"
)

// A Source is what Save reads from.
type Source interface {
	Walk(func(name string, dir bool) error) error
	Open(path string) (io.ReadSeekCloser, error)
}

// The names below the folder of a kept disk: what was saved, and what is on its
// way in or out while another takes its place.
const (
	kept     = "disk"
	incoming = "disk.new"
	outgoing = "disk.old"
)

// marker is a file that says whose folder it is.
const marker = ".davdisk-demo"

// Claim makes a folder for kept disks, or takes one that is empty or was used
// for that before. Any other is refused: what is in it would be lost.
func Claim(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	ours := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == marker })
	if len(entries) > 0 && !ours {
		return language.Errorf("%s holds other things; a demo needs a folder of its own", dir)
	}
	return os.WriteFile(filepath.Join(dir, marker), nil, 0o600)
}

// Load fills a disk with what Save has kept in dir, and reports whether there
// was anything.
func Load(dir string, d Disk) (bool, error) {
	from := filepath.Join(dir, kept)
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		// Save was stopped between its two renames, or has never run.
		if err := os.Rename(filepath.Join(dir, outgoing), from); errors.Is(err, fs.ErrNotExist) {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
	root, err := os.OpenRoot(from)
	if err != nil {
		return false, err
	}
	defer root.Close()
	return true, fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".":
			return nil
		case entry.IsDir():
			return d.Mkdir("disk:/" + name)
		case !entry.Type().IsRegular():
			return nil
		}
		f, err := root.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		return d.WriteFrom("disk:/"+name, f)
	})
}

// Save keeps a disk in dir, in place of the one that is there, which stays
// until the new one is complete.
func Save(dir string, s Source) error {
	fresh := filepath.Join(dir, incoming)
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := os.MkdirAll(fresh, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(fresh)
	if err != nil {
		return err
	}
	defer root.Close()
	err = s.Walk(func(name string, isDir bool) error {
		relative := strings.TrimPrefix(name, "disk:/")
		if isDir {
			return root.MkdirAll(relative, 0o700)
		}
		if err := root.MkdirAll(path.Dir(relative), 0o700); err != nil {
			return err
		}
		return save(root, relative, name, s)
	})
	if err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(dir, outgoing)); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(dir, kept), filepath.Join(dir, outgoing)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(fresh, filepath.Join(dir, kept)); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(dir, outgoing))
}

func save(root *os.Root, relative, name string, s Source) error {
	in, err := s.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := root.Create(relative)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if closing := out.Close(); err == nil {
		err = closing
	}
	return err
}
