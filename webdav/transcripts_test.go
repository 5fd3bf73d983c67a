package webdav

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// An exchange is one request of a client and what it needs to hear.
type exchange struct {
	line     int
	method   string
	path     string
	headers  []string
	body     string
	chunked  bool
	statuses []string
	want     []string          // headers: "Name: value", "Name: *" if it is there at all
	has, not []string          // parts of the body
	capture  map[string]string // variable to header
}

// TestTranscripts replays what real clients send, step by step, from
// testdata/transcripts (the form is told in its README).
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) < 16 {
		t.Fatalf("%d transcripts: %v", len(files), err)
	}
	for _, file := range files {
		exchanges := readTranscript(t, file)
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			onEach(t, func(s *share) { s.replay(file, exchanges) })
		})
	}
}

// TestTranscriptsOfFileManagers: they find all they need where their litter is
// kept aside.
func TestTranscriptsOfFileManagers(t *testing.T) {
	for _, client := range []string{"finder", "windows"} {
		file := "testdata/transcripts/" + client + ".txt"
		exchanges := readTranscript(t, file)
		for _, e := range exchanges {
			if !slices.ContainsFunc(e.headers, func(header string) bool { return isFileManager(strings.TrimPrefix(header, "User-Agent: ")) }) {
				t.Errorf("line %d is not sent as a file manager does: %q", e.line, e.headers)
			}
		}
		t.Run(client, func(t *testing.T) {
			onEach(t, func(s *share) { s.replay(file, exchanges) }, WithLitter(LitterLocal))
		})
	}
}

func (s *share) replay(file string, exchanges []exchange) {
	variables := map[string]string{"{server}": s.server.URL, "{host}": s.server.Listener.Addr().String()}
	expand := func(text string) string {
		for name, value := range variables {
			text = strings.ReplaceAll(text, name, value)
		}
		return text
	}
	for _, e := range exchanges {
		var body io.Reader
		if e.body != "" || e.chunked {
			body = strings.NewReader(expand(e.body))
		}
		if e.chunked {
			body = onlyReader{body}
		}
		headers := make([]string, len(e.headers))
		for i, header := range e.headers {
			headers[i] = expand(header)
		}
		a := s.doBody(e.method, expand(e.path), body, headers...)
		at := fmt.Sprintf("%s:%d: %s %s", file, e.line, e.method, e.path)
		if a.err != nil || !slices.Contains(e.statuses, fmt.Sprint(a.status)) {
			s.Fatalf("%s: %d %v, want %v; %s", at, a.status, a.err, e.statuses, a.body)
		}
		for _, header := range e.want {
			name, value, _ := strings.Cut(expand(header), ": ")
			if got := a.header.Get(name); got == "" || value != "*" && got != value {
				s.Errorf("%s: %s: %q, want %q", at, name, got, value)
			}
		}
		for _, part := range e.has {
			if !strings.Contains(a.body, expand(part)) {
				s.Errorf("%s: no %q in %s", at, expand(part), a.body)
			}
		}
		for _, part := range e.not {
			if strings.Contains(a.body, expand(part)) {
				s.Errorf("%s: %q in %s", at, expand(part), a.body)
			}
		}
		for variable, header := range e.capture {
			if variables[variable] = strings.Trim(a.header.Get(header), "<>"); variables[variable] == "" {
				s.Fatalf("%s: no %s", at, header)
			}
		}
	}
}

var statusLine = regexp.MustCompile(`^\d{3}( \d{3})*$`)

// readTranscript reads the form that testdata/transcripts/README describes.
func readTranscript(t *testing.T, file string) []exchange {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []exchange
	var every []string
	for i, line := range strings.Split(string(content), "\n") {
		mark, rest, _ := strings.Cut(line, " ")
		last := len(all) - 1
		switch {
		case line == "" || mark == "#":
		case mark == "*":
			every = append(every, rest)
		case mark == ">" && (last < 0 || len(all[last].statuses) > 0):
			e := exchange{line: i + 1, capture: map[string]string{}}
			e.method, e.path, _ = strings.Cut(rest, " ")
			all = append(all, e)
		case mark == ">" && rest == "Transfer-Encoding: chunked":
			all[last].chunked = true
		case mark == ">":
			all[last].headers = append(all[last].headers, rest)
		case mark == ">|":
			all[last].body += rest
		case mark == "<" && statusLine.MatchString(rest):
			all[last].statuses = strings.Fields(rest)
		case mark == "<" && strings.HasPrefix(rest, "{"):
			variable, header, _ := strings.Cut(rest, " = ")
			all[last].capture[variable] = header
		case mark == "<":
			all[last].want = append(all[last].want, rest)
		case mark == "<|":
			all[last].has = append(all[last].has, rest)
		case mark == "<!":
			all[last].not = append(all[last].not, rest)
		default:
			t.Fatalf("%s:%d: %q", file, i+1, line)
		}
	}
	for i := range all {
		all[i].headers = append(all[i].headers, every...)
	}
	return all
}
