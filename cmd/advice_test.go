package cmd

import (
	"bytes"
	"flag"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/cmd/internal/config"
)

// TestWhoIsFull: the advice is about the disk of this machine or the store, and
// about a trash only where there is one.
func TestWhoIsFull(t *testing.T) {
	c := cli.NewContext(nil, flag.NewFlagSet("cp", flag.ContinueOnError), nil)
	c.Context, c.Command = t.Context(), &cli.Command{Name: "cp"}
	s := &session{program: program{drivers: ownDrivers()}, ctx: t.Context(), c: c, cfg: &config.File{Remotes: map[string]config.Remote{
		"work": {Driver: "yandex"}, "box": {Driver: "webdav"},
	}}, asked: map[string]bool{"local:/here": true, "box:": true}}
	quota := func(name string) error { return backend.PathError("put", name, backend.ErrQuota, "") }
	for _, test := range []struct {
		err  error
		says string
	}{
		{quota("work:a/b"), "make room: 'davdisk trash empty work:', or delete something for good"},
		{quota("yandex:b"), "'davdisk trash empty yandex:'"},
		{quota("box:b"), "make room in box:, or have its limit raised"},
		{quota("s3:photos/b"), "make room in s3:"},
		{quota("here/b"), makeRoomHere},
		{quota("local:/b"), makeRoomHere},
		{quota("./work:b"), makeRoomHere},
		{backend.LinkError("copy", "box:a", "work:b", backend.ErrQuota, ""), "'davdisk trash empty work:'"},
		{&fs.PathError{Op: "write", Path: "/tmp/spool", Err: syscall.ENOSPC}, makeRoomHere},
	} {
		var text bytes.Buffer
		if code := exit(&text, s.advise(test.err)); code != exitFailed || !strings.Contains(text.String(), test.says) || strings.Count(text.String(), "make room") > 1 {
			t.Errorf("%v ends with %d: %q; want %q", test.err, code, &text, test.says)
		}
		if trash := strings.Contains(test.says, "trash"); trash != strings.Contains(text.String(), "trash") {
			t.Errorf("%v: %q", test.err, &text)
		}
	}
	s.asked = map[string]bool{"work:": true}
	var text bytes.Buffer
	if exit(&text, s.advise(quota("b"))); !strings.Contains(text.String(), "'davdisk trash empty work:'") {
		t.Errorf("without the remote: %q", &text)
	}
}

// TestAFullAccount is told by a command.
func TestAFullAccount(t *testing.T) {
	disk := onDisk(t)
	disk.Inject(emulator.Fault{Endpoint: emulator.UploadLink, Status: 507, Times: -1})
	_, _, err := runApp(t, "cp", file(t, "x"), "yandex:x")
	var text bytes.Buffer
	if code := exit(&text, err); code != exitFailed || !strings.Contains(text.String(), "'davdisk trash empty yandex:'") {
		t.Errorf("it ends with %d: %q", code, &text)
	}
}
