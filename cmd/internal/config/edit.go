package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/internal/durable"
)

// ErrNoRemote says that the configuration has no remote of a name.
var ErrNoRemote = errors.New("no such remote")

var errNoFolder = errors.New("there is no folder for a configuration; name a file with --config")

// Add writes a remote at the end of the file, and makes the file, readable by
// its owner alone, if there is none. With a remote that has a secret the file
// becomes readable by its owner alone.
func (f *File) Add(name string, r Remote) error {
	if _, taken := f.Remotes[name]; taken {
		return language.Errorf("there is a remote %q already; 'davdisk remotes rm %s' removes it", name, name)
	}
	var table bytes.Buffer
	fmt.Fprintf(&table, "\n[remotes.%s]\ndriver = %s\n", key(name), strconv.Quote(r.Driver))
	private := false
	for _, option := range slices.Sorted(maps.Keys(r.Options)) {
		private = private || f.rules.Secret(r.Driver, option)
		value, err := toml.Marshal(map[string]string{option: r.Options[option]})
		if err != nil {
			return err
		}
		table.Write(value)
	}
	return f.edit(private, func(text string) (string, error) {
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		text = strings.TrimPrefix(text+table.String(), "\n")
		var all map[string]any
		if _, err := toml.Decode(text, &all); err != nil {
			return "", language.Errorf("remote %q cannot be added to the remotes as %s has them; write it there by hand", name, f.Path)
		}
		return text, nil
	})
}

// Remove takes a remote out of the file and leaves the rest as it is.
func (f *File) Remove(name string) error {
	if _, known := f.Remotes[name]; !known {
		return language.Errorf("%w: %q", ErrNoRemote, name)
	}
	return f.edit(false, func(text string) (string, error) {
		text = withoutTable(text, "remotes", name)
		var left struct{ Remotes map[string]any }
		if _, err := toml.Decode(text, &left); err != nil {
			return "", plain(err)
		}
		if _, still := left.Remotes[name]; still {
			return "", language.Errorf("remote %q is not written as [remotes.%s]; take it out of %s by hand", name, key(name), f.Path)
		}
		return text, nil
	})
}

// withoutTable leaves out the lines from a header [group.name] to the next
// header.
func withoutTable(text, group, name string) string {
	var kept strings.Builder
	skipping := false
	for line := range strings.Lines(text) {
		if header, ok := headerOf(line); ok {
			skipping = slices.Equal(header, []string{group, name})
		}
		if !skipping {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// headerOf reads the line that begins a table.
func headerOf(line string) (keys []string, ok bool) {
	if !strings.HasPrefix(strings.TrimSpace(line), "[") {
		return nil, false
	}
	var header map[string]any
	md, err := toml.Decode(line, &header)
	if err != nil || len(md.Keys()) == 0 {
		return nil, false
	}
	return md.Keys()[len(md.Keys())-1], true
}

// Create writes a new file, readable by its owner alone. A file that is there
// already stays as it is. Text that is all comments does no harm when a crash
// leaves a part of it.
func Create(path, text string) error {
	if path == "" {
		return errNoFolder
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return language.Errorf("write the configuration: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return language.Errorf("%s is there already; it stays as it is", path)
	}
	if err != nil {
		return language.Errorf("write the configuration: %w", err)
	}
	_, err = file.WriteString(text)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return language.Errorf("write the configuration: %w", errors.Join(err, os.Remove(path)))
	}
	return durable.SyncDir(filepath.Dir(path))
}

// edit replaces the file in one step, through a link if it is one.
func (f *File) edit(private bool, change func(text string) (string, error)) error {
	if f.Path == "" {
		return errNoFolder
	}
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o700); err != nil {
		return language.Errorf("write the configuration: %w", err)
	}
	path, mode := f.Path, fs.FileMode(0o600)
	if fi, err := os.Stat(path); err == nil {
		mode = fi.Mode().Perm()
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	if private {
		mode &= 0o700
	}
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text, err := change(string(old))
	if err != nil {
		return err
	}
	if err := durable.WriteFile(path, []byte(text), mode); err != nil {
		return language.Errorf("write the configuration: %w", err)
	}
	return nil
}

// key writes a name as TOML wants it.
func key(name string) string {
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == "" {
		return name
	}
	return strconv.Quote(name)
}
