package e2e

import (
	"maps"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/internal/s3test"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// serveS3 serves the bucket of an S3 server.
func serveS3(t *testing.T, host *s3test.Server, home string) *server {
	t.Helper()
	return start(t, home, []string{"DAVDISK_S3_SECRET_KEY=" + s3test.SecretKey}, "serve", "s3:", "--addr", "127.0.0.1:0",
		"--s3-endpoint", "http://"+host.Address, "--s3-bucket", s3test.Bucket, "--s3-access-key", s3test.AccessKey)
}

// objects are the files of the bucket, without what versitygw keeps beside them.
func objects(t *testing.T, host *s3test.Server) map[string]string {
	t.Helper()
	files := hashes(t, host.Files)
	maps.DeleteFunc(files, func(name, _ string) bool { return strings.HasPrefix(name, ".sgwtmp") })
	return files
}

// TestOverS3 serves a bucket of versitygw.
func TestOverS3(t *testing.T) {
	testlevel.NeedMore(t)
	host := s3test.Start(t)
	clientsOver(t, serveS3(t, host, t.TempDir()), func() map[string]string { return objects(t, host) })
}

// TestKilledOverS3 is TestKilledWhileWriting over versitygw.
func TestKilledOverS3(t *testing.T) {
	testlevel.NeedMore(t)
	host, home := s3test.Start(t), t.TempDir()
	killAgainAndAgain(t, func() *server { return serveS3(t, host, home) }, func() map[string]string { return objects(t, host) })
}
