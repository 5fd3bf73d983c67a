package s3

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"path/filepath"
	"strings"
)

// stateFile names a file of the state folder for something that is told from
// others by parts. It is empty without a state folder.
func (c Config) stateFile(what string, parts ...string) string {
	if c.StateDir == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return filepath.Join(c.StateDir, hex.EncodeToString(sum[:12])+what)
}

// featuresFile names the file of what was found out of the server with this key,
// and the one that earlier versions wrote.
func (c Config) featuresFile() (name, earlier string) {
	return c.stateFile(".json", c.server(), c.Bucket, c.AccessKey, ""), c.stateFile(".json", c.Endpoint, c.Bucket, c.AccessKey, "")
}

// journalFile names a journal of what is still to be done in the root, and the one
// that earlier versions wrote: that depended on how the configuration was spelled.
func (c Config) journalFile(what string) (name, earlier string) {
	root, _ := c.prefix() // New has checked it
	what = "-" + what + ".journal"
	return c.stateFile(what, c.server(), c.Bucket, root), c.stateFile(what, c.Endpoint, c.Bucket, c.AccessKey, c.Root)
}

// server is the address of the server, the same for all spellings of it.
func (c Config) server() string {
	u, err := c.endpoint()
	if err != nil { // New has checked it
		return c.Endpoint
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(host, port)
}
