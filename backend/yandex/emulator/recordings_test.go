package emulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// recordings is where exchanges recorded from the real service lie, beside the
// root of the project.
const recordings = "../../../../shared/recordings"

// An exchange is one file of the recordings.
type exchange struct {
	file    string
	Flow    string
	Request struct {
		Method, URL string
		Headers     map[string]string
		Text        string `json:"body_text"`
		JSON        any    `json:"body_json"`
		Note        string `json:"body_note"`
	}
	Response struct {
		Status  int
		Headers map[string]string
		Style   string  `json:"json_style"`
		Text    *string `json:"body_text"`
		JSON    any     `json:"body_json"`
		Note    string  `json:"body_note"`
	}
}

// loadRecordings reads all exchanges by flow; there may be none.
func loadRecordings(t *testing.T) map[string][]exchange {
	files, err := filepath.Glob(filepath.Join(recordings, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		return nil
	}
	slices.Sort(files)
	flows := make(map[string][]exchange)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var x exchange
		if err := json.Unmarshal(data, &x); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		x.file = strings.TrimSuffix(filepath.Base(file), ".json")
		name := x.file[:strings.LastIndex(x.file, "-")]
		flows[name] = append(flows[name], x)
	}
	return flows
}

// items are the entries of a recorded listing.
func items(body any) []map[string]any {
	object, _ := body.(map[string]any)
	list, _ := object["items"].([]any)
	var out []map[string]any
	for _, item := range list {
		out = append(out, item.(map[string]any))
	}
	return out
}

// noted makes a body that the recording only describes: "1000 bytes of 0x30".
func noted(t *testing.T, note string) []byte {
	var n int
	var b byte
	if _, err := fmt.Sscanf(note, "%d bytes of 0x%x", &n, &b); err != nil {
		t.Fatalf("cannot read %q: %v", note, err)
	}
	return bytes.Repeat([]byte{b}, n)
}
