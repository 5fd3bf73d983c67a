package davheader

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func header(name string, values ...string) http.Header { return http.Header{name: values} }

func TestReadDepth(t *testing.T) {
	for _, c := range []struct {
		values []string
		want   Depth
		bad    bool
	}{
		{nil, DepthOne, false}, // what is missing means what the method says
		{[]string{""}, DepthOne, false},
		{[]string{"0"}, DepthZero, false},
		{[]string{" 1 "}, DepthOne, false},
		{[]string{"infinity"}, DepthInfinity, false},
		{[]string{"Infinity"}, DepthInfinity, false},
		{[]string{"INFINITY"}, DepthInfinity, false},
		{[]string{"1,noroot"}, 0, true},
		{[]string{"2"}, 0, true},
		{[]string{"-1"}, 0, true},
		{[]string{"00"}, 0, true},
		{[]string{"infinite"}, 0, true},
		{[]string{"0", "1"}, 0, true},
		{[]string{strings.Repeat(" ", maxLength) + "0"}, 0, true},
	} {
		got, err := ReadDepth(header("Depth", c.values...), DepthOne)
		if c.bad != errors.Is(err, ErrInvalid) || !c.bad && (err != nil || got != c.want) {
			t.Errorf("%.30q: %v, %v; want %v, invalid: %v", c.values, got, err, c.want, c.bad)
		}
	}
}

func TestReadOverwrite(t *testing.T) {
	for _, c := range []struct {
		values    []string
		want, bad bool
	}{
		{nil, true, false}, // row 5 of what clients need: Finder, lftp, Kodi
		{[]string{"T"}, true, false},
		{[]string{"t "}, true, false},
		{[]string{"F"}, false, false},
		{[]string{"f"}, false, false},
		{[]string{"true"}, false, true},
		{[]string{"T", "F"}, false, true},
	} {
		got, err := ReadOverwrite(header("Overwrite", c.values...))
		if c.bad != errors.Is(err, ErrInvalid) || !c.bad && (err != nil || got != c.want) {
			t.Errorf("%q: %v, %v; want %v, invalid: %v", c.values, got, err, c.want, c.bad)
		}
	}
}

func TestReadTimeout(t *testing.T) {
	for _, c := range []struct {
		values []string
		want   time.Duration
	}{
		{nil, 0},
		{[]string{"Second-600"}, 10 * time.Minute},
		{[]string{"second-1"}, time.Second},
		{[]string{"Infinite"}, Forever},
		{[]string{"Infinite, Second-4100000000"}, Forever}, // what RFC 4918 shows, and many send
		{[]string{"Second-4100000000"}, 4100000000 * time.Second},
		{[]string{"Extend, Second-30"}, 30 * time.Second},
		{[]string{"Second-99999999999999999999, Second-30"}, 30 * time.Second},
		{[]string{"Second-0"}, 0},
		{[]string{"Second--5"}, 0},
		{[]string{"Second-+5"}, 0},
		{[]string{"nonsense"}, 0},
		{[]string{"nonsense", "Second-7"}, 7 * time.Second},
		{[]string{strings.Repeat(",", maxLength+1)}, 0},
	} {
		if got := ReadTimeout(header("Timeout", c.values...)); got != c.want {
			t.Errorf("%.40q: %v, want %v", c.values, got, c.want)
		}
	}
}

func TestReadLockToken(t *testing.T) {
	const token = "urn:uuid:e71d4fae-5dec-22d6-fea5-00a0c91e6be4"
	for _, c := range []struct {
		values []string
		want   string
	}{
		{[]string{"<" + token + ">"}, token},
		{[]string{" <" + token + "> "}, token},
		{[]string{token}, token}, // row 17: npm webdav, Windows
		{nil, ""},
		{[]string{""}, ""},
		{[]string{"<>"}, ""},
		{[]string{"<" + token}, ""},
		{[]string{token + ">"}, ""},
		{[]string{"<a b>"}, ""},
		{[]string{"<a>, <b>"}, ""},
		{[]string{"<Ж:>"}, ""},
		{[]string{"<a>", "<b>"}, ""},
	} {
		got, err := ReadLockToken(header("Lock-Token", c.values...))
		if got != c.want || (c.want == "") != errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %q, %v; want %q", c.values, got, err, c.want)
		}
	}
}

// FuzzHeaders sends the same bytes to every parser, and what they make of them
// must be within bounds.
func FuzzHeaders(f *testing.F) {
	for _, seed := range []string{"0", "infinity", "T", "F", "Second-600", "Infinite, Second-4100000000", "<urn:uuid:1>", "urn:x", "\x00<>,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if d, err := ReadDepth(header("Depth", value), DepthOne); err == nil && !slices.Contains([]Depth{DepthZero, DepthOne, DepthInfinity}, d) {
			t.Errorf("depth %v", d)
		}
		if _, err := ReadOverwrite(header("Overwrite", value)); err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("overwrite: %v", err)
		}
		if d := ReadTimeout(header("Timeout", value)); d < 0 {
			t.Errorf("timeout %v", d)
		}
		token, err := ReadLockToken(header("Lock-Token", value))
		if (err == nil) != (token != "") || strings.ContainsAny(token, "<> \r\n") {
			t.Errorf("token %q, %v", token, err)
		}
	})
}
