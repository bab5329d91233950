//go:build soak

package stack

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"tapestry/link"
)

// hostileTime is how long TestSoakHostileFrames goes on.
const hostileTime = 5 * time.Minute

// TestSoakHostileFrames gives a host with open sockets mutated frames, and holds that neither memory nor goroutines grow
// and that it still serves at the end.
func TestSoakHostileFrames(t *testing.T) {
	s := openHost(t)
	i, _ := s.host.interfaceByName("eth0")
	corpus := append(frameSeeds(), captured()...)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, %d frames in the corpus", seed, len(corpus))
	end := time.Now().Add(hostileTime)
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() { // two receivers, as on a device with two queues
			r := rand.New(rand.NewPCG(seed, uint64(w)))
			for time.Now().Before(end) {
				for range 1000 {
					f := mutate(r, corpus)
					i.nic.receive(&f)
				}
			}
		})
	}
	var first usage
	for n := 0; time.Now().Before(end); n++ {
		time.Sleep(hostileTime / 10)
		u := measure()
		t.Logf("after %v: %v", time.Duration(n+1)*hostileTime/10, u)
		if n == 0 {
			first = u
		} else if u.heap > first.heap+64<<20 || u.goroutines > first.goroutines+maxStray {
			t.Errorf("grew from %v to %v", first, u)
		}
	}
	wg.Wait()
	s.stillServes(t)
	for _, x := range s.host.Stats() {
		if x.Value > 0 {
			t.Logf("%-40s %d", x.Name, x.Value)
		}
	}
}

type usage struct {
	heap       uint64
	goroutines int
}

func measure() usage {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{m.HeapAlloc, runtime.NumGoroutine()}
}

// mutate takes a frame of the corpus, mostly addresses it to the host, and damages it a little.
func mutate(r *rand.Rand, corpus [][]byte) link.Frame {
	b := append([]byte{}, corpus[r.IntN(len(corpus))]...)
	for range r.IntN(4) {
		if len(b) == 0 {
			break
		}
		switch at := r.IntN(len(b)); r.IntN(4) {
		case 0:
			b[at] = byte(r.Uint32())
		case 1:
			b[at] ^= 1 << r.IntN(8)
		case 2:
			b = b[:at]
		case 3:
			b = append(b, b[at:]...)
		}
	}
	if len(b) >= 6 && r.IntN(8) > 0 {
		copy(b, hostMAC[:])
	}
	f := link.NewFrame(b[:min(len(b), 65549)])
	f.NeedsChecksum = r.IntN(4) > 0 // or most would end at a wrong checksum
	f.CsumStart, f.CsumOffset = uint16(r.Uint32N(64)), uint16(r.Uint32N(32))
	f.GSO, f.GSOSize = link.GSO(r.IntN(5)), uint16(r.Uint32N(2000))
	return f
}
