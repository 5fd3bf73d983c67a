package config

import (
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// noPasswordHash has the form of a bcrypt hash, and no password has it.
var noPasswordHash = "$2y$10$" + strings.Repeat(".", 53)

// Print writes a configuration, without comments, in a form that [Load] reads.
// Instead of a secret it writes a comment that says if it is set.
func (f *File) Print(w io.Writer) error {
	p := &printer{w: w, secret: f.rules.Secret}
	p.printf("# %s, the environment and the command line\n", comment(f.Path))
	p.flags(f.Flags)
	for _, command := range slices.Sorted(maps.Keys(f.Commands)) {
		p.printf("\n[%s]\n", key(command))
		p.flags(f.Commands[command])
	}
	for _, name := range slices.Sorted(maps.Keys(f.Remotes)) {
		r := f.Remotes[name]
		p.printf("\n[remotes.%s]\n", key(name))
		p.pair("driver", r.Driver)
		for _, option := range slices.Sorted(maps.Keys(r.Options)) {
			p.value(r.Driver, option, r.Options[option])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.Users)) {
		p.user(name, f.Users[name])
	}
	return p.err
}

// A printer keeps its first error.
type printer struct {
	w      io.Writer
	secret func(driver, option string) bool
	err    error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func (p *printer) flags(flags map[string][]string) {
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		if values := flags[name]; len(values) == 1 {
			p.value("", name, values[0])
		} else if p.secret("", name) {
			p.value("", name, strings.Join(values, ""))
		} else {
			shown := make([]string, len(values))
			for i, value := range values {
				shown[i] = withoutSecrets(value)
			}
			p.pair(name, shown)
		}
	}
}

// value writes an option of a driver or, if that is empty, a flag.
func (p *printer) value(driver, name, value string) {
	switch {
	case !p.secret(driver, name):
		p.pair(name, bare(withoutSecrets(value)))
	case value == "":
		p.printf("# %s: not set\n", comment(name))
	default:
		p.printf("# %s: set\n", comment(name))
	}
}

func (p *printer) pair(name string, value any) {
	text, err := toml.Marshal(map[string]any{name: value})
	if p.err == nil {
		p.err = err
	}
	p.printf("%s", text)
}

func (p *printer) user(name string, u User) {
	p.printf("\n[users.%s]\n", key(name))
	if u.PasswordHash != "" {
		p.printf("# password-hash: set; no password fits the one below\n")
		p.pair("password-hash", noPasswordHash)
	}
	if u.PasswordFile != "" {
		p.pair("password-file", u.PasswordFile)
	}
	if u.Root != "" {
		p.pair("root", u.Root)
	}
	if u.ReadOnly {
		p.pair("read-only", true)
	}
}

// withoutSecrets returns an address without what may be a secret in it: the user
// and the password, the query and the fragment. Other values stay as they are.
func withoutSecrets(value string) string {
	const hidden = "xxxxx"
	if !strings.Contains(value, "://") {
		return value
	}
	u, err := url.Parse(value)
	if err != nil {
		return hidden
	}
	if u.User != nil {
		u.User = url.User(hidden)
	}
	if u.RawQuery != "" {
		u.RawQuery = hidden
	}
	if u.Fragment != "" {
		u.Fragment, u.RawFragment = hidden, ""
	}
	return u.String()
}

// bare returns what a value is written as without quotes, if it can be.
func bare(value string) any {
	if value == "true" || value == "false" {
		return value == "true"
	}
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && strconv.FormatInt(n, 10) == value {
		return n
	}
	return value
}

// comment writes a text on one line.
func comment(text string) string { return strings.Trim(strconv.Quote(text), `"`) }
