package cmd

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// run runs davdisk to its end.
func run(t *testing.T, words ...string) (out, errs string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err := execute(t.Context(), appOfDavdisk(strings.NewReader(""), &stdout, &stderr), append([]string{"davdisk"}, words...))
	code = exit(&stderr, err)
	return stdout.String(), stderr.String(), code
}

// Each link of the chain is broken once.
func TestDoctorFindsWhatIsBroken(t *testing.T) {
	knobs := func(change func(k *emulator.Knobs)) func(*testing.T, *emulator.Server) {
		return func(_ *testing.T, disk *emulator.Server) { disk.SetKnobs(change) }
	}
	fault := func(f emulator.Fault) func(*testing.T, *emulator.Server) {
		return func(_ *testing.T, disk *emulator.Server) { disk.Inject(f) }
	}
	token := func(scopes ...string) func(*testing.T, *emulator.Server) {
		return func(t *testing.T, disk *emulator.Server) {
			disk.AddToken("other", scopes...)
			t.Setenv("DAVDISK_TOKEN", "other")
		}
	}
	for _, test := range []struct {
		name    string
		prepare func(*testing.T, *emulator.Server)
		broken  string // the step; empty: none
		says    string
		code    int
	}{
		{"nothing", func(*testing.T, *emulator.Server) {}, "", "ok      remove", exitDone},
		{"name", func(t *testing.T, _ *emulator.Server) {
			t.Setenv("DAVDISK_YANDEX_API_URL", "https://no-such-host.invalid")
		}, "name", "no network", exitFailed},
		{"nobody listens", func(t *testing.T, _ *emulator.Server) { t.Setenv("DAVDISK_YANDEX_API_URL", "http://127.0.0.1:1") }, "connection", "a firewall", exitFailed},
		{"certificate", func(t *testing.T, _ *emulator.Server) {
			disk, err := emulator.Start(emulator.Options{TLS: true})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { disk.Close() })
			t.Setenv("DAVDISK_YANDEX_API_URL", disk.URL)
		}, "connection", "SSL_CERT_FILE", exitFailed},
		{"clock", func(t *testing.T, _ *emulator.Server) {
			disk, err := emulator.Start(emulator.Options{Now: func() time.Time { return time.Now().Add(-time.Hour) }})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { disk.Close() })
			t.Setenv("DAVDISK_YANDEX_API_URL", disk.URL)
		}, "clock", "off by 1h0m", exitFailed},
		{"no login", func(t *testing.T, _ *emulator.Server) { t.Setenv("DAVDISK_TOKEN", "") }, "login", "run 'davdisk login yandex:'", exitNotLoggedIn},
		{"refused token", func(t *testing.T, _ *emulator.Server) { t.Setenv("DAVDISK_TOKEN", "revoked") }, "login", "replace the token in DAVDISK_TOKEN", exitNotLoggedIn},
		{"no right to read", token("cloud_api:disk.info"), "rights", "cloud_api:disk.read", exitFailed},
		{"folder of the application", token("cloud_api:disk.app_folder"), "rights", "write yandex:app:/", exitFailed},
		{"full", knobs(func(k *emulator.Knobs) { k.TotalSpace = 1 }), "space", "davdisk trash empty yandex:", exitFailed},
		{"no right to write", token("cloud_api:disk.info", "cloud_api:disk.read"), "write", "cloud_api:disk.read, .write", exitFailed},
		{"other bytes", knobs(func(k *emulator.Knobs) { k.ServesOther, k.NoETag = true, true }), "read", "not trust this store", exitFailed},
		{"removal", fault(emulator.Fault{Method: "DELETE", Status: 403}), "remove", "by hand", exitFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			disk := onDisk(t)
			if err := disk.WriteFile("disk:/full.txt", []byte("more than a byte")); err != nil {
				t.Fatal(err)
			}
			test.prepare(t, disk)
			out, errs, code := run(t, "doctor")
			if code != test.code || !strings.Contains(out, test.says) || test.broken != "" && !strings.Contains(out, "BROKEN  "+test.broken) {
				t.Errorf("exit code %d, want %d and BROKEN %s with %q:\n%s%s", code, test.code, test.broken, test.says, out, errs)
			}
			if strings.Count(out, "BROKEN") != min(1, len(test.broken)) || strings.Contains(out+errs, disk.Token) {
				t.Errorf("it prints\n%s%s", out, errs)
			}
			for _, e := range disk.Dump() {
				if strings.Contains(e.Path, "davdisk-doctor") {
					t.Errorf("%s is left", e.Path)
				}
			}
		})
	}
}

func TestDoctorOfAnAppFolderAndOfAnotherStore(t *testing.T) {
	disk := onDisk(t)
	disk.AddToken("app", "cloud_api:disk.app_folder")
	t.Setenv("DAVDISK_TOKEN", "app")
	if err := disk.WriteFile("disk:/Приложения/davdisk/a.txt", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if out, errs, code := run(t, "doctor", "yandex:app:/"); code != exitDone || !strings.Contains(out, "ok      remove") {
		t.Errorf("the folder of the application: %d\n%s%s", code, out, errs)
	}
	if out, errs, code := run(t, "doctor", "memory:"); code != exitDone || strings.Contains(out, "clock") {
		t.Errorf("a store in memory: %d\n%s%s", code, out, errs)
	}
	if out, _, code := run(t, "doctor", "--json"); code != exitFailed || !strings.Contains(out, `"advice": "this login opens the folder of its application alone`) {
		t.Errorf("as JSON: %d\n%s", code, out)
	}
	if _, _, code := run(t, "doctor", "nosuch:"); code != exitMisuse {
		t.Errorf("an unknown remote: %d", code)
	}
}
