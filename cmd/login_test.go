package cmd

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// beginLogin starts a login that the emulator's person has not seen yet.
func beginLogin(t *testing.T) (*emulator.Server, *lines, chan error) {
	t.Helper()
	disk := onDisk(t)
	t.Setenv("DAVDISK_TOKEN", "")
	disk.SetKnobs(func(k *emulator.Knobs) { k.DeviceInterval = 1 })
	log, cancel, ended := begin(t, "login", "--client-id", "some-id", "--client-secret-file", file(t, "some-secret"))
	t.Cleanup(cancel)
	return disk, log, ended
}

func TestLoginRefusedIsTold(t *testing.T) {
	disk, log, ended := beginLogin(t)
	if !disk.DenyDevice(log.wait(t, `type this code:\s+(\S+)\s`)) {
		t.Fatal("the emulator does not know the code")
	}
	if err := <-ended; !errors.Is(err, yandex.ErrDenied) {
		t.Errorf("it ended with %v", err)
	}
	if strings.Contains(log.String(), "some-secret") {
		t.Error("the secret was shown")
	}
}

func TestACodeThatLapsesIsFollowedByAnother(t *testing.T) {
	disk := onDisk(t)
	t.Setenv("DAVDISK_TOKEN", "")
	disk.SetKnobs(func(k *emulator.Knobs) { k.DeviceInterval, k.DeviceCodeLife = 1, 1 })
	log, cancel, ended := begin(t, "login", "--client-id", "some-id", "--client-secret-file", file(t, "some-secret"))
	defer cancel()
	first := log.wait(t, `type this code:\s+(\S+)\s`)
	disk.SetKnobs(func(k *emulator.Knobs) { k.DeviceCodeLife = 0 })
	second := log.wait(t, `(?s)The code has lapsed.*type this code:\s+(\S+)\s`)
	if first == second || !disk.ApproveDevice(second) {
		t.Fatalf("the codes were %s and %s", first, second)
	}
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	log.wait(t, "Logged in as")
}

// The person agrees at once; the code's life, missing rights and a token that
// comes before the login are told.
func TestLoginTellsWhatIsMissing(t *testing.T) {
	disk := onDisk(t)
	disk.SetKnobs(func(k *emulator.Knobs) { k.DeviceInterval, k.DevicePolls, k.DeviceCodeLife = 1, 1, 10*time.Minute })
	args := []string{"login", "--client-id", "some-id", "--client-secret-file", file(t, "some-secret")}
	t.Setenv("DAVDISK_TOKEN", "of-another-disk")
	out, errs, code := run(t, args...)
	if code != exitDone || !strings.Contains(out, "It is good for 10 minutes, until ") || !strings.Contains(out, "Logged in as") ||
		!strings.Contains(errs, "DAVDISK_TOKEN comes before it") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	t.Setenv("DAVDISK_TOKEN", "")
	disk.Inject(emulator.Fault{Endpoint: emulator.Token, Body: `{"access_token": "app", "refresh_token": "r", "expires_in": 1000, "token_type": "bearer", "scope": "cloud_api:disk.info cloud_api:disk.read"}`})
	disk.AddToken("app", "cloud_api:disk.info", "cloud_api:disk.read")
	out, errs, code = run(t, args...)
	if code != exitDone || !strings.Contains(errs, `lacks cloud_api:disk.write: tick "Запись в любом месте на Диске`) || strings.Contains(errs, "lacks cloud_api:disk.read") {
		t.Errorf("fewer rights: %d\n%s%s", code, out, errs)
	}
	disk.Inject(emulator.Fault{Endpoint: emulator.Token, Body: `{"access_token": "folder", "refresh_token": "r", "expires_in": 1000, "token_type": "bearer", "scope": "cloud_api:disk.app_folder"}`})
	disk.AddToken("folder", "cloud_api:disk.app_folder")
	out, errs, code = run(t, args...)
	if code != exitDone || errs != "" || !strings.Contains(out, "davdisk ls yandex:app:/") {
		t.Errorf("the folder of the application: %d\n%s%s", code, out, errs)
	}
}

// A service at another address is named at login only: the login keeps it.
func TestALoginKeepsTheAddressesOfItsService(t *testing.T) {
	disk := onDisk(t)
	disk.SetKnobs(func(k *emulator.Knobs) { k.DeviceInterval, k.DevicePolls = 1, 1 })
	for _, name := range []string{"DAVDISK_TOKEN", "DAVDISK_YANDEX_API_URL", "DAVDISK_YANDEX_OAUTH_URL"} {
		if err := os.Unsetenv(name); err != nil { // onDisk restores them
			t.Fatal(err)
		}
	}
	if err := disk.WriteFile("disk:/Docs/there.txt", []byte("x")); err != nil {
		t.Fatal(err)
	}
	api := strings.Replace(disk.URL, "127.0.0.1", "localhost", 1) // another host
	_, errs, code := run(t, "login", "--client-id", "some-id", "--client-secret-file", file(t, "some-secret"), "--yandex-api-url", api, "--yandex-oauth-url", disk.OAuthURL)
	if code != exitDone {
		t.Fatalf("login: %d %s", code, errs)
	}
	for _, words := range [][]string{{"ls", "yandex:Docs"}, {"token", "refresh"}, {"ls", "yandex:Docs"}, {"doctor"}} {
		out, errs, code := run(t, words...)
		if code != exitDone || words[0] == "ls" && out != "there.txt\n" {
			t.Errorf("%q: %d\n%s%s", words, code, out, errs)
		}
	}
	var out strings.Builder
	if err := (program{drivers: ownDrivers()}).complete(t.Context(), &out, []string{"zsh", "ls", "yandex:Docs/"}); err != nil || out.String() != "yandex:Docs/there.txt\n" {
		t.Errorf("completion: %q, %v", &out, err)
	}
	if out, errs, code := run(t, "logout"); code != exitDone {
		t.Errorf("logout: %d\n%s%s", code, out, errs)
	}
}
