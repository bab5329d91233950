//go:build linux

package bench

import (
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	"tapestry/bench/report"
)

// TestHolder holds that connections are counted, cost no goroutine, and are dropped when told.
func TestHolder(t *testing.T) {
	l := newMemoryListener()
	defer l.Close()
	var h holder
	go h.hold(l)
	before := h.count()
	const n = 50
	var ends []net.Conn
	for range n {
		c, err := l.Dial("tcp", "")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ends = append(ends, c)
	}
	control, far := net.Pipe()
	defer control.Close()
	go h.answer(far)
	got := ask(t, control, 'c')
	for range 100 { // the last one may still be on its way into the table
		if got.Held == n {
			break
		}
		got = ask(t, control, 'c')
	}
	if got.Held != n || got.Live == 0 || got.Resident == 0 {
		t.Errorf("%+v, want %d connections and the memory", got, n)
	}
	if more := got.Goroutines - before.Goroutines; more > 2 {
		t.Errorf("%d goroutines more for %d connections", more, n)
	}
	if got = ask(t, control, 'x'); got.Held != 0 {
		t.Errorf("%d connections are held after they were dropped", got.Held)
	}
	ends[0].SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := ends[0].Read(make([]byte, 1)); err == nil {
		t.Error("a dropped connection is still open")
	}
}

func ask(t *testing.T, c net.Conn, what byte) (n census) {
	t.Helper()
	if _, err := c.Write([]byte{what}); err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(c).Decode(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestIdlerShare(t *testing.T) {
	i := &idler{isKernel: true, count: 100, empty: census{Live: 1 << 20, Stacks: 4096, Goroutines: 9}}
	i.full = census{Live: 1<<20 + 100*6<<10, Stacks: 4096 + 100<<10, Goroutines: 9, Resident: 700 << 10}
	if got := i.each(); got != 7 {
		t.Errorf("%v KiB each, want 7", got)
	}
	i.isKernel = false // both ends are in the process
	if got := i.each(); got != 3.5 {
		t.Errorf("%v KiB for each of two ends, want 3.5", got)
	}
	for _, want := range []report.Counter{{Name: "connections", Value: "100"}, {Name: "goroutines_per_connection", Value: "0.0000"}} {
		found := false
		for _, c := range i.proof() {
			found = found || c == want
		}
		if !found {
			t.Errorf("proof %v lacks %v", i.proof(), want)
		}
	}
}

func TestAskWithoutEnd(t *testing.T) {
	i := &idler{control: script{strings.NewReader(strings.Repeat("x", 600))}}
	if n, err := i.ask('c'); err == nil {
		t.Errorf("a census of 600 octets without an end gives %+v", n)
	}
}
