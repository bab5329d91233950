package lab

import (
	"testing"

	"tapestry/apps/all"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// closing is a device that tells when it is closed.
type closing struct {
	link.Device
	closed *bool
}

// Close implements link.Device.
func (c closing) Close() error {
	*c.closed = true
	return c.Device.Close()
}

// TestWiresEndLast has what was made beside a device outlive it: a host that loses its wire reports a failure.
func TestWiresEndLast(t *testing.T) {
	p, err := LoadFile("", all.Apps)
	if err != nil {
		t.Fatal(err)
	}
	var closed, undone bool
	l, err := Start(p, Config{open: func(w *Wire, addr ethernet.Addr) (link.Device, chosen, func() error, error) {
		dev, c, undo, err := openPipe(w, addr)
		return closing{dev, &closed}, c, func() error {
			undone = closed
			return undo()
		}, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if !undone {
		t.Errorf("the wire went before its host's device was closed (closed in the end: %v)", closed)
	}
}
