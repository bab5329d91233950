package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"tapestry/link"
	"tapestry/link/impair"
	"tapestry/link/segment"
)

// dialTime is how long a connection may take: a lossy wire loses SYNs too.
const dialTime = 15 * time.Second

// sender and receiver are the stations' addresses; every wire has its own segment, so that all may have the same.
var (
	sender   = netip.MustParsePrefix("198.51.100.1/24")
	receiver = netip.MustParsePrefix("198.51.100.2/24")
)

// wire is a segment with its two stations.
type wire struct {
	segment  *segment.Segment
	from, to station
	start    time.Time // of the impairment's own time
}

// openWire makes the wire of a scenario's round for a pair. The sender's port is the one that is impaired.
func openWire(s scenario, p pair, round int) (w *wire, err error) {
	c, err := s.config(round)
	if err != nil {
		return nil, err
	}
	w = &wire{}
	if w.segment, err = segment.New(segment.Config{Name: "wire"}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.to, err = p.to.open(w.segment, plain, receiver); err != nil {
		return nil, fmt.Errorf("receiver %s: %w", p.to.name, err)
	}
	w.start = time.Now()
	w.from, err = p.from.open(w.segment, w.impaired(c, round), sender)
	if err != nil {
		return nil, fmt.Errorf("sender %s: %w", p.from.name, err)
	}
	return w, nil
}

func plain(dev link.Device) (link.Device, error) { return dev, nil }

// impaired wraps a station's device; the round is the seed.
func (w *wire) impaired(c impair.Config, round int) wrapper {
	return func(dev link.Device) (link.Device, error) {
		return impair.New(dev, impair.DeviceConfig{Tx: c, Rx: c, Seed: int64(round) + 1})
	}
}

func (w *wire) close() {
	for _, s := range []station{w.from, w.to} {
		if s != nil {
			s.Close()
		}
	}
	w.segment.Close()
}

// transfer sends for the scenario's length and gives what the receiver read.
func (w *wire) transfer(s scenario) (*trace, error) {
	l, err := w.to.Listen("tcp", netip.AddrPortFrom(receiver.Addr(), 9).String())
	if err != nil {
		return nil, err
	}
	defer l.Close()
	type result struct {
		t   *trace
		err error
	}
	done := make(chan result, 1)
	go func() {
		t, err := receive(l, s.length)
		done <- result{t, err}
	}()
	sendErr := w.send(s.length)
	l.Close() // ends an Accept that nobody came for
	r := <-done
	return r.t, errors.Join(sendErr, r.err)
}

// send writes for d. What is in flight then is of no interest.
func (w *wire) send(d time.Duration) error {
	c, err := w.from.Dial("tcp", netip.AddrPortFrom(receiver.Addr(), 9).String())
	if err != nil {
		return err
	}
	defer c.Close()
	block := make([]byte, 64<<10)
	start := time.Now()
	c.SetDeadline(start.Add(d))
	for {
		_, err := c.Write(block)
		switch {
		case isEnd(err, start, d):
			return nil
		case err != nil:
			return fmt.Errorf("the sender after %v: %w", time.Since(start).Round(time.Millisecond), err)
		}
	}
}

// receive reads one connection for d.
func receive(l net.Listener, d time.Duration) (*trace, error) {
	c, err := l.Accept()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	t := &trace{start: time.Now()}
	c.SetDeadline(t.start.Add(d))
	block := make([]byte, 256<<10)
	for {
		n, err := c.Read(block)
		t.add(time.Now(), n)
		switch {
		case isEnd(err, t.start, d):
			t.length = d
			return t, nil
		case err != nil:
			return nil, fmt.Errorf("the receiver after %v: %w", time.Since(t.start).Round(time.Millisecond), err)
		}
	}
}

// isEnd reports whether err ends a transfer as meant: at its time, or a little earlier by the peer, who began earlier.
func isEnd(err error, start time.Time, d time.Duration) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || err != nil && time.Since(start) > d-time.Second/2
}
