package webdav_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

const module = "github.com/davdisk/davdisk/"

// TestImports keeps the walls between the packages: who serves files of his own
// by this one links no metrics, no page and no passwords.
func TestImports(t *testing.T) {
	for _, rule := range []struct {
		pkg       string
		forbidden string // what nothing that the package needs may be
	}{
		{"webdav", `prometheus|html/template|^golang\.org/x/crypto|` + module + `(webdav/(server|page)|vfs|backend|cmd|conformance)`},
		{"webdav/server", `prometheus|html/template|` + module + `(webdav/page|vfs|backend|cmd|conformance)`},
		{"webdav/page", `prometheus|^golang\.org/x/crypto|` + module + `(webdav/server|vfs|backend|cmd|conformance)`},
		{"vfs", `prometheus|html/template|^golang\.org/x/crypto|` + module + `(webdav|cmd|conformance)`},
		{"conformance", `prometheus|html/template|^golang\.org/x/crypto|` + module + `(webdav|vfs|backend|cmd)`},
	} {
		out, err := exec.Command("go", "list", "-deps", module+rule.pkg).Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		needed := strings.Fields(string(out))
		if len(needed) < 20 {
			t.Fatalf("%s needs %d packages only", rule.pkg, len(needed))
		}
		forbidden := regexp.MustCompile(rule.forbidden)
		for _, dep := range needed {
			if dep != module+rule.pkg && forbidden.MatchString(dep) {
				t.Errorf("%s needs %s", rule.pkg, dep)
			}
		}
	}
}
