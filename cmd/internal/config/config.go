// Package config reads and extends config.toml, which is the user's own file:
// the user's text is kept, including comments.
//
//	yandex-hard-delete = true     # a flag, for every command that has it
//
//	[serve]                       # flags of one command
//	addr = "127.0.0.1:8090"
//
//	[remotes.work]                # work:PATH
//	driver = "yandex"
//	account = "work"
//	root = "Team"
//
//	[users.anna]                  # who may log in to a share
//	password-hash = "$2y$10$…"    # as htpasswd -nB makes it
//	root = "Anna"
//	read-only = true
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/davdisk/davdisk/cmd/internal/language"
)

// File is what a configuration says.
type File struct {
	Path     string
	Flags    map[string][]string            // values by name of a flag
	Commands map[string]map[string][]string // the same, by name of a command
	Remotes  map[string]Remote
	Users    map[string]User

	rules Rules
	raw   map[string]any // as TOML has it
}

// IsText reports whether the value of a key is a text, neither a number nor true
// or false.
func (f *File) IsText(key ...string) bool {
	var value any = f.raw
	for _, k := range key {
		table, _ := value.(map[string]any)
		value = table[k]
	}
	_, is := value.(string)
	return is
}

// A Remote is a name for a place in a store.
type Remote struct {
	Driver  string
	Options map[string]string
}

// A User may log in to a share.
type User struct {
	PasswordHash string `toml:"password-hash"`
	PasswordFile string `toml:"password-file"`
	Root         string `toml:"root"`
	ReadOnly     bool   `toml:"read-only"`
}

// Rules define what a configuration may contain.
type Rules struct {
	Flag    func(command, name string) bool // is there such a flag; command "": of any command
	Command func(name string) bool
	Secret  func(driver, option string) bool  // must others not read it
	Near    func(command, name string) string // the known name that was probably meant, or empty; may be nil
}

// hint names the known key that was probably meant.
func (r Rules) hint(command, name string) language.Phrase {
	if r.Near == nil {
		return language.Phrase{}
	}
	if near := r.Near(command, name); near != "" {
		return language.Say("; did you mean %q?", near)
	}
	return language.Phrase{}
}

// DefaultPath is where the configuration lies unless a flag says otherwise;
// empty if the user has no folder for such files.
func DefaultPath() string {
	dir := os.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) {
		var err error
		if dir, err = os.UserConfigDir(); err != nil {
			return ""
		}
	}
	return filepath.Join(dir, "davdisk", "config.toml")
}

// Load reads a configuration. A file that is not there is an empty one.
func Load(path string, rules Rules) (*File, error) {
	f := &File{Path: path, rules: rules}
	if path == "" {
		return f, f.parse("", rules)
	}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, language.Errorf("read the configuration: %w", err)
	}
	if err := f.parse(string(data), rules); err != nil {
		return nil, language.Errorf("%s: %w", path, err)
	}
	if err := f.checkMode(rules); err != nil {
		return nil, language.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Again loads the same file once more.
func (f *File) Again() (*File, error) { return Load(f.Path, f.rules) }

func (f *File) parse(text string, rules Rules) error {
	f.Flags, f.Commands = map[string][]string{}, map[string]map[string][]string{}
	f.Remotes, f.Users = map[string]Remote{}, map[string]User{}
	var top map[string]any
	if _, err := toml.Decode(text, &top); err != nil {
		return plain(err)
	}
	f.raw = top
	for _, key := range slices.Sorted(maps.Keys(top)) {
		table, isTable := top[key].(map[string]any)
		var err error
		switch {
		case !isTable && rules.Flag("", key):
			f.Flags[key], err = texts(key, top[key])
		case !isTable && (key == "remotes" || key == "users" || rules.Command(key)):
			err = language.Errorf("%q is a table; write [%s]", key, key)
		case key == "remotes":
			err = f.parseRemotes(table)
		case key == "users":
			err = f.parseUsers(text)
		case isTable && rules.Command(key):
			err = f.parseCommand(key, table, rules)
		default:
			err = language.Errorf("unknown key %q%s", key, rules.hint("", key))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *File) parseRemotes(remotes map[string]any) error {
	for name, remote := range remotes {
		options, ok := remote.(map[string]any)
		if !ok {
			return language.Errorf("%q is a table; write [remotes.%s]", "remotes."+name, name)
		}
		r := Remote{Options: map[string]string{}}
		for key, v := range options {
			values, err := texts("remotes."+name+"."+key, v)
			if err != nil {
				return err
			}
			r.Options[key] = strings.Join(values, ",")
		}
		r.Driver = r.Options["driver"]
		delete(r.Options, "driver")
		if r.Driver == "" {
			return language.Errorf("remote %q has no driver; write driver = \"yandex\"", name)
		}
		f.Remotes[name] = r
	}
	return nil
}

func (f *File) parseUsers(text string) error {
	var file struct{ Users map[string]User }
	md, err := toml.Decode(text, &file)
	if err != nil {
		return plain(err)
	}
	for _, key := range md.Undecoded() {
		if key[0] == "users" {
			return language.Errorf("unknown key %q: a user has password-hash, password-file, root and read-only", key.String())
		}
	}
	f.Users = file.Users
	return nil
}

func (f *File) parseCommand(command string, flags map[string]any, rules Rules) error {
	f.Commands[command] = map[string][]string{}
	for name, v := range flags {
		if !rules.Flag(command, name) {
			return language.Errorf("unknown key %q: 'davdisk %s' has no such flag%s", command+"."+name, command, rules.hint(command, name))
		}
		values, err := texts(command+"."+name, v)
		if err != nil {
			return err
		}
		f.Commands[command][name] = values
	}
	return nil
}

// texts turns a value into what would be typed for a flag.
func texts(key string, v any) ([]string, error) {
	switch v := v.(type) {
	case []any:
		var all []string
		for _, one := range v {
			values, err := texts(key, one)
			if err != nil {
				return nil, err
			}
			all = append(all, values...)
		}
		return all, nil
	case string, bool, int64, float64:
		return []string{fmt.Sprint(v)}, nil
	}
	return nil, language.Errorf("%q: want a text, a number, true or false", key)
}

// checkMode refuses a file that others could write, because they could send
// the login elsewhere, and one with secrets that others can read.
func (f *File) checkMode(rules Rules) error {
	fi, err := os.Stat(f.Path)
	if runtime.GOOS == "windows" || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	mode := fi.Mode().Perm()
	if mode&0o002 != 0 {
		return language.Errorf("everybody can write it (mode %04o); run chmod o-w on it", mode)
	}
	if secret := f.secret(rules); secret != "" && mode&0o077 != 0 {
		return language.Errorf("it holds a secret (%s) and others can read it (mode %04o); run chmod 600 on it", secret, mode)
	}
	return nil
}

// secret names a secret that the file holds, or is empty.
func (f *File) secret(rules Rules) string {
	var found []string
	for name, r := range f.Remotes {
		for option := range r.Options {
			if rules.Secret(r.Driver, option) {
				found = append(found, "remotes."+name+"."+option)
			}
		}
	}
	for name := range f.Flags {
		if rules.Secret("", name) {
			found = append(found, name)
		}
	}
	for command, flags := range f.Commands {
		for name := range flags {
			if rules.Secret("", name) {
				found = append(found, command+"."+name)
			}
		}
	}
	if len(found) == 0 {
		return ""
	}
	return slices.Min(found)
}

// plain takes the position out of the library's error and puts it in front.
func plain(err error) error {
	var parse toml.ParseError
	if errors.As(err, &parse) {
		return language.Errorf("line %d: %s", parse.Position.Line, parse.Message)
	}
	return errors.New(strings.TrimPrefix(err.Error(), "toml: "))
}
