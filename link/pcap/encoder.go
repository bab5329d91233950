package pcap

import (
	"fmt"
	"io"
)

// Writer writes frames that come from elsewhere than a device: the counterpart of [Reader].
type Writer struct {
	w      io.Writer
	snap   int
	ifaces map[string]int
	buf    []byte
}

// NewWriter begins a pcapng file. Frames are cut to snap octets; 0 means 262144. Each Write of w has whole blocks, so that a
// pipe's reader follows.
func NewWriter(w io.Writer, snap int) (*Writer, error) {
	c, _ := Config{Path: "-", SnapLen: snap}.withDefaults()
	e := &Writer{w: w, snap: c.SnapLen, ifaces: map[string]int{}}
	return e, e.flush(appendSection(nil))
}

// Write writes a frame. An interface is described when its name is first seen.
func (e *Writer) Write(p Packet) error {
	b := e.buf[:0]
	id, ok := e.ifaces[p.Interface]
	if !ok {
		if len(e.ifaces) == maxInterfaces {
			return fmt.Errorf("pcap: more than %d interfaces in one file", maxInterfaces)
		}
		id = len(e.ifaces)
		b = appendInterface(b, p.Interface, e.snap)
	}
	n := min(len(p.Data), e.snap)
	b = appendEnhanced(b, id, p.Time, p.Direction, n, max(p.Length, len(p.Data)), func(b []byte) []byte {
		return append(b, p.Data[:n]...)
	})
	e.buf = b
	if err := e.flush(b); err != nil {
		return err
	}
	e.ifaces[p.Interface] = id
	return nil
}

func (e *Writer) flush(b []byte) error {
	if _, err := e.w.Write(b); err != nil {
		return fmt.Errorf("pcap: %w", err)
	}
	return nil
}
