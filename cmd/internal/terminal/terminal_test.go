package terminal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode"
)

func TestEscapeShowsWhatWouldDoHarm(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                      "plain",
		"Ж ü 日本 👩‍🚀 no\u00a0break":   "Ж ü 日本 👩‍🚀 no\u00a0break",
		"u\u0308 decomposed":         "u\u0308 decomposed",
		"a\x1b[31mred":               `a\x1b[31mred`,
		"two\nlines\r\t\x00\x7f\x9b": `two\nlines\r\t\x00\x7f\x9b`,
		"gnp.\u202eexe":              `gnp.\u202eexe`,
		"bad \xff utf-8":             `bad \xff utf-8`,
		"\u2028\ufeff":               `\u2028\ufeff`,
	} {
		if got := Escape(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestEscapedJSONMeansTheSame(t *testing.T) {
	for _, text := range []string{"plain Ж", "a\u009b31m\u202e", "\U000e0001tag", "two\nlines\x1b"} {
		encoded, err := json.MarshalIndent(map[string]string{"name": text}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		escaped := EscapeJSON(string(encoded))
		var got map[string]string
		if err := json.Unmarshal([]byte(escaped), &got); err != nil || got["name"] != text {
			t.Errorf("%q became %s, %v", text, escaped, err)
		}
		if strings.ContainsAny(escaped, "\u009b\u202e\U000e0001\x1b") {
			t.Errorf("%q is still in %s", text, escaped)
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("a\x1b]0;title\x07\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := Escape(s)
		if strings.ContainsFunc(got, unicode.IsControl) || strings.ContainsAny(got, "\u202a\u202b\u202d\u202e\u2066\u2067") {
			t.Errorf("%q became %q", s, got)
		}
	})
}

func TestSizesAreReadAndTold(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "17": 17, "1K": 1024, "1.5KiB": 1536, "500 MB": 500 << 20, "2g": 2 << 30, "1T": 1 << 40} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%q is read as %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "many", "-1", "1X", "NaN", "Inf", "99999999P", "K"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q is read as %d", text, got)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1<<20 - 1: "1.0 MiB", 1 << 30: "1.0 GiB", 45097156608: "42.0 GiB"} {
		if got := Size(n); got != want {
			t.Errorf("%d is told as %q, want %q", n, got, want)
		}
	}
}

func TestQuestionsTakeALineEach(t *testing.T) {
	in := iotest.OneByteReader(strings.NewReader("first\r\nyes\nno\nlast"))
	var prompts bytes.Buffer
	if got, err := Ask(t.Context(), in, &prompts, "who? "); err != nil || got != "first" {
		t.Errorf("the first answer is %q, %v", got, err)
	}
	for _, want := range []bool{true, false} {
		if got, err := Confirm(t.Context(), in, &prompts, "sure?"); err != nil || got != want {
			t.Errorf("confirmed %v, %v; want %v", got, err, want)
		}
	}
	if got, err := Ask(t.Context(), in, &prompts, "and? "); err != nil || got != "last" {
		t.Errorf("the last answer is %q, %v", got, err)
	}
	if _, err := Ask(t.Context(), in, &prompts, "more? "); err == nil {
		t.Error("an answer came from nowhere")
	}
	if prompts.String() != "who? sure? [y/N] sure? [y/N] and? more? \n" {
		t.Errorf("the questions were %q", &prompts)
	}
}

func TestAPipeSeesNamesAsTheyAre(t *testing.T) {
	w := NewWriter(&bytes.Buffer{})
	if got := w.Name("a\x1bb"); got != "a\x1bb" {
		t.Errorf("a pipe sees %q", got)
	}
	w.terminal = true
	if got := w.Name("a\x1bb"); got != `a\x1bb` {
		t.Errorf("a terminal sees %q", got)
	}
}

// TestNobodyIsWaitedForAfterTheEnd asks somebody who never answers.
func TestNobodyIsWaitedForAfterTheEnd(t *testing.T) {
	silent, mouth := io.Pipe()
	defer mouth.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var prompts bytes.Buffer
	time.AfterFunc(10*time.Millisecond, cancel)
	if got, err := Ask(ctx, silent, &prompts, "who? "); got != "" || !errors.Is(err, context.Canceled) {
		t.Errorf("it gave %q, %v", got, err)
	}
	if prompts.String() != "who? \n" {
		t.Errorf("the screen shows %q", prompts.String())
	}
}
