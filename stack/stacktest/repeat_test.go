package stacktest_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"tapestry/link/pcap"
	"tapestry/stack/stacktest"
)

// lab is what the runs repeat: 20 hosts on a switch, over wires that lose, delay and reorder. Each serves, asks its
// neighbour over TCP by IPv6 and the next one over UDP by IPv4, and pings it.
func lab(t *testing.T, n *stacktest.Net) {
	const hosts = 20
	var hs []*stacktest.Host
	for i := range hosts {
		hs = append(hs, n.Host(fmt.Sprintf("host%d", i)))
	}
	done := make(chan error)
	for i, h := range hs {
		serveEcho(t, h)
		go func() { done <- talk(h, hs[(i+1)%hosts], hs[(i+2)%hosts]) }() // ends when it has told done
	}
	for range hs {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func serveEcho(t *testing.T, h *stacktest.Host) {
	l, err := h.Listen("tcp", ":7")
	if err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the host
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { // ends with the connection
				defer c.Close()
				io.Copy(c, c)
			}()
		}
	}()
	p, err := h.ListenPacket("udp", ":7")
	if err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the host
		b := make([]byte, 2000)
		for {
			n, from, err := p.ReadFrom(b)
			if err != nil {
				return
			}
			p.WriteTo(b[:n], from)
		}
	}()
}

func talk(h, tcp, udp *stacktest.Host) error {
	c, err := h.Dial("tcp", net.JoinHostPort(tcp.Addr6().String(), "7"))
	if err != nil {
		return err
	}
	defer c.Close()
	u, err := h.Dial("udp", net.JoinHostPort(udp.Addr4().String(), "7"))
	if err != nil {
		return err
	}
	defer u.Close()
	sent, got := make([]byte, 20_000), make([]byte, 20_000)
	for i := range sent {
		sent[i] = byte(i)
	}
	for range 3 {
		hears(h, udp) // or is lost
		u.Write(sent[:100])
		if _, err := c.Write(sent); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(sent, got) {
			return fmt.Errorf("%s: echo differs, %v", h.Name(), err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil
}

const labImpair = "loss=2%,delay=5ms,jitter=2ms,reorder=1%"

// TestRepeats: the same seed gives the same capture, octet for octet. The soak test tries it a hundred times.
func TestRepeats(t *testing.T) { repeats(t, 5) }

func repeats(t *testing.T, runs int) {
	t.Helper()
	start := time.Now()
	first := capture(t, 1)
	if frames := countFrames(t, first); frames < 2000 {
		t.Errorf("the lab's capture has only %d frames", frames)
	}
	for i := 1; i < runs; i++ {
		if again := capture(t, 1); !bytes.Equal(first, again) {
			a, b := keep(t, "first", first), keep(t, "other", again)
			t.Fatalf("run %d of %d differs at octet %d of %d: compare %s and %s", i+1, runs, differsAt(first, again), len(first), a, b)
		}
	}
	t.Logf("%d of %d runs gave the same %d octets, sha256 %x, in %v", runs, runs, len(first), sha256.Sum256(first), time.Since(start))
	if bytes.Equal(first, capture(t, 2)) {
		t.Error("another seed gives the same run")
	}
}

func capture(t *testing.T, seed int64) (b []byte) {
	t.Helper()
	stacktest.Run(t, stacktest.Config{Seed: seed, Impair: labImpair}, func(t *testing.T, n *stacktest.Net) {
		lab(t, n)
		b = n.Capture()
		var lost, reordered uint64
		for _, h := range n.Hosts() {
			tx, _ := h.Wire()
			lost, reordered = lost+tx.Drops.Loss, reordered+tx.Reordered
		}
		if lost < 20 || reordered < 10 {
			t.Errorf("%d frames lost, %d reordered: the wires did not do what they were told", lost, reordered)
		}
	})
	if b == nil {
		t.FailNow()
	}
	return b
}

func differsAt(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

func countFrames(t *testing.T, b []byte) (n int) {
	t.Helper()
	r, err := pcap.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := r.Next(); err == io.EOF {
			return n
		} else if err != nil {
			t.Fatal(err)
		}
		n++
	}
}

// keep leaves a capture where a person finds it.
func keep(t *testing.T, name string, b []byte) string {
	f, err := os.CreateTemp("", "stacktest-"+name+"-*.pcapng")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.Write(b)
	return f.Name()
}
