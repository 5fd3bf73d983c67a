package yandex_test

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestImports holds the walls of the driver: HTTP is met in internal/api and
// internal/oauth, and above them only where the transport is made; neither of
// the two knows the driver.
func TestImports(t *testing.T) {
	const module = "github.com/davdisk/davdisk/"
	for dir, allowed := range map[string][]string{
		".":              {"backend", "backend/yandex/internal/api", "backend/yandex/internal/oauth", "internal/durable", "internal/httpclient", "internal/journal", "internal/ownname", "internal/pathlock", "internal/reading", "internal/rival", "internal/unsettled"},
		"internal/api":   {"backend", "internal/httpclient"},
		"internal/oauth": {"backend/yandex/internal/api", "internal/httpclient"},
	} {
		files, err := filepath.Glob(filepath.Join(filepath.FromSlash(dir), "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", dir, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range file.Imports {
				path, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				if own, ok := strings.CutPrefix(path, module); ok && !slices.Contains(allowed, own) {
					t.Errorf("%s imports %s", name, own)
				}
				if dir == "." && name != "config.go" && path == "net/http" {
					t.Errorf("%s imports net/http, which config.go alone may, for the transport", name)
				}
			}
		}
	}
}
