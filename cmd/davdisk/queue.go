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
)

func queueCommand() *cli.Command {
	return &cli.Command{
		Name:        "queue",
		Usage:       "list the work that is still to be done at the stores",
		Description: "Times that clients have set and that are written a moment later, uploads of which nobody knows yet how they ended,\nand replacements that were interrupted. What serves or uses the remote next takes them up.",
		Flags:       []cli.Flag{jsonFlag()},
		Action: withSession(func(s *session) error {
			if _, err := arguments(s.c, 0, 0); err != nil {
				return err
			}
			jobs, err := pendingJobs(s.stateDir)
			if err != nil {
				return err
			}
			out := s.out()
			if s.c.Bool("json") {
				return writeJSON(out, jobs)
			}
			for _, j := range jobs {
				fmt.Fprintf(out, "%s  %s\n", out.Name(j.Journal), out.Name(j.Name))
			}
			return nil
		}),
	}
}

// job is one entry of a journal.
type job struct {
	Journal string          `json:"journal"` // which one, by its place in the state folder
	Name    string          `json:"name"`    // of the file or folder it is about
	Detail  json.RawMessage `json:"detail"`
}

// pendingJobs reads all journals below the state folder. The stores write files
// of JSON lines, each of which sets an entry by key or takes it away; the file
// system writes a file for each operation that it has begun.
func pendingJobs(stateDir string) ([]job, error) {
	jobs := []job{}
	if stateDir == "" {
		return jobs, nil
	}
	err := filepath.WalkDir(stateDir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(stateDir, path)
		if err != nil {
			return err
		}
		name, more := filepath.ToSlash(relative), []job(nil)
		switch {
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
	return []job{{name, operation.Target, data}}, nil
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
			jobs = append(jobs, job{name, line.Key, line.Value})
		}
	}
	return jobs, lines.Err()
}
