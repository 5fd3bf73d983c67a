package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestThePageFor1C runs every line of docs/ru/1c.md, in its order, on the
// emulator: the person agrees after the first step.
func TestThePageFor1C(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "ru", "1c.md"))
	if err != nil {
		t.Fatal(err)
	}
	disk := onDisk(t)
	t.Setenv("DAVDISK_TOKEN", "")
	t.Setenv("DAVDISK_CLIENT_ID", "some-id")
	t.Setenv("DAVDISK_CLIENT_SECRET", "some-secret")
	if err := disk.AddFake("https://example.com/logo.png", []byte("a picture")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	writeTo := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	readJSON := func(name string) map[string]any {
		data, err := os.ReadFile(name)
		if err != nil || strings.HasPrefix(string(data), "\ufeff") {
			t.Fatalf("%s: %q, %v", name, data, err)
		}
		var values map[string]any
		if err := json.Unmarshal(data, &values); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return values
	}
	writeTo("отчёт.txt", "отчёт")
	lines := 0
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "davdisk" || words[1] == "—" {
			continue
		}
		lines++
		for i, word := range words {
			switch word {
			case "DEVICE_CODE":
				code := readJSON("code.json")
				if out, _, rc := run(t, "token", "exchange", "--device", code["device_code"].(string), "--service-names"); rc != exitPending || !strings.Contains(out, `"error": "authorization_pending"`) {
					t.Errorf("before the person agrees: %d %s", rc, out)
				}
				if !disk.ApproveDevice(code["user_code"].(string)) {
					t.Fatalf("the emulator does not know %v", code)
				}
				words[i] = code["device_code"].(string)
			case "PUBLIC_URL":
				address, err := os.ReadFile("public.txt")
				if err != nil {
					t.Fatal(err)
				}
				words[i] = strings.TrimSpace(string(address))
			case "--refresh-token-file":
				tokens := readJSON("token.json")
				writeTo("refresh.txt", tokens["refresh_token"].(string)+"\r\n")
			}
		}
		out, errs, code := run(t, words[1:]...)
		if code != exitDone || out != "" || errs != "" {
			t.Errorf("%s: exit code %d, it prints %q and %q", line, code, out, errs)
		}
		if i := strings.Index(line, "--output "); i >= 0 {
			name := strings.Fields(line[i:])[1]
			if strings.HasSuffix(name, ".json") {
				if data, err := os.ReadFile(name); err != nil || !json.Valid(data) {
					t.Errorf("%s: %q, %v", line, data, err)
				}
			} else if data, err := os.ReadFile(name); err != nil || !strings.HasPrefix(string(data), "http") {
				t.Errorf("%s: %q, %v", line, data, err)
			}
		}
		if strings.Contains(line, "token.json") {
			tokens := readJSON("token.json")
			for _, key := range []string{"access_token", "refresh_token", "token_type", "expires_in"} {
				if tokens[key] == nil || tokens[key] == "" {
					t.Errorf("%s: no %s in %v", line, key, tokens)
				}
			}
			t.Setenv("DAVDISK_TOKEN", tokens["access_token"].(string))
		}
	}
	if lines < 20 {
		t.Errorf("only %d lines were run", lines)
	}
	if data, err := os.ReadFile("скачанный.txt"); err != nil || string(data) != "отчёт" {
		t.Errorf("what was downloaded is %q, %v", data, err)
	}
	if files, err := filepath.Glob(".davdisk-output-*"); err != nil || len(files) > 0 {
		t.Errorf("%q is left, %v", files, err)
	}
}

// The answers to an exchange that are not tokens have exit codes of their own,
// and are in the output file; another failure leaves that file as it was.
func TestTokenExchangeSaysHowItStands(t *testing.T) {
	disk := onDisk(t)
	t.Setenv("DAVDISK_CLIENT_ID", "some-id")
	t.Setenv("DAVDISK_CLIENT_SECRET", "some-secret")
	t.Chdir(t.TempDir())
	newCode := func() (user, device string) {
		out, errs, code := run(t, "token", "code", "--service-names")
		var values struct {
			User    string `json:"user_code"`
			Device  string `json:"device_code"`
			Expires int    `json:"expires_in"`
		}
		if err := json.Unmarshal([]byte(out), &values); err != nil || code != exitDone || values.Expires < 1 {
			t.Fatalf("%d %s %s %v", code, out, errs, err)
		}
		return values.User, values.Device
	}
	expect := func(device string, want int, says string) {
		t.Helper()
		_, _, code := run(t, "token", "exchange", "--device", device, "--json", "--output", "answer.json")
		data, err := os.ReadFile("answer.json")
		if err != nil || code != want || !strings.Contains(string(data), says) {
			t.Errorf("exit code %d, want %d and %q: %s %v", code, want, says, data, err)
		}
	}
	user, device := newCode()
	expect(device, exitPending, `"status": "pending"`)
	if !disk.DenyDevice(user) {
		t.Fatal("the emulator does not know the code")
	}
	expect(device, exitDenied, `"status": "denied"`)
	expect("another-code", exitExpired, `"status": "expired"`)
	disk.Inject(emulator.Fault{Endpoint: emulator.Token, Status: 500, HTML: true})
	expect(device, exitFailed, `"status": "expired"`) // of before
	if _, errs, code := run(t, "token", "refresh", "--refresh-token-file", "nosuch"); code != exitMisuse || !strings.Contains(errs, "--refresh-token-file") {
		t.Errorf("without the file: %d %s", code, errs)
	}
	if _, errs, code := run(t, "ls", "--output", "no/such/folder"); code != exitMisuse || !strings.Contains(errs, "--output") {
		t.Errorf("an output that cannot be written: %d %s", code, errs)
	}
	if _, _, code := run(t, "ls", "--output", os.DevNull); code != exitMisuse {
		t.Errorf("a device as output: %d", code)
	}
}

// The example of docs/configuration.md is the one that config init writes, with
// everything switched on: a configuration without mistakes. The page in Russian has
// the same with other comments.
func TestThePageOfTheConfiguration(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	home(t)
	_, example, _ := strings.Cut(string(page), "```toml\n")
	example, _, _ = strings.Cut(example, "```")
	if on := regexp.MustCompile("(?m)^#([^ \n])").ReplaceAllString(exampleConfig, "$1"); !strings.HasSuffix(on, "\n\n"+example) {
		t.Errorf("docs/configuration.md does not have cmd/config_example.toml as its example:\n%s", on)
	}
	russian, err := os.ReadFile(filepath.Join("..", "docs", "ru", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, same, _ := strings.Cut(string(russian), "```toml\n")
	same, _, _ = strings.Cut(same, "```")
	comments := regexp.MustCompile(`(?m)(^| +)#.*$`)
	if got, want := comments.ReplaceAllString(same, ""), comments.ReplaceAllString(example, ""); got != want {
		t.Errorf("docs/ru/configuration.md has another example:\n%s", got)
	}
	check := func(text string, want int, says string) {
		t.Helper()
		name := filepath.Join(t.TempDir(), "config.toml")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, errs, code := run(t, "config", "check", "--config", name); code != want || !strings.Contains(out+errs, says) {
			t.Errorf("exit code %d, want %d and %q: %s%s", code, want, says, out, errs)
		}
	}
	check(example, exitDone, "2 remotes, 2 users, no mistakes")
	check(strings.Replace(example, "[serve]", "[sevre]", 1), exitFailed, `did you mean "serve"?`)
	check(strings.Replace(example, "hard-delete", "hard-delte", 1), exitFailed, "hard-delte")
	check(exampleConfig, exitDone, "0 remotes, 0 users, no mistakes")
	check(strings.Replace(example, "$2y$10$", "$3y$", 1), exitFailed, `"users.anna"`)
}
