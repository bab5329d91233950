package stacktest

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"tapestry/link"
	"tapestry/link/pcap"
	"tapestry/stack/dump"
)

// record is a frame that a station sent or was given.
type record struct {
	at    time.Time
	port  string
	dir   pcap.Direction
	frame link.Frame
	fate  string // why it goes no further; empty: it does, as far as the port knows
}

// capture remembers the latest frames of all ports. It is the loop's while that runs; others stop the world by
// [Net.Settle] first.
type capture struct {
	isOff   bool
	limit   int // octets
	size    int
	first   int // index of the oldest in records
	records []record
	lost    int // forgotten for the limit

	start     time.Time
	hasFailed func() bool // asked before each frame until it holds
	shown     int         // frames of a failure's trace
	failure   *failure
}

// failure is what led to the test's first failure. The frames after it, those of the hosts that close most of all, are
// in the capture alone.
type failure struct {
	frames int // that came before
	shown  int
	trace  string
}

func (c *capture) add(p *port, dir pcap.Direction, f []link.Frame) {
	if c.isOff {
		return
	}
	if c.failure == nil && c.hasFailed() {
		c.markFailure()
	}
	now := time.Now()
	for i := range f {
		c.records = append(c.records, record{at: now, port: p.station, dir: dir, frame: f[i].Clone()})
		c.size += f[i].Len()
	}
	for c.size > c.limit {
		r := &c.records[c.first]
		c.size -= r.frame.Len()
		r.frame.Release()
		*r = record{}
		c.first++
		c.lost++
	}
	if c.first > 4096 && c.first > len(c.records)/2 {
		n := copy(c.records, c.records[c.first:])
		clear(c.records[n:])
		c.records, c.first = c.records[:n], 0
	}
}

// mark tells the fate of the latest n frames, as far as they are remembered.
func (c *capture) mark(n int, fate string) {
	for i := max(c.first, len(c.records)-n); i < len(c.records); i++ {
		c.records[i].fate = ", " + fate
	}
}

// markFailure takes the trace of what has been so far.
func (c *capture) markFailure() {
	held := len(c.records) - c.first
	f := &failure{frames: c.lost + held, shown: min(held, max(0, c.shown))}
	if f.shown > 0 {
		f.trace = c.trace(c.start, f.shown)
	}
	c.failure = f
}

// each calls f with the latest count frames, all if count is negative, finished as a wire has them.
func (c *capture) each(count int, f func(r *record, b []byte) error) error {
	records := c.records[c.first:]
	if count >= 0 {
		records = records[max(0, len(records)-count):]
	}
	var b []byte
	for i := range records {
		r := &records[i]
		_ = link.FinishChecksum(&r.frame) // one with bogus offsets is shown as it is
		b = r.frame.AppendTo(b[:0])
		if err := f(r, b); err != nil {
			return err
		}
	}
	return nil
}

func (c *capture) writeTo(w io.Writer) error {
	p, err := pcap.NewWriter(w, 0)
	if err != nil {
		return err
	}
	return c.each(-1, func(r *record, b []byte) error {
		return p.Write(pcap.Packet{Time: r.at, Data: b, Length: len(b), Interface: r.port, Direction: r.dir})
	})
}

// trace gives the latest frames as text, with the time since start.
func (c *capture) trace(start time.Time, count int) string {
	var s strings.Builder
	c.each(count, func(r *record, b []byte) error {
		fmt.Fprintf(&s, "%+.6fs %s %s%s\n", r.at.Sub(start).Seconds(), r.port, r.dir, r.fate)
		for l := range strings.Lines(dump.Frame(b)) {
			s.WriteString("\t" + l)
		}
		s.WriteByte('\n')
		return nil
	})
	return s.String()
}

// remarks say what a reader of the file should know of it.
func (c *capture) remarks() string {
	var s string
	held := len(c.records) - c.first
	if before := c.failure.frames - c.lost; before < held {
		s = fmt.Sprintf("; from frame %d on after the failure", max(before, 0)+1)
	}
	if c.lost > 0 {
		s += fmt.Sprintf("; without the first %d frames, see Config.CaptureBytes", c.lost)
	}
	return s
}

func (c *capture) release() {
	for i := range c.records[c.first:] {
		c.records[c.first+i].frame.Release()
	}
	c.records, c.first, c.size = nil, 0, 0
}

// Capture gives what the stations sent and were given up to this instant, as a pcapng file with one interface a port:
// what is lost on the way is there as sent only.
func (n *Net) Capture() []byte {
	n.t.Helper()
	n.Settle()
	var b bytes.Buffer
	if err := n.capture.writeTo(&b); err != nil {
		n.t.Errorf("stacktest: capture: %v", err)
	}
	return b.Bytes()
}

// Trace gives the latest count frames as text. A frame that the wire from its station loses is marked; one that is lost on the
// way from the segment to a station is there as sent only.
func (n *Net) Trace(count int) string {
	n.Settle()
	return n.capture.trace(n.loop.start, count)
}
