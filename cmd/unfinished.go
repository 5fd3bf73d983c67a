package cmd

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

// A copy of a folder to a new name makes that folder first. Repeated after an
// interruption it would find a folder that is there, and copy into it. So an
// entry in the state folder says that the folder is that of an unfinished copy.

// unfinishedLife is how long an entry counts.
const unfinishedLife = 7 * 24 * time.Hour

// unfinishedJSON is the entry.
type unfinishedJSON struct {
	From  string    `json:"from"`
	To    string    `json:"to"`
	ID    string    `json:"id,omitempty"` // of the folder, if the store has such IDs
	Began time.Time `json:"began"`
}

// unfinishedFile is where the entry of a pair is; empty without a state folder.
func (s *session) unfinishedFile(from, to target) string {
	if s.stateDir == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(from.full() + "\x00" + to.full()))
	return filepath.Join(s.stateDir, "transfers", hex.EncodeToString(sum[:12])+".json")
}

// isUnfinished reports whether a folder that is there was made by a copy of the
// same source that did not end.
func (s *session) isUnfinished(from, to target, info backend.Info) bool {
	file := s.unfinishedFile(from, to)
	if file == "" || !info.Dir {
		return false
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	var e unfinishedJSON
	return json.Unmarshal(data, &e) == nil && e.From == from.full() && e.To == to.full() && e.ID == info.ID && time.Since(e.Began) < unfinishedLife
}

// noteUnfinished enters the folder of a pair, which has just been made, and reports
// whether the same command goes on in it when it is repeated.
func (s *session) noteUnfinished(p pair) bool {
	file := s.unfinishedFile(p.from, p.to)
	if file == "" {
		return p.into
	}
	info, err := p.to.Stat(s.ctx, p.to.name)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o700)
	}
	var data []byte
	if err == nil {
		data, err = json.Marshal(unfinishedJSON{From: p.from.full(), To: p.to.full(), ID: info.ID, Began: time.Now()})
	}
	if err == nil {
		s.sweepUnfinished(filepath.Dir(file))
		err = durable.WriteFile(file, data, 0o600)
	}
	if err != nil {
		s.log.Warn("the copy is not noted as unfinished", "error", err)
	}
	return err == nil || p.into
}

// sweepUnfinished removes the entries that do not count any more. What cannot be
// removed does no harm.
func (s *session) sweepUnfinished(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		s.log.Debug("entries of unfinished copies are not swept", "error", err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) >= unfinishedLife {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// forgetUnfinished removes the entry of a pair that is done.
func (s *session) forgetUnfinished(p pair) {
	if file := s.unfinishedFile(p.from, p.to); file != "" {
		_ = os.Remove(file) // usually there is none
	}
}

// sayGoingOn says that a copy goes on in a folder that is there.
func (s *session) sayGoingOn(from, to target) {
	s.lang.Fprintf(s.c.App.ErrWriter, "davdisk: going on with the copy of %q to %q that was not finished\n", from.address, to.address)
}
