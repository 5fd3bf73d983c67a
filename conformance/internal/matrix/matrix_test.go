package matrix

import (
	"errors"
	"io"
	"net"
	"testing"

	"github.com/fsouza/fake-gcs-server/fakestorage"
	"github.com/pkg/sftp"
	"github.com/spf13/afero"
	"github.com/spf13/afero/gcsfs"
	"github.com/spf13/afero/sftpfs"

	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/internal/scoreboard"
)

// sftpfs talks to a server in this process, which serves the machine's files.
func TestScoreOfSftpfs(t *testing.T) {
	fresh := func(tb conformance.TB) afero.Fs {
		here, there := net.Pipe()
		server, err := sftp.NewServer(there)
		if err != nil {
			tb.Fatalf("%v", err)
		}
		served := make(chan error, 1)
		go func() { served <- server.Serve() }()
		client, err := sftp.NewClientPipe(here, here)
		if err != nil {
			tb.Fatalf("%v", err)
		}
		tb.Cleanup(func() {
			closing := errors.Join(client.Close(), there.Close())
			if err := <-served; closing != nil || err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) {
				tb.Logf("the server ended with %v, %v", err, closing)
			}
		})
		return sftpfs.New(client)
	}
	scoreboard.Run(t, "sftpfs", "afero "+scoreboard.Version(t, "github.com/spf13/afero/sftpfs"), "sftpfs", fresh,
		conformance.Under(func(tb conformance.TB) string { return tb.TempDir() }))
}

// gcsfs talks to a fake of the service in this process, which may add to its
// faults or hide some.
func TestScoreOfGcsfs(t *testing.T) {
	fresh := func(tb conformance.TB) afero.Fs {
		server, err := fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true})
		if err != nil {
			tb.Fatalf("%v", err)
		}
		tb.Cleanup(server.Stop)
		server.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: "bucket"})
		made, err := gcsfs.NewGcsFSFromClient(t.Context(), server.Client())
		if err != nil {
			tb.Fatalf("%v", err)
		}
		return made
	}
	scoreboard.Run(t, "gcsfs", "afero "+scoreboard.Version(t, "github.com/spf13/afero/gcsfs"), "gcsfs", fresh,
		conformance.Under(func(conformance.TB) string { return "/bucket" }),
		conformance.Refuses(conformance.Chmod, "the store has no permissions"),
		conformance.Ignores(conformance.Modes, "the store has no permissions"),
		conformance.Refuses(conformance.Chown, "the store has no owners"),
		conformance.Refuses(conformance.Chtimes, "the store sets times itself"),
		conformance.Refuses(conformance.RenameDir, "a directory is only a part of the names of objects"))
}
