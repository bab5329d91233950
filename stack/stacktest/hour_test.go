package stacktest_test

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"tapestry/stack/stacktest"
)

// TestHour: an hour in the life of 100 hosts, each with a connection to its neighbour on which it sends a message every
// 15 s and gets it back. It prints how long that took; it must not depend on it.
func TestHour(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: an hour of 100 hosts takes seconds")
	}
	const hosts, length, every = 100, time.Hour, 15 * time.Second
	start := time.Now()
	exchanges, frames := 0, uint64(0)
	var inside time.Duration
	stacktest.Run(t, stacktest.Config{NoCapture: true, Impair: "delay=1ms"}, func(t *testing.T, n *stacktest.Net) {
		var hs []*stacktest.Host
		for i := range hosts {
			hs = append(hs, n.Host(fmt.Sprintf("host%d", i)))
			serveEcho(t, hs[i])
		}
		done := make(chan result)
		for i, h := range hs {
			go func() { // ends when it has told done
				k, err := messages(h, hs[(i+1)%hosts], length, every)
				done <- result{k, err}
			}()
		}
		for range hs {
			r := <-done
			if r.err != nil {
				t.Error(r.err)
			}
			exchanges += r.exchanges
		}
		for _, h := range hs {
			tx, _ := h.Wire()
			frames += tx.Frames
		}
		inside = n.Elapsed()
	})
	if want := hosts * int(length/every); exchanges != want {
		t.Errorf("%d exchanges, want %d", exchanges, want)
	}
	took := time.Since(start)
	t.Logf("%v of %d hosts, %d exchanges, %d frames sent, in %v: %.0f times as fast as time", inside, hosts, exchanges, frames, took, inside.Seconds()/took.Seconds())
}

type result struct {
	exchanges int
	err       error
}

func messages(from, to *stacktest.Host, length, every time.Duration) (n int, err error) {
	c, err := from.Dial("tcp", net.JoinHostPort(to.Addr4().String(), "7"))
	if err != nil {
		return 0, err
	}
	defer c.Close()
	b := make([]byte, 64)
	for end := time.Now().Add(length); time.Now().Before(end); time.Sleep(every) {
		if _, err := c.Write(b); err != nil {
			return n, err
		}
		if _, err := io.ReadFull(c, b); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
