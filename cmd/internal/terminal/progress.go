package terminal

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// A Progress is a line on a terminal that shows the progress of a transfer; on
// anything else it is silent. Its methods may be called by many goroutines.
type Progress struct {
	mu   sync.Mutex // guards the rest
	bar  *progressbar.ProgressBar
	size int64
}

// NewProgress begins a line on w.
func NewProgress(w io.Writer, what string) *Progress {
	p := &Progress{}
	if Is(w) {
		p.bar = progressbar.NewOptions64(0,
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetDescription(Escape(what)),
			progressbar.OptionShowBytes(true),
			progressbar.OptionShowTotalBytes(true),
			progressbar.OptionShowCount(), // or it would stand still until the next percent
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetWidth(20),
		)
	}
	return p
}

// NewCounter begins a line on w for a number of steps.
func NewCounter(w io.Writer, what string, steps int) *Progress {
	p := &Progress{}
	if Is(w) {
		p.bar = progressbar.NewOptions(steps, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(Escape(what)),
			progressbar.OptionShowCount(), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(20))
	}
	return p
}

// Notice writes a line to a terminal, and to nothing else, until it is cleared.
func Notice(w io.Writer, text string) (clear func()) {
	if !Is(w) {
		return func() {}
	}
	fmt.Fprint(w, text)
	return func() { fmt.Fprint(w, "\r\x1b[K") }
}

// Grow adds n bytes to the total.
func (p *Progress) Grow(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.size += n
		p.bar.ChangeMax64(p.size)
	}
}

// Add records that n bytes, or steps, were done.
func (p *Progress) Add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Add64(n) // it cannot be shown, which harms nobody
	}
}

// Close takes the line away.
func (p *Progress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
