package spx

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"testing"
	"time"
)

// transfer moves octets through a world, from a to b, and gives the hash of the data that arrived and that of every packet
// with its time.
func transfer(t *testing.T, seed uint64, octets int, im impairment, configs ...Config) (data, trace string, w *world) {
	t.Helper()
	w = newWorld(t, seed, configs...)
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
				pending = make([]byte, min(left, 1+src.IntN(8000)))
				for i := range pending {
					pending[i] = byte(src.Uint32())
				}
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
	const octets = 10 << 20
	tests := []struct {
		name    string
		impair  impairment
		configs [2]Config
	}{
		{"SPX II", harsh, [2]Config{}},
		{"SPX", harsh, [2]Config{{NoSPX2: true}, {NoSPX2: true}}},
		{"SPX II, a window of 4", harsh, [2]Config{{}, {Window: 4}}},
		{"nothing is lost", impairment{delay: time.Millisecond}, [2]Config{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data, trace, w := transfer(t, 1, octets, tt.impair, tt.configs[:]...)
			again, traceAgain, _ := transfer(t, 1, octets, tt.impair, tt.configs[:]...)
			if data != again || trace != traceAgain {
				t.Errorf("two runs with one seed differ: data %.8s %.8s, packets %.8s %.8s", data, again, trace, traceAgain)
			}
			_, other, _ := transfer(t, 2, octets/16, tt.impair, tt.configs[:]...)
			if other == trace {
				t.Error("another seed gives the same packets")
			}
			c := &w.ends[0].m.stats
			t.Logf("%v in the world's time; %d packets, %d again; %d acks, %d naks", w.now.Sub(epoch), c.dataOut, c.retransmits,
				w.ends[1].m.stats.acks, w.ends[1].m.stats.naks)
		})
	}
}
