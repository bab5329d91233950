package spx

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

// transfer moves octets through a world, from a to b, and gives the hash of the data that arrived and that of every
// packet with its time. No message is longer than said.
func transfer(t *testing.T, seed uint64, octets, message int, im impairment, c ...Config) (_, _ string, _ *world) {
	t.Helper()
	w := newWorld(t, seed, c...)
	w.impair = im
	a, b := w.pair()
	src := rand.New(rand.NewPCG(seed, 2))
	var (
		pending []byte
		left    = octets
		sent    = sha256.New()
		got     = sha256.New()
		buf     = make([]byte, 8192)
		ended   bool
	)
	w.after = func() {
		w.at(0)
		for a.state == stateEstablished && !a.closing && (left > 0 || len(pending) > 0) {
			if len(pending) == 0 {
				pending = make([]byte, 0, message+8)
				for range 1 + message/8 {
					pending = binary.LittleEndian.AppendUint64(pending, src.Uint64())
				}
				pending = pending[:min(left, 1+src.IntN(message))]
				sent.Write(pending)
				left -= len(pending)
			}
			n, _, err := a.write(pending, MessageInfo{EOM: true})
			if err != nil {
				t.Fatalf("write: %v, %d octets left", err, left)
			}
			pending = pending[n:]
			if n == 0 {
				break
			}
		}
		if left == 0 && len(pending) == 0 && !a.closing {
			a.close()
		}
		w.at(1)
		for {
			n, err := b.read(buf[:1+src.IntN(len(buf)-1)])
			got.Write(buf[:n])
			if err != nil {
				ended = err != errAgain
				return
			}
		}
	}
	w.after()
	if !w.run(24*time.Hour, func() bool { return ended }) {
		t.Fatalf("not finished: a %+v, b %+v, %d left", a.info(), b.info(), left)
	}
	if !bytes.Equal(sent.Sum(nil), got.Sum(nil)) {
		t.Fatalf("what arrived is not what was sent; b ended with %v", b.err)
	}
	return hex.EncodeToString(got.Sum(nil)), hex.EncodeToString(w.hash.Sum(nil)), w
}

// harsh loses one packet in ten, and delays, duplicates and reorders.
var harsh = impairment{loss: 10, duplicate: 5, late: 20, delay: 2 * time.Millisecond, jitter: 10 * time.Millisecond}

func TestLossyWire(t *testing.T) {
	octets := 10 << 20
	if isRace {
		octets >>= 4 // plain code has no races, and is slow under the detector
	}
	tests := []struct {
		name    string
		impair  impairment
		message int
		wraps   bool // more than 65,536 packets
		configs [2]Config
	}{
		{"SPX II", harsh, 8000, false, [2]Config{}},
		{"SPX", harsh, 8000, false, [2]Config{{NoSPX2: true}, {NoSPX2: true}}},
		{"SPX II, a window of 4", harsh, 8000, false, [2]Config{{}, {Window: 4}}},
		{"short messages", harsh, 200, true, [2]Config{}},
		{"short messages of SPX", harsh, 200, true, [2]Config{{}, {NoSPX2: true}}},
		{"nothing is lost", impairment{delay: time.Millisecond}, 8000, false, [2]Config{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data, trace, w := transfer(t, 1, octets, tt.message, tt.impair, tt.configs[:]...)
			again, traceAgain, _ := transfer(t, 1, octets, tt.message, tt.impair, tt.configs[:]...)
			if data != again || trace != traceAgain {
				t.Errorf("two runs with one seed differ: data %.8s %.8s, packets %.8s %.8s", data, again, trace, traceAgain)
			}
			_, other, _ := transfer(t, 2, octets/16, tt.message, tt.impair, tt.configs[:]...)
			if other == trace {
				t.Error("another seed gives the same packets")
			}
			c := &w.ends[0].m.stats
			if wrapped := c.dataOut-c.retransmits > 1<<16; wrapped != tt.wraps && !isRace {
				t.Errorf("sequence numbers wrapped: %v", wrapped)
			}
			t.Logf("%v in the world's time; %d packets, %d again; %d acks, %d naks", w.now.Sub(epoch), c.dataOut, c.retransmits,
				w.ends[1].m.stats.acks, w.ends[1].m.stats.naks)
		})
	}
}

// TestReaderStops has the reader stop for an hour on a harsh wire: nothing is lost, and nothing is given up.
func TestReaderStops(t *testing.T) {
	for _, c := range []Config{{}, {NoSPX2: true}} {
		w := newWorld(t, 3, c, c)
		w.impair = harsh
		a, b := w.pair()
		var sent, got bytes.Buffer
		w.after = func() {
			w.at(0)
			for sent.Len() < 1<<20 {
				piece := bytes.Repeat([]byte{byte(sent.Len() >> 8)}, 1000)
				n, _, err := a.write(piece, MessageInfo{EOM: true})
				if err != nil {
					t.Fatal(err)
				}
				if sent.Write(piece[:n]); n == 0 {
					return
				}
			}
		}
		w.after()
		w.run(time.Hour, nil)
		if queued := int(b.recv.nxt - b.recv.read); queued != b.m.c.Window || a.send.inFlight() != 0 {
			t.Errorf("%d packets wait for the reader, %d are on their way", queued, a.send.inFlight())
		}
		fill := w.after
		w.after = func() {
			fill()
			w.at(1)
			data, _ := readAll(b)
			got.Write(data)
		}
		w.after()
		if !w.run(time.Hour, func() bool { return got.Len() >= 1<<20 }) {
			t.Fatalf("%d octets arrived of %d: a %+v, b %+v", got.Len(), sent.Len(), a.info(), b.info())
		}
		if !bytes.Equal(got.Bytes(), sent.Bytes()[:got.Len()]) {
			t.Error("what arrived is not what was sent")
		}
	}
}

// TestPeerVanishes cuts the wire, with and without data on its way.
func TestPeerVanishes(t *testing.T) {
	c := Config{Idle: time.Second, Probe: time.Second, Probes: 3, Retries: 5}
	for _, busy := range []bool{false, true} {
		w := newWorld(t, 4, c, c)
		a, b := w.pair()
		if busy {
			w.writeAll(0, a, "on its way")
		}
		w.cut = true
		cut := w.now
		noticed := func() bool { return a.err == syscall.ETIMEDOUT && b.err == syscall.ETIMEDOUT }
		if !w.run(time.Minute, noticed) {
			t.Errorf("busy %v: a %v %v, b %v %v", busy, a.state, a.err, b.state, b.err)
		}
		if took := w.now.Sub(cut); took > 7*time.Second {
			t.Errorf("busy %v: noticed after %v", busy, took)
		}
		for i, e := range w.ends {
			if len(e.m.byID) != 0 || i == 0 && len(e.bound) != 0 {
				t.Errorf("busy %v: end %d keeps %d connections, %d sockets", busy, i, len(e.m.byID), len(e.bound))
			}
		}
	}
}

// TestSizeOfWay has a router pass on no more than 576 octets: the connection is made, and uses that.
func TestSizeOfWay(t *testing.T) {
	for _, max := range []int{576, 1499, 1500, 4200} {
		w := newWorld(t, 5)
		w.ends[0].max, w.ends[1].max = 9000, 9000
		w.impair.max = max
		a, b := w.pair()
		want := MaxPacket
		for _, n := range sizes {
			if n <= max {
				want = n
				break
			}
		}
		if a.size != want || b.size != want {
			t.Errorf("a way of %d octets: sizes %d and %d, want %d", max, a.size, b.size, want)
		}
		w.writeAll(0, a, string(make([]byte, 20000)))
		got := 0
		w.run(time.Minute, func() bool {
			w.at(1)
			d, _ := readAll(b)
			got += len(d)
			return got == 20000
		})
		if got != 20000 {
			t.Errorf("a way of %d octets: %d arrived", max, got)
		}
	}
}

// TestOpenHarsh opens connections on a harsh wire: both ends find the other, and agree on what they speak.
func TestOpenHarsh(t *testing.T) {
	one, two := Config{NoSPX2: true}, Config{}
	for seed := range uint64(200) {
		for _, c := range [][2]Config{{two, two}, {one, two}, {two, one}, {one, one}} {
			w := newWorld(t, seed, c[:]...)
			w.impair = harsh
			w.impair.loss = 25
			l := w.listen()
			a, err := w.at(0).dial(target)
			if err != nil {
				t.Fatal(err)
			}
			open := func() bool { return len(l.queue) > 0 && a.state == stateEstablished }
			if !w.run(5*time.Minute, open) {
				t.Fatalf("seed %d: caller %v %v, %d called", seed, a.state, a.err, len(l.queue))
			}
			b := l.accept()
			if a.spx2 != b.spx2 || a.size != b.size || a.peerID != b.id || b.peerID != a.id {
				t.Fatalf("seed %d: caller %+v, called %+v", seed, a.info(), b.info())
			}
		}
	}
}
