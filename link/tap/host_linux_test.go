package tap

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"tapestry/stack"
)

// TestHost has the kernel talk TCP with a host of ours on a device with everything on: two queues, steering, a filter.
// A connection has one queue, for both directions, and nothing is lost on the way.
func TestHost(t *testing.T) {
	d := withKernel(t, Config{Queues: 2, Accept: &Accept{}})
	h, err := stack.New(stack.Config{Name: "station"})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	addrs := []netip.Prefix{netip.PrefixFrom(station4, 24), netip.PrefixFrom(station6, 64)}
	if _, err := h.AddInterface(d, stack.InterfaceConfig{Addresses: addrs}); err != nil {
		t.Fatal(err)
	}
	l, err := h.Listen("tcp", ":7")
	if err != nil {
		t.Fatal(err)
	}
	go echoTCP(l)
	var used [2]int
	for i := range 16 {
		used[oneQueue(t, d, netip.AddrPortFrom([]netip.Addr{station4, station6}[i%2], 7).String())]++
	}
	if used[0] == 0 || used[1] == 0 {
		t.Errorf("connections on the queues: %v, want some on each", used)
	}
	if s := d.Stats(); s.RxDropped+s.TxDropped > 0 || s.RxGSO == 0 || s.TxGSO == 0 {
		t.Errorf("Stats = %+v, want super-frames and no drops", s)
	}
}

// echoTCP echoes until its listener is closed.
func echoTCP(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			io.Copy(c, c)
		}()
	}
}

// oneQueue sends and reads back some octets and gives the queue that carried them, both ways.
func oneQueue(t *testing.T, d *Device, address string) int {
	t.Helper()
	before := d.QueueStats()
	c, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	want := pattern(1 << 20)
	go func() {
		c.Write(want)
		c.(*net.TCPConn).CloseWrite()
	}()
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d octets came back, %v, want %d, the same", len(got), err, len(want))
	}
	var in, out [2]uint64
	for q, s := range d.QueueStats() {
		in[q], out[q] = s.RxBytes-before[q].RxBytes, s.TxBytes-before[q].TxBytes
	}
	queue := 0
	if in[1] > in[0] {
		queue = 1
	}
	// The kernel's answers to neighbour discovery and its reports of groups are short.
	if d.Help().Steering.By == Program && in[1-queue] > 10_000 {
		t.Errorf("a connection's octets came in on both queues: %v", in)
	}
	if out[1-queue] > 10_000 {
		t.Errorf("a connection came in on queue %d and left by the other: %v", queue, out)
	}
	return queue
}
