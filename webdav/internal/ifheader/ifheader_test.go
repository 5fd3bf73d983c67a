package ifheader

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestParse has the examples of RFC 4918, sections 10.4.6 to 10.4.9, and what
// clients send.
func TestParse(t *testing.T) {
	const lock = "urn:uuid:181d4fae-7d8c-11d0-a765-00a0c91e6bf2"
	token := Condition{Token: lock}
	for _, c := range []struct {
		name, header string
		want         []List
	}{
		{"10.4.6", `(<` + lock + `> ["I am an ETag"]) (["I am another ETag"])`,
			[]List{{"", []Condition{token, {ETag: `"I am an ETag"`}}}, {"", []Condition{{ETag: `"I am another ETag"`}}}}},
		{"10.4.7", `(Not <` + lock + `> <urn:uuid:58f202ac-22cf-11d1-b12d-002035b29092>)`,
			[]List{{"", []Condition{{Not: true, Token: lock}, {Token: "urn:uuid:58f202ac-22cf-11d1-b12d-002035b29092"}}}}},
		{"10.4.8", "(<" + lock + ">)\t(Not <DAV:no-lock>)",
			[]List{{"", []Condition{token}}, {"", []Condition{{Not: true, Token: "DAV:no-lock"}}}}},
		{"10.4.9", `</resource1> (<` + lock + `> [W/"A weak ETag"]) (["strong ETag"])`,
			[]List{{"/resource1", []Condition{token, {ETag: `W/"A weak ETag"`}}}, {"/resource1", []Condition{{ETag: `"strong ETag"`}}}}},
		{"two resources", `<http://h:1/a%20b> (<a:b>)</%D0%96>([""])`,
			[]List{{"http://h:1/a%20b", []Condition{{Token: "a:b"}}}, {"/%D0%96", []Condition{{ETag: `""`}}}}},
		{"no blanks, any case", `(not<a:b>NOT["x"])`, []List{{"", []Condition{{Not: true, Token: "a:b"}, {Not: true, ETag: `"x"`}}}}},
		{"many blanks", "  (  Not  <a:b>  [  \"x\"  ]  )  ", []List{{"", []Condition{{Not: true, Token: "a:b"}, {ETag: `"x"`}}}}},
		{"brackets in an entity tag", `(["])>(<"])`, []List{{"", []Condition{{ETag: `"])>(<"`}}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Parse([]string{c.header})
			if err != nil || !reflect.DeepEqual(got.Lists, c.want) {
				t.Errorf("parsed %q as %+v, %v; want %+v", c.header, got.Lists, err, c.want)
			}
		})
	}
	if got, err := Parse(nil); err != nil || len(got.Lists) != 0 {
		t.Errorf("no header: %+v, %v", got, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, header := range []string{
		"", " ", "()", "(", ")", "(<a:b>", "(<a:b)", "<a:b>", "</a>", "</a> </b> (<a:b>)", "</a> ()",
		"(<>)", "(<no-scheme>)", "(<1a:b>)", "(<a:>)", "(<a b:c>)", "(<a: b>)", "(<a:<b>)",
		`(["x)`, `([x])`, `(["x"`, `([W"x"])`, `([w/"x"])`, `(["x" "y"])`, "([\"\x01\"])", "([])",
		"(Not)", "(Not Not <a:b>)", "(Notx)", "x (<a:b>)", "(<a:b>) x", "(<a:b>), (<c:d>)",
		"(<a:b>) </r> (<c:d>)", "<relative> (<a:b>)", "</a b> (<a:b>)",
		strings.Repeat("(<a:b>)", maxConditions+1),
		"(<a:" + strings.Repeat("x", maxLength) + ">)",
	} {
		if got, err := Parse([]string{header}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%.60q was parsed as %+v, %v", header, got.Lists, err)
		}
	}
	if _, err := Parse([]string{"(<a:b>)", "(<a:b>)"}); !errors.Is(err, ErrInvalid) {
		t.Errorf("two headers: %v", err)
	}
}

// TestEveryTokenIsSubmitted is RFC 4918, section 10.4.1: the mere fact that a
// token appears submits it.
func TestEveryTokenIsSubmitted(t *testing.T) {
	h, err := Parse([]string{`</a> (<x:1> ["e"]) (Not <x:2>) </b> (<x:1> <x:3>)`})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := h.Tokens(), []string{"x:1", "x:2", "x:3"}; !slices.Equal(got, want) {
		t.Errorf("submitted %q, want %q", got, want)
	}
}

// state is a resource with an entity tag and locks.
type state struct {
	etag  string
	locks []string
	err   error
	asked *int
}

func (s state) HasETag(tag string) (bool, error) {
	if s.asked != nil {
		*s.asked++
	}
	return s.etag != "" && strings.TrimPrefix(s.etag, "W/") == strings.TrimPrefix(tag, "W/"), s.err
}

func (s state) Locked(token string) bool { return slices.Contains(s.locks, token) }

func TestEval(t *testing.T) {
	world := map[string]Resource{
		"":        state{etag: `"e"`, locks: []string{"x:1", "x:2"}},
		"/other":  state{etag: `W/"weak"`},
		"/nobody": state{},
		// "/foreign" is nil: not served here
	}
	for header, want := range map[string]bool{
		`(<x:1>)`:                       true,
		`(<x:3>)`:                       false,
		`(<x:1> <x:2>)`:                 true,
		`(<x:1> <x:3>)`:                 false,
		`(<x:3>) (<x:1>)`:               true,
		`(["e"])`:                       true,
		`(["f"])`:                       false,
		`(<x:1> ["f"])`:                 false, // litmus: fail_complex_cond_put
		`(<x:1> ["e"])`:                 true,
		`(<x:1> ["f"]) (Not <x:1>)`:     false,
		`(Not <DAV:no-lock>)`:           true,
		`(<DAV:no-lock>)`:               false,
		`(<x:3>) (Not <DAV:no-lock>)`:   true,
		`(Not ["f"])`:                   true,
		`(Not ["e"])`:                   false,
		`([W/"e"])`:                     true, // weak comparison
		`</other> (["weak"])`:           true,
		`</other> (<x:1>)`:              false,
		`</other> (Not <x:1>)`:          true,
		`</nobody> ([""])`:              false,
		`</nobody> (Not ["e"])`:         true,
		`</foreign> (<x:1>)`:            false,
		`</foreign> (Not <x:1>)`:        true,
		`</other> (<x:9>) </a> (<x:1>)`: false,
	} {
		h, err := Parse([]string{header})
		if err != nil {
			t.Fatal(err)
		}
		got, err := h.Eval(func(tag string) (Resource, error) {
			if r, ok := world[tag]; ok {
				return r, nil
			}
			return nil, nil
		})
		if err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", header, got, err, want)
		}
	}
	if got, err := (Header{}).Eval(nil); !got || err != nil {
		t.Errorf("no header: %v, %v", got, err)
	}
}

// TestFaultsAreNoVerdict: an entity tag that cannot be found out neither
// fails nor fulfills a condition.
func TestFaultsAreNoVerdict(t *testing.T) {
	fault := errors.New("upstream is down")
	for _, header := range []string{`(["e"])`, `(Not ["e"])`, `(["e"]) (Not <DAV:no-lock>)`} {
		h, err := Parse([]string{header})
		if err != nil {
			t.Fatal(err)
		}
		for name, resource := range map[string]func(string) (Resource, error){
			"the resource":   func(string) (Resource, error) { return nil, fault },
			"its entity tag": func(string) (Resource, error) { return state{err: fault}, nil },
		} {
			if got, err := h.Eval(resource); got || !errors.Is(err, fault) {
				t.Errorf("%s, %s fails: %v, %v", header, name, got, err)
			}
		}
	}
}

// TestTokensCostNoLookUp keeps a PUT with a lock token from asking the store
// for an entity tag that no condition needs.
func TestTokensCostNoLookUp(t *testing.T) {
	h, err := Parse([]string{`(<x:3>) (Not <DAV:no-lock>) (["e"])`})
	if err != nil {
		t.Fatal(err)
	}
	tags, etags := 0, 0
	holds, err := h.Eval(func(string) (Resource, error) {
		tags++
		return state{etag: `"e"`, asked: &etags}, nil
	})
	if !holds || err != nil || tags != 1 || etags != 0 {
		t.Errorf("%v, %v after looking up %d resources and %d entity tags", holds, err, tags, etags)
	}
}

// FuzzParse checks that what is accepted means the same when it is written out
// and read again, and that judging it keeps to its rules.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`(<urn:uuid:1> ["e"]) (Not <DAV:no-lock>)`, `</a> (<x:1>) <http://h/b> ([W/"x"] Not ["y"])`,
		`(Not<a:b>)`, `(["])"])`, `()`, `(<`, `([`, "(<a:\xff>)", `</a>`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		h, err := Parse([]string{value})
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("error %v is no ErrInvalid", err)
			}
			return
		}
		var b strings.Builder
		for i, l := range h.Lists {
			if l.Resource != "" && (i == 0 || h.Lists[i-1].Resource != l.Resource) {
				fmt.Fprintf(&b, "<%s> ", l.Resource)
			}
			b.WriteString("(")
			for _, c := range l.Conditions {
				if c.Not {
					b.WriteString("Not ")
				}
				if c.Token != "" {
					fmt.Fprintf(&b, "<%s> ", c.Token)
				} else {
					fmt.Fprintf(&b, "[%s] ", c.ETag)
				}
			}
			b.WriteString(") ")
		}
		again, err := Parse([]string{b.String()})
		if len(b.String()) <= maxLength && (err != nil || !reflect.DeepEqual(again, h)) {
			t.Fatalf("%q is read as %+v, written as %q and read as %+v, %v", value, h, b.String(), again, err)
		}
		none, err := h.Eval(func(string) (Resource, error) { return nil, nil })
		allNot := slices.ContainsFunc(h.Lists, func(l List) bool {
			return !slices.ContainsFunc(l.Conditions, func(c Condition) bool { return !c.Not })
		})
		if err != nil || none != allNot {
			t.Fatalf("where nothing is true %q is %v, %v", value, none, err)
		}
	})
}
