package report

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Progress tells how far a run is: one line that changes on a terminal, a line a measurement elsewhere. Its methods may be
// called by any goroutine.
type Progress struct {
	w          io.Writer
	isTerminal bool
	width      int
	now        func() time.Time

	mu    sync.Mutex
	start time.Time
	shown bool // a line stands on the terminal
}

// NewProgress writes to w. Width is the terminal's, zero where it is none; a nil clock is the system's.
func NewProgress(w io.Writer, width int, now func() time.Time) *Progress {
	if now == nil {
		now = time.Now
	}
	return &Progress{w: w, isTerminal: width > 0, width: width, now: now, start: now()}
}

// Step says what was measured as the last of done measurements of total.
func (p *Progress) Step(done, total int, what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := fmt.Sprintf("%3d%%  %s", 100*done/max(total, 1), what)
	if left, ok := p.left(done, total); ok {
		line += "  (" + left.String() + " left)"
	}
	if !p.isTerminal {
		fmt.Fprintln(p.w, line)
		return
	}
	p.shown = true
	fmt.Fprint(p.w, "\r\x1b[K"+cut(line, p.width-1))
}

// left is the time to go at the pace so far, in whole seconds; unknown before the first measurement is done.
func (p *Progress) left(done, total int) (time.Duration, bool) {
	if done < 1 || total <= done {
		return 0, false
	}
	pace := p.now().Sub(p.start) / time.Duration(done)
	return (pace * time.Duration(total-done)).Round(time.Second), true
}

// Note prints a line that stays, as a skip.
func (p *Progress) Note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	fmt.Fprintf(p.w, format+"\n", args...)
}

// End takes the line away.
func (p *Progress) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

func (p *Progress) clear() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}

// cut leaves at most n characters of s.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:max(n, 0)])
	}
	return s
}
