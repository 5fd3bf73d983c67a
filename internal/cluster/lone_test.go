package cluster_test

import (
	"errors"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
)

// words is a machine that takes each word once.
type words struct{ all []string }

var errTaken = errors.New("it is there")

func (w *words) Apply(word string) error {
	if slices.Contains(w.all, word) {
		return errTaken
	}
	w.all = append(w.all, word)
	return nil
}

func (w *words) Snapshot() iter.Seq[string] { return slices.Values(w.all) }

func open(t *testing.T, e cluster.Engine, name string) (cluster.Log[string], *words) {
	t.Helper()
	w := &words{}
	log, err := cluster.Open(e, name, journal.Config[string]{Format: "words 1", Machine: w})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log, w
}

func TestALoneGatewayKeepsItsStatesInJournals(t *testing.T) {
	dir := t.TempDir()
	log, _ := open(t, cluster.Lone(dir), "words")
	seq, err := log.Propose(t.Context(), "a", journal.Options{})
	if err := errors.Join(err, log.AppliedByAll(t.Context(), seq), log.Barrier(t.Context()), log.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "words.journal")); err != nil {
		t.Error(err)
	}
	if _, w := open(t, cluster.Lone(dir), "words"); !slices.Equal(w.all, []string{"a"}) {
		t.Errorf("after a restart there is %q", w.all)
	}
}

func TestPartsAreAppliedInTurnUntilOneIsRefused(t *testing.T) {
	e := cluster.Lone("")
	first, one := open(t, e, "one")
	second, two := open(t, e, "two")
	var opts journal.Options
	if _, err := cluster.ProposeAll(t.Context(), first.Part("a", opts), second.Part("b", opts)); err != nil {
		t.Fatal(err)
	}
	if _, err := cluster.ProposeAll(t.Context(), first.Part("a", opts), second.Part("c", opts)); !errors.Is(err, errTaken) {
		t.Errorf("a word that is there: %v", err)
	}
	if !slices.Equal(one.all, []string{"a"}) || !slices.Equal(two.all, []string{"b"}) {
		t.Errorf("there are %q and %q", one.all, two.all)
	}
}
