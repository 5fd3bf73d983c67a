package cmd

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/vfs"
)

func (p program) queueCommand() *cli.Command {
	return &cli.Command{
		Name:        "queue",
		Usage:       "list pending uploads and other pending changes",
		Description: "Files that 'serve --write-back' has taken and not stored yet, times that clients have set and that are written a moment later,\nuploads of which nobody knows yet how they ended, and replacements that were interrupted. What serves or uses the remote next takes them up.",
		Flags: []cli.Flag{
			jsonFlag(),
			textFlag("drop", "", "discard the pending upload `NAME` of 'serve --write-back': its content is lost"),
			yesFlag(),
		},
		Action: p.withSession(func(s *session, args []string) error {
			jobs, err := pendingJobs(s.stateDir)
			if err != nil {
				return err
			}
			if s.c.IsSet("drop") {
				return s.dropQueued(jobs, s.c.String("drop"))
			}
			out := s.out()
			if s.c.Bool("json") {
				return writeJSON(out, jobs)
			}
			for _, j := range jobs {
				fmt.Fprintf(out, "%s  %s%s\n", out.Name(j.Journal), out.Name(j.Name), out.Name(j.state(s.lang)))
			}
			return nil
		}),
	}
}

// dropQueued forgets one file that waits to be stored.
func (s *session) dropQueued(jobs []job, name string) error {
	var found []job
	for _, j := range jobs {
		if j.queued != nil && (j.Name == name || j.Journal+"/"+j.Name == name) {
			found = append(found, j)
		}
	}
	switch {
	case len(found) == 0:
		return backend.PathError("drop", name, fs.ErrNotExist, "no file of that name waits to be stored")
	case len(found) > 1:
		return misuse("files of that name wait in several shares; write %s/%s, or another", found[0].Journal, name)
	}
	question := s.lang.Sprintf("lose the content of %q, %s, for good?", found[0].Name, terminal.Size(found[0].queued.Size))
	if err := s.confirm(question); err != nil {
		return err
	}
	return vfs.DropQueued(filepath.Join(s.stateDir, filepath.Dir(filepath.FromSlash(found[0].Journal))), found[0].queued.ID)
}

// job is one entry of a journal.
type job struct {
	Journal string          `json:"journal"` // which one, by its place in the state folder
	Name    string          `json:"name"`    // of the file or folder it is about
	Detail  json.RawMessage `json:"detail"`

	queued *vfs.Queued // if it is a file that waits to be stored
}

// state describes the state of a pending file for people.
func (j job) state(lang language.Language) string {
	if j.queued == nil {
		return ""
	}
	text := lang.Sprintf("  %s since %s", terminal.Size(j.queued.Size), j.queued.Since.Local().Format("2006-01-02 15:04:05"))
	if j.queued.Error != "" {
		text += lang.Sprintf(", tried %d times: %s", j.queued.Tries, j.queued.Error)
	}
	return text
}

// pendingJobs reads all journals below the state folder, of this version and of
// version 1 where nothing has carried them over yet. The file system has a folder
// for files that wait to be stored, too.
func pendingJobs(stateDir string) ([]job, error) {
	jobs := []job{}
	if stateDir == "" {
		return jobs, nil
	}
	err := filepath.WalkDir(stateDir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(stateDir, path)
		if err != nil {
			return err
		}
		name, more := filepath.ToSlash(relative), []job(nil)
		switch {
		case entry.IsDir() && entry.Name() == "vfs":
			more, err = readQueue(path, name)
		case entry.IsDir():
		case strings.HasSuffix(name, ".journal"):
			more, err = readJournal(path, strings.TrimSuffix(name, ".journal"))
		case strings.HasSuffix(name, ".jsonl"):
			more, err = readEarlierJournal(path, strings.TrimSuffix(name, ".jsonl"))
		case strings.HasSuffix(name, ".json") && filepath.Base(filepath.Dir(path)) == "unfinished":
			more, err = readUnfinished(path, filepath.ToSlash(filepath.Dir(relative)))
		}
		jobs = append(jobs, more...)
		return err
	})
	return jobs, err
}

// readQueue reads what waits in the state folder of a file system.
func readQueue(path, name string) ([]job, error) {
	files, err := vfs.ReadQueue(path)
	if err != nil {
		return nil, err
	}
	var jobs []job
	for _, f := range files {
		detail, err := json.Marshal(f)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, job{Journal: name + "/queue", Name: f.Name, Detail: detail, queued: &f})
	}
	return jobs, nil
}

// readJournal reads one of the journals of work that is still to be done; there
// are others beside them.
func readJournal(path, name string) ([]job, error) {
	for _, what := range []string{"unfinished", "uploads", "times"} {
		if base := filepath.Base(name); base == what || strings.HasPrefix(base, what+"-") {
			entries, err := journal.ReadMap[json.RawMessage](path, "davdisk "+what+" 1")
			return jobsOf(name, entries), err
		}
	}
	return nil, nil
}

func readEarlierJournal(path, name string) ([]job, error) {
	entries, err := journal.ReadEarlierMap[json.RawMessage](path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // done, or carried over, meanwhile
	}
	return jobsOf(name, entries), err
}

func readUnfinished(path, name string) ([]job, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // done, or carried over, meanwhile
	}
	if err == nil && !json.Valid(data) {
		err = language.Errorf("%s is damaged", path)
	}
	return jobsOf(name, map[string]json.RawMessage{"": data}), err
}

// jobsOf are the jobs that a journal holds, by name. Its keys are names, but for
// operations that have two of their own.
func jobsOf(name string, entries map[string]json.RawMessage) []job {
	var jobs []job
	for key, detail := range entries {
		var operation struct{ Target, Hidden string }
		if json.Unmarshal(detail, &operation) == nil {
			key = cmp.Or(operation.Target, operation.Hidden, key)
		}
		jobs = append(jobs, job{Journal: name, Name: key, Detail: detail})
	}
	slices.SortFunc(jobs, func(a, b job) int { return strings.Compare(a.Name, b.Name) })
	return jobs
}
