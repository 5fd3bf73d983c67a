package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testtool"
	"github.com/davdisk/davdisk/internal/testwait"
)

// binary is the davdisk under test, built once, without the race detector, as
// people install it.
var binary string

func TestMain(m *testing.M) {
	// What clients print is read by the tests, and in the locale C gio, for one,
	// prints question marks in place of letters.
	os.Setenv("LC_ALL", "C.UTF-8")
	dir, err := os.MkdirTemp("", "davdisk-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "davdisk")
	build := exec.Command("go", "build", "-o", binary, "github.com/davdisk/davdisk/cmd/davdisk")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build davdisk: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// startDisk starts the emulated disk that davdisk will serve.
func startDisk(tb testing.TB, o emulator.Options) *emulator.Server {
	tb.Helper()
	disk, err := emulator.Start(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := disk.Close(); err != nil {
			tb.Errorf("close the emulator: %v", err)
		}
	})
	return disk
}

// server is a running davdisk.
type server struct {
	testing.TB
	url string // ends in a slash
	cmd *exec.Cmd
	log *output
	end chan error
}

// output is what a program has written so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

var listening = regexp.MustCompile(`listening on ((?:https?://|unix:)[^\s]+)`)

// serve starts `davdisk serve` on the disk with a state folder of its own.
func serve(tb testing.TB, disk *emulator.Server, flags ...string) *server {
	tb.Helper()
	return serveIn(tb, disk, tb.TempDir(), flags...)
}

// serveIn is serve in a given home folder, for a second start.
func serveIn(tb testing.TB, disk *emulator.Server, home string, flags ...string) *server {
	tb.Helper()
	args := append([]string{"serve", "yandex:", "--addr", "127.0.0.1:0"}, flags...)
	return start(tb, home, account(disk), args...)
}

// account is the environment in which davdisk finds the disk.
func account(disk *emulator.Server) []string {
	return []string{
		"DAVDISK_TOKEN=" + disk.Token,
		"DAVDISK_YANDEX_API_URL=" + disk.URL,
		"DAVDISK_YANDEX_OAUTH_URL=" + disk.OAuthURL,
		"DAVDISK_YANDEX_RATE=0",
	}
}

// start runs davdisk until the test ends, and waits for its address.
func start(tb testing.TB, home string, env []string, args ...string) *server {
	tb.Helper()
	return startCommand(tb, home, env, exec.Command(binary, args...))
}

// startCommand is start for a command that becomes davdisk.
func startCommand(tb testing.TB, home string, env []string, cmd *exec.Cmd) *server {
	tb.Helper()
	s := &server{TB: tb, cmd: cmd, log: &output{}, end: make(chan error, 1)}
	s.cmd.Env = append(append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home+"/config", "XDG_STATE_HOME="+home+"/state", "XDG_CACHE_HOME="+home+"/cache"), env...)
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	address := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			fmt.Fprintln(s.log, lines.Text())
			if found := listening.FindStringSubmatch(lines.Text()); found != nil {
				select {
				case address <- found[1]:
				default:
				}
			}
		}
		close(address)
		s.end <- s.cmd.Wait()
	}()
	tb.Cleanup(s.stop)
	select {
	case s.url = <-address:
		if s.url == "" {
			<-s.end
			s.end <- nil
			tb.Fatalf("%s ended:\n%s", strings.Join(cmd.Args, " "), s.log)
		}
	case <-time.After(testwait.Limit(tb)):
		tb.Fatal("davdisk does not say where it listens")
	}
	return s
}

// stop ends davdisk as a user would, and reports its log if the test failed.
func (s *server) stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.end:
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			s.Errorf("davdisk ended with %v", err)
		}
	case <-time.After(testwait.Limit(s.TB)):
		_ = s.cmd.Process.Kill()
		s.Error("davdisk does not end when asked to")
		<-s.end
	}
	if s.Failed() {
		s.Logf("davdisk said:\n%s", s.log)
	}
	s.cmd = nil
}

// kill ends davdisk as a power cut would.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.end
	s.cmd = nil
}

// run runs a client to its end, which must be a good one.
func run(tb testing.TB, cmd *exec.Cmd) string {
	tb.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		tb.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return string(out)
}

// command makes a client that is ended before the whole run is.
func command(tb testing.TB, name string, args ...string) *exec.Cmd {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testwait.Limit(tb))
	tb.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, testtool.Find(tb, name), args...)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// request makes one plain request and returns status and body.
func (s *server) request(method, path string, body io.Reader, header ...string) (int, string) {
	s.Helper()
	req, err := http.NewRequest(method, s.url+path, body)
	if err != nil {
		s.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		s.Fatal(err)
	}
	return res.StatusCode, string(data)
}

// linux skips what needs its mounts or its /proc.
func linux(tb testing.TB) {
	tb.Helper()
	if runtime.GOOS != "linux" {
		tb.Skip("needs Linux")
	}
}

// until waits for a condition that another program brings about.
func until(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(testwait.Limit(tb))
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatalf("still not so: %s", what)
		}
	}
}
