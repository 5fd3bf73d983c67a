package cmd

import (
	"errors"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

func TestMain(m *testing.M) {
	testscript.Main(inEnglish{m}, map[string]func(){
		"davdisk":       func() { os.Exit(Main()) },
		"davdisk-extra": func() { os.Exit(Main(extraDriver())) },
	})
}

// inEnglish runs tests that do not depend on the locale of the machine.
type inEnglish struct{ *testing.M }

func (m inEnglish) Run() int {
	if err := os.Setenv("LC_ALL", "C"); err != nil {
		panic(err)
	}
	return m.M.Run()
}

// appOfDavdisk is the program without any extra driver.
func appOfDavdisk(in io.Reader, out, errs io.Writer) *cli.App {
	return program{drivers: ownDrivers()}.newApp(in, out, errs)
}

// diskKey is where a script finds its emulated disk.
type diskKey struct{}

// TestScripts runs testdata/script: one file for each command, over an
// emulated disk of its own. Beside the commands of testscript there are:
//
//	disk PATH TEXT          the emulated disk has this file, but for a last newline (! disk: it has not)
//	diskdir PATH            it has this folder
//	seed PATH TEXT          put a file there
//	control METHOD PATH [BODY]   use the control port of the emulator
//	mode FILE rwx------     the permission bits of a file are these
//	setenv NAME FILE        set a variable to the text of a file
//	exits CODE PROGRAM …    run it, and want this exit code
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/script",
		Setup: setupScript,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"disk": checkDisk, "diskdir": checkDiskDir, "seed": seedDisk, "control": control, "mode": checkMode, "setenv": setEnv, "exits": checkExit,
		},
	})
}

func setupScript(env *testscript.Env) error {
	server, err := emulator.Start(emulator.Options{Token: "good-token", ClientID: "good-id", ClientSecret: "good-secret"})
	if err != nil {
		return err
	}
	env.Defer(func() { server.Close() })
	for name, text := range map[string]string{
		"a.txt": "alpha", "Docs/b.txt": "beta", "Docs/sub/c.txt": "gamma", "Ж $ 100% #?.txt": "hostile",
	} {
		if err := server.WriteFile("disk:/"+name, []byte(text)); err != nil {
			return err
		}
	}
	if err := server.Mkdir("disk:/Empty"); err != nil {
		return err
	}
	env.Values[diskKey{}] = server
	for name, value := range map[string]string{
		"HOME": env.WorkDir + "/home", "XDG_CONFIG_HOME": env.WorkDir + "/config", "XDG_STATE_HOME": env.WorkDir + "/state",
		"XDG_CACHE_HOME": env.WorkDir + "/cache", "LC_ALL": "C",
		"DAVDISK_TOKEN": "good-token", "DAVDISK_YANDEX_API_URL": server.URL, "DAVDISK_YANDEX_OAUTH_URL": server.OAuthURL,
		"DAVDISK_YANDEX_RATE": "0", "DAVDISK_NO_WAIT": "true",
		"GORACE": "atexit_sleep_ms=0", // or each of the many processes waits a second, for nobody
	} {
		env.Setenv(name, value)
	}
	return nil
}

func diskOf(ts *testscript.TestScript) *emulator.Server {
	return ts.Value(diskKey{}).(*emulator.Server)
}

func checkDisk(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 && !(neg && len(args) == 1) {
		ts.Fatalf("usage: disk PATH TEXT")
	}
	data, err := diskOf(ts).ReadFile("disk:/" + args[0])
	switch {
	case neg && err == nil:
		ts.Fatalf("the disk has %s", args[0])
	case !neg && err != nil:
		ts.Fatalf("%v", err)
	case !neg && strings.TrimSuffix(string(data), "\n") != args[1]:
		ts.Fatalf("%s holds %q, want %q", args[0], data, args[1])
	}
}

func checkDiskDir(ts *testscript.TestScript, neg bool, args []string) {
	entry, err := diskOf(ts).Stat("disk:/" + args[0])
	if is := err == nil && entry.Dir; is == neg {
		ts.Fatalf("%s is a folder: %v", args[0], is)
	}
}

func seedDisk(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(diskOf(ts).WriteFile("disk:/"+args[0], []byte(args[1])))
}

func control(ts *testscript.TestScript, _ bool, args []string) {
	body := ""
	if len(args) > 2 {
		body = args[2]
	}
	answer := httptest.NewRecorder()
	diskOf(ts).Control().ServeHTTP(answer, httptest.NewRequest(args[0], args[1], strings.NewReader(body)))
	if answer.Code != 200 {
		ts.Fatalf("control %v: %d %s", args, answer.Code, answer.Body)
	}
	_, err := ts.Stdout().Write(answer.Body.Bytes())
	ts.Check(err)
}

func checkMode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := strings.TrimPrefix(fs.FileMode.String(info.Mode().Perm()), "-"); got != args[1] {
		ts.Fatalf("%s has %s, want %s", args[0], got, args[1])
	}
}

func checkExit(ts *testscript.TestScript, _ bool, args []string) {
	var failed *exec.ExitError
	got := 0
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &failed) {
		got = failed.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if args[0] != strconv.Itoa(got) {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

func setEnv(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}
