package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"
)

// Sizes of a request and its answer: so small that the end of each is the end of a flight, where a loss is seen last.
const (
	requestSize = 200
	answerSize  = 8 << 10
)

// requests asks one after the other over one connection for the scenario's length; the sender is who answers. It gives
// how long each took.
func (w *wire) requests(s scenario) ([]time.Duration, error) {
	l, err := w.from.Listen("tcp", netip.AddrPortFrom(sender.Addr(), 80).String())
	if err != nil {
		return nil, err
	}
	defer l.Close()
	done := make(chan error, 1)
	go func() { done <- answer(l, s.length+dialTime) }()
	c, err := w.to.Dial("tcp", l.Addr().String())
	if err != nil {
		l.Close()
		return nil, errors.Join(err, <-done)
	}
	took, err := ask(c, s.length)
	c.Close()
	return took, errors.Join(err, <-done)
}

func ask(c net.Conn, d time.Duration) (took []time.Duration, err error) {
	request, reply := make([]byte, requestSize), make([]byte, answerSize)
	end := time.Now().Add(d)
	c.SetDeadline(end.Add(30 * time.Second)) // the last answer is waited for: it may be the longest
	for start := time.Now(); start.Before(end); start = time.Now() {
		if _, err := c.Write(request); err != nil {
			return nil, fmt.Errorf("request: %w", err)
		}
		if _, err := io.ReadFull(c, reply); err != nil {
			return nil, fmt.Errorf("answer: %w", err)
		}
		took = append(took, time.Since(start))
	}
	return took, nil
}

// answer serves one connection until the peer ends it.
func answer(l net.Listener, d time.Duration) error {
	c, err := l.Accept()
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(d + 30*time.Second))
	request, reply := make([]byte, requestSize), make([]byte, answerSize)
	for {
		if _, err := io.ReadFull(c, request); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("answering: %w", err)
		}
		if _, err := c.Write(reply); err != nil {
			return fmt.Errorf("answering: %w", err)
		}
	}
}

// percentile is the time that p in a hundred do not exceed.
func percentile(took []time.Duration, p int) time.Duration {
	if len(took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(took))
	return sorted[(len(sorted)-1)*p/100]
}
