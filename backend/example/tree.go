package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/davdisk/davdisk/backend"
)

// A tree is what the JSON file holds: every file and folder but the root, by
// its whole name.
type tree map[string]entry

// An entry is a file or a folder.
type entry struct {
	Dir     bool      `json:"dir,omitempty"`
	Data    []byte    `json:"data,omitempty"`
	ModTime time.Time `json:"modified"`
}

// version identifies the content, and nothing else.
func (e entry) version() string {
	if e.Dir {
		return ""
	}
	sum := sha256.Sum256(e.Data)
	return hex.EncodeToString(sum[:20])
}

func (e entry) info(name string) backend.Info {
	return backend.Info{Name: path.Base(name), Dir: e.Dir, Size: int64(len(e.Data)), ModTime: e.ModTime, Version: e.version()}
}

func (t tree) stat(op, name string) (backend.Info, error) {
	if name == "." {
		return backend.Info{Name: ".", Dir: true}, nil
	}
	e, ok := t[name]
	if !ok {
		return backend.Info{}, backend.PathError(op, name, fs.ErrNotExist, "")
	}
	return e.info(name), nil
}

// needParent fails if the folder that name would be in is missing.
func (t tree) needParent(op, name string) error {
	if parent, err := t.stat(op, path.Dir(name)); err != nil || !parent.Dir {
		return backend.PathError(op, name, fs.ErrNotExist, "the folder it would be in is missing")
	}
	return nil
}

// below lists the names of all that is in a folder, at any depth.
func (t tree) below(name string) []string {
	var names []string
	for child := range t {
		if strings.HasPrefix(child, name+"/") {
			names = append(names, child)
		}
	}
	return names
}

// read shows the tree to look.
func (s *store) read(ctx context.Context, op, name string, look func(tree) error) error {
	if err := check(ctx, op, name); err != nil {
		return err
	}
	// The file is replaced in one step, so a reader needs no lock.
	t, err := s.load()
	if err != nil {
		return unavailable(op, name, err)
	}
	return look(t)
}

// change lets edit change the tree, and keeps that if it returns nil. One
// change is made at a time, by whichever program.
func (s *store) change(ctx context.Context, op, name string, edit func(tree) error) error {
	if err := check(ctx, op, name); err != nil {
		return err
	}
	lock := flock.New(s.file + ".lock")
	if _, err := lock.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return unavailable(op, name, err)
	}
	defer lock.Close()
	t, err := s.load()
	if err != nil {
		return unavailable(op, name, err)
	}
	if err := edit(t); err != nil {
		return err
	}
	if err := s.save(t); err != nil {
		return unavailable(op, name, err)
	}
	return nil
}

// unavailable says that the file cannot be used, which is never "not there".
func unavailable(op, name string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return backend.PathError(op, name, backend.ErrUnavailable, err.Error())
}

// load reads the file. One that is not there yet holds nothing; one that
// cannot be understood is an error, or it would be replaced by an empty one.
func (s *store) load() (tree, error) {
	text, err := os.ReadFile(s.file)
	if errors.Is(err, fs.ErrNotExist) {
		return tree{}, nil
	}
	if err != nil {
		return nil, err
	}
	t := tree{}
	if err := json.Unmarshal(text, &t); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", s.file, err)
	}
	return t, nil
}

// save replaces the file: the new one is written whole and brought to the disk
// before it takes the old one's place.
func (s *store) save(t tree) (err error) {
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(s.file), filepath.Base(s.file)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temp.Name()))
		}
	}()
	_, err = temp.Write(text)
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), s.file)
}
