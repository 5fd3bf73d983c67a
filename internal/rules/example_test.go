package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOwnStorePage compares docs/your-own-store.md with the module that it
// shows whole.
func TestOwnStorePage(t *testing.T) {
	const root = "../.."
	page, err := os.ReadFile(root + "/docs/your-own-store.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(root + "/backend/example/*")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, file := range files {
		name := filepath.Base(file)
		if name == "go.sum" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lang := strings.TrimPrefix(filepath.Ext(name), ".")
		if name == "go.mod" {
			lang = ""
		}
		if want := "`" + name + "`\n\n```" + lang + "\n" + string(text) + "```\n"; !strings.Contains(string(page), want) {
			t.Errorf("docs/your-own-store.md does not show %s as it is", name)
		}
		shown++
	}
	if shown < 5 {
		t.Errorf("the page was compared with %d files", shown)
	}
}
