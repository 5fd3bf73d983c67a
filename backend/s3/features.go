package s3

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/durable"
)

// featuresLife is how long what was found out of a server is believed.
const featuresLife = 7 * 24 * time.Hour

// features are what the server can do, by what it did when it was tried.
type features struct {
	Refused string // why it could not be tried: then it can do nothing of what follows
	Unsure  bool   // a fault that passes came in between: it is tried again next time

	WholePut         bool // a PUT that breaks off changes nothing, and one under way is not seen
	IfAbsent         bool // If-None-Match: * is checked
	IfMatch          bool // If-Match is checked
	PartsConditions  bool // both are, when an upload in parts is completed
	AtomicConditions bool // they are checked when an object is stored, not when a PUT begins
	XMLNames         bool // keys that XML cannot hold are refused, or listed as others
	MD5Tags          bool // the entity tag of what was sent at once and unencrypted is its MD5

	Tried time.Time
}

// capabilities are what features lack of the contract.
func (f features) capabilities() backend.Capabilities {
	c := backend.Capabilities{NoAtomicMove: "S3 has no move: it is copies and deletions"}
	switch {
	case f.Refused != "":
		c.NoConditionalPut = f.Refused
	case !f.IfAbsent || !f.IfMatch:
		c.NoConditionalPut = "the server ignores conditions (If-Match, If-None-Match)"
	case !f.AtomicConditions:
		c.NoConditionalPut = "the server checks conditions when an upload begins, not when it is stored"
	case !f.PartsConditions:
		c.NoConditionalPut = "the server ignores conditions of files that are sent in parts"
	}
	switch {
	case f.Refused != "":
		c.NoAtomicOverwrite = f.Refused
	case !f.WholePut:
		c.NoAtomicOverwrite = "the server writes an upload over the file while it arrives"
	}
	return c
}

// keptFeatures returns what was found out of the server not long ago.
func keptFeatures(cfg Config) (f features, ok bool) {
	name, earlier := cfg.featuresFile()
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = os.ReadFile(earlier)
	}
	if err != nil || json.Unmarshal(data, &f) != nil {
		return f, false
	}
	age := cfg.Now().Sub(f.Tried)
	return f, age >= 0 && age < featuresLife
}

// keep writes what was found out. That it cannot be kept costs the next program a
// trial.
func (f features) keep(cfg Config) {
	name, earlier := cfg.featuresFile()
	if name == "" || f.Refused != "" || f.Unsure {
		return
	}
	data, err := json.MarshalIndent(f, "", "\t")
	if err == nil {
		err = os.MkdirAll(cfg.StateDir, 0o700)
	}
	if err == nil {
		err = durable.WriteFile(name, data, 0o600)
	}
	if err == nil && earlier != name {
		_ = os.Remove(earlier) // it is not read any more
	}
	if err != nil {
		cfg.Log.Warn("what the server can do is tried out again next time", "error", err)
	}
}
