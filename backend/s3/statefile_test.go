package s3

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/journal"
)

// TestStateFiles: the files of the state folder do not depend on how a
// configuration is spelled, and are those of one bucket, folder and key.
func TestStateFiles(t *testing.T) {
	at := Config{Endpoint: "https://s3.example.org", Bucket: "b", Root: "Docs", AccessKey: "anna", StateDir: "/state"}
	with := func(edit func(*Config)) Config {
		cfg := at
		edit(&cfg)
		return cfg
	}
	features, _ := at.featuresFile()
	moves, _ := at.journalFile("moves")
	uploads, _ := at.journalFile("uploads")
	if moves == uploads || moves == features {
		t.Errorf("%s, %s, %s", features, moves, uploads)
	}
	for name, test := range map[string]struct {
		cfg             Config
		features, moves bool // the same
	}{
		"slash":       {with(func(c *Config) { c.Endpoint += "/" }), true, true},
		"no scheme":   {with(func(c *Config) { c.Endpoint = "s3.example.org" }), true, true},
		"capitals":    {with(func(c *Config) { c.Endpoint = "HTTPS://S3.Example.Org" }), true, true},
		"port":        {with(func(c *Config) { c.Endpoint += ":443" }), true, true},
		"other port":  {with(func(c *Config) { c.Endpoint += ":444" }), false, false},
		"in clear":    {with(func(c *Config) { c.Endpoint = "http://s3.example.org" }), false, false},
		"root":        {with(func(c *Config) { c.Root = "/Docs/" }), true, true},
		"other root":  {with(func(c *Config) { c.Root = "docs" }), true, false},
		"key":         {with(func(c *Config) { c.AccessKey = "boris" }), false, true},
		"bucket":      {with(func(c *Config) { c.Bucket = "c" }), false, false},
		"bucket root": {with(func(c *Config) { c.Bucket, c.Root = "b/Docs", "" }), false, false},
	} {
		f, _ := test.cfg.featuresFile()
		m, _ := test.cfg.journalFile("moves")
		if (f == features) != test.features || (m == moves) != test.moves {
			t.Errorf("%s: %s, %s", name, f, m)
		}
	}
	at.StateDir = ""
	if name, earlier := at.featuresFile(); name != "" || earlier != "" {
		t.Errorf("without a state folder: %q, %q", name, earlier)
	}
}

// TestEarlierStateFiles: what a version has left whose files had other names is
// taken over, unless that version still runs.
func TestEarlierStateFiles(t *testing.T) {
	for _, runs := range []bool{true, false} {
		f := newServer(t, map[string]string{"a/1": "1", "b/1": "1"})
		cfg := f.config(Config{StateDir: t.TempDir()})
		cfg.Endpoint += "/"
		name, earlier := cfg.journalFile("moves")
		old, err := journal.OpenMap(earlier, journal.MapConfig[intent]{Format: "davdisk s3 moves 1"})
		if err != nil {
			t.Fatal(err)
		}
		if err := (&work[intent]{old}).set("a", intent{To: "b", Dir: true, Copied: true, Begun: time.Now()}); err != nil {
			t.Fatal(err)
		}
		if !runs {
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}
		}
		found, earlierFound := cfg.featuresFile()
		if found == earlierFound || name == earlier {
			t.Fatal("the names are the same")
		}
		text, err := json.Marshal(features{WholePut: true, MD5Tags: true, Tried: cfg.Now()})
		if err == nil {
			err = os.WriteFile(earlierFound, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := New(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		s := b.(*store)
		s.tidy.Wait()
		if s.can.IfMatch || !s.can.WholePut {
			t.Errorf("it was tried out: %+v", s.can)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		want := map[string]string{"b/1": "1"}
		if runs {
			want["a/1"] = "1"
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}
		}
		f.holds(t, want)
		if _, err := os.Stat(earlier); (err == nil) != runs {
			t.Errorf("the earlier journal, and that version runs: %v: %v", runs, err)
		}
	}
}
