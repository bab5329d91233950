package dump_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/link/ethernet"
	"tapestry/stack/stacktest"
)

// TestWiresharkReadsRandom holds our reading of packets that are wrong in all ways against Wireshark's: where it has no
// complaint, we say the same.
func TestWiresharkReadsRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	var frames [][]byte
	for range 2000 {
		frames = append(frames, randomIPX(r))
	}
	good := 0
	for i, d := range tshark(t, frames...) {
		if len(d.bad) > 0 {
			continue
		}
		good++
		holdWireshark(t, frames[i], d)
	}
	if good < len(frames)/4 {
		t.Errorf("Wireshark reads only %d of %d frames without a complaint", good, len(frames))
	}
}

// randomIPX is one of packets with other sockets, another type, octets turned over, or less or more data.
func randomIPX(r *rand.Rand) []byte {
	all := packets()
	s := all[r.IntN(len(all))]
	b := stacktest.Build(append([]stacktest.Layer{s.ipx}, s.rest...)...)
	data := slices.Clone(b[ipxwire.HeaderLen:])
	if len(data) > 200 {
		data = data[:200]
	}
	for range r.IntN(4) {
		if len(data) > 0 {
			data[r.IntN(len(data))] = byte(r.Uint32())
		}
	}
	switch r.IntN(4) {
	case 0:
		data = data[:r.IntN(len(data)+1)]
	case 1:
		data = append(data, make([]byte, r.IntN(70))...)
	}
	h := stacktest.IPX{Src: s.ipx.Src, Dst: s.ipx.Dst, Hops: byte(r.Uint32())}
	if h.Type = s.ipx.Type; r.IntN(4) == 0 {
		h.Type = ipxwire.PacketType(r.IntN(40))
	}
	if h.Type == ipxwire.TypeSPX { // of which Wireshark looks at the sockets first, and we do not
		h.Src.Socket, h.Dst.Socket = 0x5000, 0x5001
	}
	if r.IntN(4) == 0 && h.Type != ipxwire.TypeSPX {
		h.Src.Socket = randomSocket(r)
	}
	if r.IntN(4) == 0 && h.Type != ipxwire.TypeSPX {
		h.Dst.Socket = randomSocket(r)
	}
	if h.Type == ipxwire.TypeSPX && len(data) > 0 && data[0]&stacktest.SPX2 == 0 {
		data[0] &= 0xf0 // of plain SPX Wireshark does not show the others
	}
	return stacktest.Build(stacktest.Framing{Kind: ethernet.Kind(r.IntN(4))}, h, stacktest.Payload(data))
}

func randomSocket(r *rand.Rand) ipxwire.Socket {
	all := []ipxwire.Socket{0, 1, 2, 3, 0x451, 0x452, 0x453, 0x455, 0x456, 0x457, 0x551, 0x553, 0x5000, 0x9999}
	return all[r.IntN(len(all))]
}
