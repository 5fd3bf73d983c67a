package emulator_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testtool"
)

// npmClients installs the foreign clients of testdata/npm, at the versions
// pinned there, into a folder of the test's own.
func npmClients(t *testing.T) (node, dir string) {
	node = testtool.Find(t, "node")
	npm := testtool.Find(t, "npm")
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "npm"))); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		if testtool.Required() {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
		t.Skipf("npm cannot install the clients: %v\n%s", err, out)
	}
	return node, dir
}

func TestNodeClientsWorkUnmodified(t *testing.T) {
	testlevel.NeedMore(t)
	t.Parallel()
	node, dir := npmClients(t)
	for _, client := range []string{"ya-disk", "ya-disk-rest-api"} {
		t.Run(client, func(t *testing.T) {
			s, proxy, caFile := proxied(t, emulator.Options{Knobs: emulator.Knobs{OperationPolls: 1}})
			if err := s.AddFake("http://example.com/web.txt", []byte("from the web")); err != nil {
				t.Fatal(err)
			}
			grant := send(t, s, "POST", s.OAuthURL+"/token", strings.NewReader(query("grant_type", "authorization_code", "client_id", "some-client",
				"code", s.IssueCode("some-client"))), "Content-Type", "application/x-www-form-urlencoded").want(t, 200)
			cmd := exec.CommandContext(t.Context(), node, "--require", "./tunnel.js", client+".js")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+caFile, "EMULATOR_PROXY="+proxy,
				"EMULATOR_TOKEN="+s.Token, "EMULATOR_REFRESH="+grant.str("refresh_token"), "EMULATOR_NAME="+hostile)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if s.Counters().API() < 10 {
				t.Errorf("only %d requests reached the API", s.Counters().API())
			}
		})
	}
}
