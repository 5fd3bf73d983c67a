package dav

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/durable"
)

// featuresLife is how long what was found out of a server is believed.
const featuresLife = 7 * 24 * time.Hour

// featuresFormat is the version of what is kept. It is raised with every change
// of features, and of how they are found out: what an older davdisk found is not
// believed.
const featuresFormat = 1

// keptFile is what is kept of a server.
type keptFile struct {
	Format int
	features
}

// features are what the server can do, by what it did when it was tried.
type features struct {
	Refused string // why it could not be tried: then it can do nothing of what follows

	WholePut         bool   // a PUT that breaks off changes nothing, and one under way is not seen
	Conditions       bool   // If-Match and If-None-Match are checked when a PUT begins
	AtomicConditions bool   // and when it is stored
	UploadTime       bool   // X-OC-Mtime sets the time of what is uploaded
	TimeProperty     string // the property by which a PROPPATCH sets the time, empty: none
	CoarseTags       bool   // two contents of one size, stored within a second, have one entity tag
	MakesParents     bool   // COPY and MOVE make the folders above their target
	MakesTwice       bool   // MKCOL of a folder that is there succeeds
	HidesDots        bool   // names that begin with a dot are not listed
	IgnoreCase       bool
	IgnoreForm       bool

	Tried time.Time
}

// capabilities are what features lack of the contract.
func (f features) capabilities(atomicMove bool) backend.Capabilities {
	var c backend.Capabilities
	switch {
	case f.Refused != "":
		c.NoConditionalPut = f.Refused
	case !f.Conditions:
		c.NoConditionalPut = "the server ignores conditions (If-Match, If-None-Match)"
	case !f.WholePut:
		c.NoConditionalPut = "uploads go by way of a temporary name, and the condition is checked just before the file is renamed"
	case !f.AtomicConditions:
		c.NoConditionalPut = "the server checks conditions when an upload begins, not when it is stored"
	}
	if !atomicMove {
		c.NoAtomicMove = "a move over a file goes by way of this machine: it is a copy and a deletion"
		switch {
		case f.Refused != "":
			c.NoAtomicOverwrite, c.NoAtomicMove = f.Refused, f.Refused
		case !f.WholePut:
			c.NoAtomicOverwrite = "the server writes an upload over the file while it arrives, and may delete a file before another is renamed to its name; if it renames in one step, set atomic-move"
			c.NoAtomicMove = "the server may delete a file before another is renamed to its name"
		}
	}
	c.Names = f.names()
	return c
}

// names are the names that the server holds.
func (f features) names() backend.Names {
	n := backend.Names{Refused: []string{asidePrefix + "*"}, IgnoreCase: f.IgnoreCase, IgnoreForm: f.IgnoreForm, Why: "davdisk names what it puts aside so"}
	if f.IgnoreCase || f.IgnoreForm {
		n.Why += ", and the server does not tell such names apart"
	}
	if f.HidesDots {
		n.Refused = append(n.Refused, ".*")
		n.Why += ", and the server does not list names that begin with a dot"
	}
	return n
}

// featuresFile is where the features of a server are kept, by its address and
// user.
func featuresFile(cfg Config) string {
	if cfg.StateDir == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(cfg.URL + "\n" + cfg.User))
	return filepath.Join(cfg.StateDir, hex.EncodeToString(sum[:12])+".json")
}

// keptFeatures returns what was found out of the server not long ago.
func keptFeatures(cfg Config) (f features, ok bool) {
	data, err := os.ReadFile(featuresFile(cfg))
	var kept keptFile
	if err != nil || json.Unmarshal(data, &kept) != nil || kept.Format != featuresFormat {
		return f, false
	}
	age := cfg.Now().Sub(kept.Tried)
	return kept.features, age >= 0 && age < featuresLife
}

// keep writes what was found out. That it cannot be kept costs the next program a
// trial.
func (f features) keep(cfg Config) {
	name := featuresFile(cfg)
	if name == "" || f.Refused != "" {
		return
	}
	data, err := json.MarshalIndent(keptFile{featuresFormat, f}, "", "\t")
	if err == nil {
		err = os.MkdirAll(cfg.StateDir, 0o700)
	}
	if err == nil {
		err = durable.WriteFile(name, data, 0o600)
	}
	if err != nil {
		cfg.Log.Warn("what the server can do is tried out again next time", "error", err)
	}
}
