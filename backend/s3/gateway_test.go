package s3_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/backendtest"
	"github.com/davdisk/davdisk/backend/s3"
	"github.com/davdisk/davdisk/internal/s3test"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testtool"
)

// A gateway is a real server.
type gateway struct{ *s3test.Server }

func newGateway(t *testing.T) gateway {
	t.Helper()
	return gateway{s3test.Start(t)}
}

func (g gateway) config(t *testing.T) s3.Config {
	return s3.Config{
		Endpoint: "http://" + g.Address, Bucket: s3test.Bucket, AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey,
		StateDir: t.TempDir(), PartSize: 5 << 20,
	}
}

func (g gateway) open(t *testing.T, cfg s3.Config) backend.Backend {
	t.Helper()
	b, err := s3.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.(io.Closer).Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// TestGatewayContract runs the whole contract over a real server.
func TestGatewayContract(t *testing.T) {
	testlevel.NeedMore(t)
	run(t, newGateway(t).config(t), backendtest.Unseen("NoConditionalPut", "the window between the check and the rename is short"))
}

// TestGatewayKilled kills the server at several places of an upload in parts: the
// old content is there, and the next upload succeeds.
func TestGatewayKilled(t *testing.T) {
	testlevel.NeedMore(t)
	g := newGateway(t)
	cfg := g.config(t)
	cfg.RetryWait = time.Millisecond
	b := g.open(t, cfg)
	old, new := bytes.Repeat([]byte("old "), 1<<20), bytes.Repeat([]byte("new!"), 4<<20)
	store := func(body io.Reader, size int) error {
		_, err := b.Put(t.Context(), "f", body, backend.PutOptions{Size: int64(size)})
		return err
	}
	if err := store(bytes.NewReader(old), len(old)); err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{1 << 20, 6 << 20, 15 << 20, len(new)} {
		body := io.MultiReader(bytes.NewReader(new[:at]), killer(func() { g.Kill() }), bytes.NewReader(new[at:]))
		if err := store(body, len(new)); err == nil {
			t.Errorf("killed at %d: it succeeded", at)
		}
		g.Launch()
		if got := content(t, b, "f"); !bytes.Equal(got, old) {
			t.Errorf("killed at %d: there are %d bytes that are not the old ones", at, len(got))
		}
	}
	if err := store(bytes.NewReader(new), len(new)); err != nil {
		t.Error(err)
	}
	if got := content(t, b, "f"); !bytes.Equal(got, new) {
		t.Errorf("there are %d bytes that are not the new ones", len(got))
	}
}

// killer is a reader without bytes that does something when it is read.
type killer func()

func (k killer) Read([]byte) (int, error) {
	k()
	return 0, io.EOF
}

func content(t *testing.T, b backend.Backend, name string) []byte {
	t.Helper()
	c, err := b.Open(t.Context(), name, "")
	if err != nil {
		t.Error(err)
		return nil
	}
	defer c.Close()
	r, err := c.Range(t.Context(), 0, -1)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Error(err)
	}
	return data
}

// TestRclone: rclone reads what we write, and we what it writes; a file in parts
// keeps its version when it is moved.
func TestRclone(t *testing.T) {
	testlevel.NeedMore(t)
	rclone := testtool.Find(t, "rclone")
	g := newGateway(t)
	b := g.open(t, g.config(t))
	do := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), rclone, append([]string{"--config", os.DevNull, "--s3-upload-cutoff", "5Mi", "--s3-chunk-size", "5Mi"}, args...)...)
		for key, value := range map[string]string{"TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": "http://" + g.Address, "REGION": "us-east-1", "ACCESS_KEY_ID": s3test.AccessKey, "SECRET_ACCESS_KEY": s3test.SecretKey} {
			cmd.Env = append(cmd.Env, "RCLONE_CONFIG_G_"+key+"="+value)
		}
		cmd.Env = append(cmd.Env, "HOME="+t.TempDir(), "PATH="+os.Getenv("PATH"))
		var out, problems bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &problems
		if err := cmd.Run(); err != nil {
			t.Fatalf("rclone %v: %v\n%s", args, err, problems.String())
		}
		return out.String()
	}
	large := make([]byte, 12<<20)
	for i := range large {
		large[i] = byte(rand.Uint32())
	}
	tree := map[string]string{
		"a b": "1", "what?": "2", "100%": "3", "plus+plus": "4", "sub/ü": "5", "sub/Телеграм 12:12": "6", "sub/deep/empty": "", "large": string(large),
	}
	when := time.Date(2021, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, dir := range []string{"ours", "ours/sub", "ours/sub/deep", "ours/nothing"} {
		if err := b.Mkdir(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range tree {
		if _, err := b.Put(t.Context(), path.Join("ours", name), strings.NewReader(text), backend.PutOptions{Size: int64(len(text)), ModTime: when}); err != nil {
			t.Fatal(err)
		}
	}
	local := t.TempDir()
	do("copy", "G:bucket/ours", local)
	for name, text := range tree {
		got, err := os.ReadFile(filepath.Join(local, filepath.FromSlash(name)))
		info, infoErr := os.Stat(filepath.Join(local, filepath.FromSlash(name)))
		if errors.Join(err, infoErr) != nil || string(got) != text || !info.ModTime().Equal(when) {
			t.Errorf("rclone has %d bytes of %q, %v, %v", len(got), name, err, infoErr)
		}
	}
	do("copy", local, "G:bucket/theirs")
	if got := walk(t, b, "theirs"); !maps.Equal(got, tree) {
		t.Errorf("we see %d files of rclone, want %d", len(got), len(tree))
	}
	for _, dir := range []string{"ours", "theirs"} {
		before, err := b.Stat(t.Context(), dir+"/large")
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Move(t.Context(), dir, "moved-"+dir, backend.MoveOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := walk(t, b, "moved-"+dir); !maps.Equal(got, tree) {
			t.Errorf("%s: there are %d files after a move, want %d", dir, len(got), len(tree))
		}
		after, err := b.Stat(t.Context(), "moved-"+dir+"/large")
		if err != nil || after.Version != before.Version {
			t.Errorf("%s: it was %q and is %q, %v", dir, before.Version, after.Version, err)
		}
	}
	if out := do("check", local, "G:bucket/moved-ours"); out != "" {
		t.Error(out)
	}
}

// walk returns all files below a folder.
func walk(t *testing.T, b backend.Backend, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	var visit func(ctx context.Context, name string)
	visit = func(ctx context.Context, name string) {
		_, children, err := b.List(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		for info, err := range children {
			at := path.Join(name, info.Name)
			switch {
			case err != nil:
				t.Fatal(err)
			case info.Dir:
				visit(ctx, at)
			default:
				files[at[len(dir)+1:]] = string(content(t, b, at))
			}
		}
	}
	visit(t.Context(), dir)
	return files
}
