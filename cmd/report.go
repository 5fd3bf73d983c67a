package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
	"github.com/davdisk/davdisk/cmd/internal/transfer"
)

// A report tells what a command that copies does: by a line on a terminal, by
// events for scripts, by a sum at the end.
type report struct {
	s        *session
	progress *terminal.Progress
	began    time.Time
	total    sum // of what is to be copied
	did      sum
	same     int
	folders  int
	deleted  int
	errs     []error
	summed   bool
	unnoted  *task // its folder is new, and the same command would copy into that
}

// sum is a number of files, and the bytes in them.
type sum struct {
	files int
	bytes int64
}

// eventJSON is one event of --json. What does not concern the event is left out.
type eventJSON struct {
	Event       string   `json:"event"`
	From        string   `json:"from,omitempty"`
	Path        string   `json:"path,omitempty"`
	Size        *int64   `json:"size,omitempty"`
	By          string   `json:"by,omitempty"`
	Error       string   `json:"error,omitempty"`
	Files       *int     `json:"files,omitempty"`
	Bytes       *int64   `json:"bytes,omitempty"`
	Same        *int     `json:"same,omitempty"`
	Deleted     *int     `json:"deleted,omitempty"`
	Errors      *int     `json:"errors,omitempty"`
	Seconds     *float64 `json:"seconds,omitempty"`
	Interrupted bool     `json:"interrupted,omitempty"`
}

func (s *session) newReport(tasks []*task) *report {
	r := &report{s: s, began: time.Now()}
	for _, j := range tasks {
		if j.plan != nil {
			r.total.files += j.plan.Files
			r.total.bytes += j.plan.Bytes
		}
	}
	r.event(eventJSON{Event: "plan", Files: &r.total.files, Bytes: &r.total.bytes})
	if !s.c.Bool("dry-run") {
		r.progress = terminal.NewProgress(s.c.App.ErrWriter, r.total.files, r.total.bytes, func(done, of int) string {
			return s.lang.Sprintf("%d of %d files", done, of)
		})
	}
	return r
}

// grow adds a plan that was made late.
func (r *report) grow(p *transfer.Plan) {
	r.total.files += p.Files
	r.total.bytes += p.Bytes
	r.progress.Grow(p.Files, p.Bytes)
}

// event prints one line of --json.
func (r *report) event(e eventJSON) {
	if !r.s.c.Bool("json") {
		return
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err == nil {
		_, err = io.WriteString(r.s.out(), terminal.EscapeJSON(text.String()))
		if err != nil {
			r.errs = append(r.errs, err)
		}
	}
}

func (r *report) moved(n int64) { r.progress.Add(n) }

// done notes a step of a plan.
func (r *report) done(j *task, step transfer.Step) {
	switch step.Kind {
	case transfer.Same:
		r.same++
	case transfer.MakeFolder:
		r.folders++
	case transfer.Delete:
		r.deleted++
	default:
		r.did.files++
		r.did.bytes += step.From.Size
		r.progress.File()
	}
	e := stepEvent(j, step)
	r.s.log.Info(e.Event, "from", e.From, "path", e.Path)
	r.event(e)
}

// stepEvent describes a step.
func stepEvent(j *task, step transfer.Step) eventJSON {
	e := eventJSON{Event: string(step.Kind), Path: j.to.side().In(step.Name).Address, By: string(step.By)}
	if step.Kind != transfer.Delete {
		e.From = j.from.side().In(step.Name).Address
	}
	if !step.From.Dir && step.Kind != transfer.Delete {
		e.Size = &step.From.Size
	}
	return e
}

// direct notes what the store did by itself.
func (r *report) direct(j *task, err error) {
	if err == nil {
		r.event(eventJSON{Event: j.verb, From: j.from.address, Path: j.to.address})
	}
}

// failed notes an error, which is printed when the program ends.
func (r *report) failed(err error) {
	r.errs = append(r.errs, err)
	for _, one := range separate(err) {
		r.event(eventJSON{Event: "error", Error: sentence(language.Language{}, one)})
	}
}

// end tells the sum, and returns the errors.
func (r *report) end(interrupted bool) error {
	r.progress.Close()
	failures, seconds := len(r.errs), time.Since(r.began).Seconds()
	r.event(eventJSON{
		Event: "end", Files: &r.did.files, Bytes: &r.did.bytes, Same: &r.same, Deleted: &r.deleted,
		Errors: &failures, Seconds: &seconds, Interrupted: interrupted,
	})
	if r.summed && !interrupted && !r.s.c.Bool("json") && !r.s.c.Bool("quiet") {
		fmt.Fprintln(r.s.out(), r.summary())
	}
	if interrupted {
		r.errs = append([]error{interruption{r.interrupted()}}, r.errs...)
	}
	return errors.Join(r.errs...)
}

// interrupted says what was done before an interruption.
func (r *report) interrupted() language.Phrase {
	deleted := language.Say("")
	if r.deleted > 0 {
		deleted = language.Say(", %d deleted", r.deleted)
	}
	on := language.Say("the same command goes on from there")
	if r.unnoted != nil {
		on = language.Say("'davdisk sync' of %q to %q goes on from there", r.unnoted.from.address, r.unnoted.to.address)
	}
	return language.Say("interrupted: %d of %s copied (%s of %s)%s; %s", r.did.files, counted(r.total.files, "file"),
		terminal.Size(r.did.bytes), terminal.Size(r.total.bytes), deleted, on)
}

// summary is the sum in words.
func (r *report) summary() string {
	lang := r.s.lang
	text := lang.Sprintf("%s copied (%s)", counted(r.did.files, "file"), terminal.Size(r.did.bytes))
	if r.folders > 0 {
		text += lang.Sprintf(", %s made", counted(r.folders, "folder"))
	}
	text += lang.Sprintf(", %d the same", r.same)
	if r.deleted > 0 {
		text += lang.Sprintf(", %d deleted", r.deleted)
	}
	return text
}

// dryRun prints what tasks would do, and returns what would go wrong.
func (r *report) dryRun(tasks []*task) (errs []error) {
	out := r.s.out()
	line := func(verb, address string, size *int64) {
		if r.s.c.Bool("json") {
			return
		}
		note := ""
		if size != nil {
			note = "  (" + terminal.Size(*size) + ")"
		}
		r.s.lang.Fprintf(out, "%-11s  %s%s\n", r.s.lang.Text(verb), out.Name(address), note)
	}
	for _, j := range tasks {
		if j.plan == nil {
			line(j.verb, j.to.address, nil)
			r.direct(j, nil)
			continue
		}
		for _, step := range j.plan.Steps {
			e := stepEvent(j, step)
			r.event(e)
			if step.Kind != transfer.Same {
				line(e.Event, e.Path, e.Size)
			}
		}
		errs = append(errs, j.plan.Errs...)
	}
	return errs
}

// interruption is the end by a signal, with what was done before it.
type interruption struct{ language.Phrase }

func (i interruption) Error() string { return i.String() }

func (interruption) Unwrap() error { return context.Canceled }
