package main

import (
	"bufio"
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
	"github.com/davdisk/davdisk/cmd/davdisk/internal/terminal"
	"github.com/davdisk/davdisk/vfs"
)

func queueCommand() *cli.Command {
	return &cli.Command{
		Name:        "queue",
		Usage:       "list the work that is still to be done at the stores",
		Description: "Files that 'serve --write-back' has taken and not stored yet, times that clients have set and that are written a moment later,\nuploads of which nobody knows yet how they ended, and replacements that were interrupted. What serves or uses the remote next takes them up.",
		Flags: []cli.Flag{
			jsonFlag(),
			textFlag("drop", "", "give up the file of this `NAME` that 'serve --write-back' has taken: its content is lost"),
			yesFlag(),
		},
		Action: withSession(func(s *session) error {
			if _, err := arguments(s.c, 0, 0); err != nil {
				return err
			}
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
				fmt.Fprintf(out, "%s  %s%s\n", out.Name(j.Journal), out.Name(j.Name), out.Name(j.state()))
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
	question := fmt.Sprintf("lose the content of %q, %s, for good?", found[0].Name, terminal.Size(found[0].queued.Size))
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

// state tells a person how it stands with a file that waits.
func (j job) state() string {
	if j.queued == nil {
		return ""
	}
	text := fmt.Sprintf("  %s since %s", terminal.Size(j.queued.Size), j.queued.Since.Local().Format("2006-01-02 15:04:05"))
	if j.queued.Error != "" {
		text += fmt.Sprintf(", tried %d times: %s", j.queued.Tries, j.queued.Error)
	}
	return text
}

// pendingJobs reads all journals below the state folder. The stores write files
// of JSON lines, each of which sets an entry by key or takes it away; the file
// system writes a file for each operation that it has begun, and has a folder
// for files that wait to be stored.
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
		case strings.HasSuffix(name, ".jsonl"):
			more, err = readJournal(path, strings.TrimSuffix(name, ".jsonl"))
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

func readUnfinished(path, name string) ([]job, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // done meanwhile
	}
	var operation struct{ Target, Hidden string }
	if err == nil {
		err = json.Unmarshal(data, &operation)
	}
	if err != nil {
		return nil, err
	}
	if operation.Target == "" {
		operation.Target = operation.Hidden
	}
	return []job{{Journal: name, Name: operation.Target, Detail: data}}, nil
}

func readJournal(path, name string) ([]job, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // done meanwhile
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var jobs []job
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			Key   string          `json:"key"`
			Value json.RawMessage `json:"value"`
		}
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			continue // the last line of a process that was killed
		}
		jobs = slices.DeleteFunc(jobs, func(j job) bool { return j.Name == line.Key })
		if len(line.Value) > 0 {
			jobs = append(jobs, job{Journal: name, Name: line.Key, Detail: line.Value})
		}
	}
	return jobs, lines.Err()
}
