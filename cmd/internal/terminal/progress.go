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
	stop    chan struct{} // closed by Close; nil without a line
	showing sync.WaitGroup
	words   func(done, of int) string

	mu    sync.Mutex // guards the rest
	bar   *progressbar.ProgressBar
	files int // done
	of    int
	bytes int64
}

// showEvery is how often the line is shown again while nothing happens: the bar
// leaves out what comes soon after something else.
const showEvery = 200 * time.Millisecond

// NewProgress begins a line on w for a number of files with so many bytes in
// them: how many are done, in the words of count, the rate, and the time that is
// left.
func NewProgress(w io.Writer, files int, bytes int64, count func(done, of int) string) *Progress {
	p := &Progress{of: files, bytes: bytes, words: count}
	if Is(w) && files > 0 {
		p.bar = progressbar.NewOptions64(bytes,
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetDescription(p.count()),
			progressbar.OptionShowBytes(true),
			progressbar.OptionUseIECUnits(true),
			progressbar.OptionShowTotalBytes(true),
			progressbar.OptionShowCount(), // or it would stand still until the next percent
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetWidth(20),
		)
		p.stop = make(chan struct{})
		p.showing.Go(p.show)
	}
	return p
}

// show shows the line until Close.
func (p *Progress) show() {
	tick := time.NewTicker(showEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
			p.mu.Lock()
			p.bar.Describe(p.count())
			p.mu.Unlock()
		}
	}
}

func (p *Progress) count() string { return p.words(p.files, p.of) }

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

// Grow adds files with n bytes to the total.
func (p *Progress) Grow(files int, n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of += files
	p.bytes += n
	if p.bar != nil {
		p.bar.ChangeMax64(p.bytes)
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

// File records that one more file is done.
func (p *Progress) File() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.files++
}

// Close takes the line away.
func (p *Progress) Close() {
	if p.stop != nil {
		close(p.stop)
		p.showing.Wait()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
