package conformance

import (
	"cmp"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/spf13/afero"
)

// An Option declares a property of the file system, or configures the run. Each
// option that excludes cases takes a reason, which the report shows.
type Option func(*config)

// Limits are limits of a store. A zero field means that there is no relevant
// one. What exceeds a limit must be refused, or kept unchanged nevertheless; it
// must not be truncated or changed. Forbidden runes and times out of range must
// be refused.
type Limits struct {
	NameBytes     int           `json:"name_bytes,omitzero"`     // longest name, in bytes; 255 unless set
	FileSize      int64         `json:"file_size,omitzero"`      // largest file, in bytes
	Forbidden     string        `json:"forbidden,omitzero"`      // runes that no name may contain; "\uFFFD" stands for bytes that are not UTF-8
	TimePrecision time.Duration `json:"time_precision,omitzero"` // resolution of modification times
	Earliest      time.Time     `json:"earliest,omitzero"`       // first modification time that can be kept
	Latest        time.Time     `json:"latest,omitzero"`         // last one
	Why           string        `json:"why,omitzero"`            // the reason, which must be given
}

// String describes the limits in words.
func (l Limits) String() string {
	var words []string
	add := func(there bool, format string, arg any) {
		if there {
			words = append(words, fmt.Sprintf(format, arg))
		}
	}
	add(l.NameBytes != 0, "names of up to %d bytes", l.NameBytes)
	add(l.FileSize != 0, "files of up to %d bytes", l.FileSize)
	add(l.Forbidden != "", "names without %q", l.Forbidden)
	add(l.TimePrecision != 0, "times to %v", l.TimePrecision)
	add(!l.Earliest.IsZero(), "times from %v", l.Earliest.Year())
	add(!l.Latest.IsZero(), "times up to %v", l.Latest.Year())
	return strings.Join(words, ", ")
}

type config struct {
	declared  []Declaration
	known     map[string]string
	crashes   map[string]string
	within    []Limits // as declared
	limits    Limits   // all of within combined
	settles   time.Duration
	under     func(tb TB) string
	readOnly  func(tb TB, tree Tree) afero.Fs
	faulty    func(tb TB, f *Fault) afero.Fs
	only      string
	upTo      Level
	seed      uint64
	sequences int
	steps     int
	deadline  time.Duration
	parallel  int
	long      bool
	each      func(Result)
	wrong     []string // errors about options
}

// newConfig applies the options to the defaults.
func newConfig(opts []Option) *config {
	c := &config{
		known:   map[string]string{},
		crashes: map[string]string{},
		limits:  Limits{NameBytes: 255},

		upTo:      Parity,
		sequences: 2000,
		steps:     40,
		deadline:  time.Minute,
		parallel:  1,
	}
	for _, opt := range opts {
		opt(c)
	}
	return c
}

// reject records that an option is invalid.
func (c *config) reject(format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
}

// Refuses declares that calls that need the capability fail and change nothing.
// The cases that need it are not run; a case of its own checks the declaration.
func Refuses(capability Capability, why string) Option {
	return declare(capability, Refused, refusable, "Refuses", why)
}

// Ignores declares that calls that need the capability succeed and change
// nothing. The cases that need it are not run; a case of its own checks the
// declaration.
func Ignores(capability Capability, why string) Option {
	return declare(capability, Ignored, ignorable, "Ignores", why)
}

func declare(capability Capability, as Verdict, word words, option, why string) Option {
	return func(c *config) {
		said := fmt.Sprintf("%s(%v)", option, capability)
		if why == "" {
			c.reject("%s gives no reason", said)
		}
		if traits()[capability].words&word == 0 {
			c.reject("%s makes no sense: %s", said, hint(capability))
			return
		}
		for _, d := range c.declared {
			if d.Capability == capability {
				c.reject("%s: it has been declared before", said)
				return
			}
		}
		c.declared = append(c.declared, Declaration{capability, as, why})
	}
}

// hint returns how the lack of a capability is declared.
func hint(c Capability) string {
	tr, ok := traits()[c]
	switch {
	case !ok:
		return "there is no such capability"
	case c == Writes:
		return "use ReadOnly, which also says how to fill the file system"
	case tr.words == ignorable:
		return "it is an effect, not a call, so it can only be ignored"
	}
	return "ignoring it would lose data, so it can only be refused"
}

// Known declares that a case fails today. The run fails once it passes, so that
// lists of exceptions stay true. For the cases that replay random sequences,
// single mismatches can be declared instead, by the signature that the report
// prints: Known("model/sequences#Rename:error/ok", "…"); others still count.
func Known(caseID, why string) Option {
	return func(c *config) {
		if why == "" {
			c.reject("Known(%q) gives no reason", caseID)
		}
		c.known[caseID] = why
	}
}

// Crashes declares that a case would crash the process with a fatal error that
// recover cannot catch. It is not run; the report names it.
func Crashes(caseID, why string) Option {
	return func(c *config) {
		if why == "" {
			c.reject("Crashes(%q) gives no reason", caseID)
		}
		c.crashes[caseID] = why
	}
}

// Within declares limits of the store. It may be used several times, each with a
// reason.
func Within(l Limits) Option {
	return func(c *config) {
		if l.Why == "" {
			c.reject("Within gives no reason for %v", l)
		}
		c.within = append(c.within, l)
		c.limits = Limits{
			NameBytes:     cmp.Or(l.NameBytes, c.limits.NameBytes),
			FileSize:      cmp.Or(l.FileSize, c.limits.FileSize),
			Forbidden:     c.limits.Forbidden + l.Forbidden,
			TimePrecision: cmp.Or(l.TimePrecision, c.limits.TimePrecision),
			Earliest:      cmp.Or(l.Earliest, c.limits.Earliest),
			Latest:        cmp.Or(l.Latest, c.limits.Latest),
		}
	}
}

// Settles declares that changes become visible with a delay of up to within:
// trees and contents are read again until they are right or the time is over.
func Settles(within time.Duration) Option {
	return func(c *config) { c.settles = within }
}

// Under makes every case work below the directory that dir returns, which must
// exist, be empty, and be a new one for each call: for a global Fs such as
// afero.OsFs. The few cases about the root itself are then skipped.
func Under(dir func(tb TB) string) Option {
	return func(c *config) { c.under = dir }
}

// ReadOnly declares an Fs that cannot be filled through its own methods: build
// returns one that contains the tree. The Maker is then not used, and every
// method that would change something must fail.
func ReadOnly(build func(tb TB, tree Tree) afero.Fs) Option {
	return func(c *config) {
		c.readOnly = build
		c.declared = append(c.declared, Declaration{Writes, Refused, "it is declared ReadOnly"})
	}
}

// Only runs the cases whose ID matches the pattern of path.Match.
func Only(pattern string) Option {
	return func(c *config) {
		if _, err := path.Match(pattern, ""); err != nil {
			c.reject("Only(%q): %v", pattern, err)
			return
		}
		c.only = pattern
	}
}

// UpTo leaves out the cases above a level: UpTo(Data) runs only those whose
// failure loses data.
func UpTo(l Level) Option {
	return func(c *config) { c.upTo = l }
}

// Seed replays the random part from a seed that a report has printed.
func Seed(n uint64) Option {
	return func(c *config) { c.seed = n }
}

// Effort sets the size of the random part: how many sequences of how many
// operations; by default 2000 of 40, and 200 of 40 under go test -short.
// Effort(0, 0) turns it off.
func Effort(sequences, steps int) Option {
	return func(c *config) { c.sequences, c.steps = sequences, steps }
}

// Long runs the heavy cases too, and others with more and larger files: for a
// nightly run, or a fast store.
func Long() Option {
	return func(c *config) { c.long = true }
}

// Deadline sets how long a case may take without creating, opening, closing or
// listing anything before it counts as hung; the default is a minute. A case
// with many steps may take longer in total.
func Deadline(perCase time.Duration) Option {
	return func(c *config) { c.deadline = perCase }
}

// Parallel runs n cases concurrently. The default is 1.
func Parallel(n int) Option {
	return func(c *config) { c.parallel = max(n, 1) }
}

// Each calls f with every result as soon as it is known, never concurrently: for
// showing progress.
func Each(f func(Result)) Option {
	return func(c *config) { c.each = f }
}
