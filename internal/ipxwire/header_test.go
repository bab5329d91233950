package ipxwire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// unhex reads octets with spaces between them.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// vector1 is the smallest broadcast to the socket of SAP, without data, on this network.
const vector1 = "ffff 001e 00 00 00000000 ffffffffffff 0452 00000000 020000000001 4000"

// full uses every field, and has an odd length.
const full = "ffff 0023 03 11 0000cafe 020000000001 0451 0000beef 020000000002 4003 68656c6c6f"

func TestHeaderVectors(t *testing.T) {
	for _, c := range []struct {
		name   string
		octets string
		fields Fields
		data   string
		text   string
	}{
		{
			name:   "smallest broadcast",
			octets: vector1,
			fields: Fields{
				Destination: Addr{Node: Broadcast, Socket: SocketSAP},
				Source:      Addr{Node: Node{2, 0, 0, 0, 0, 1}, Socket: 0x4000},
			},
			text: "00000000:020000000001:4000 > 00000000:ffffffffffff:0452, unknown, 0 hops, 30 octets",
		},
		{
			name:   "every field",
			octets: full,
			fields: Fields{
				Hops: 3, Type: TypeNCP,
				Destination: Addr{Net: 0xcafe, Node: Node{2, 0, 0, 0, 0, 1}, Socket: SocketNCP},
				Source:      Addr{Net: 0xbeef, Node: Node{2, 0, 0, 0, 0, 2}, Socket: 0x4003},
			},
			data: "hello",
			text: "0000beef:020000000002:4003 > 0000cafe:020000000001:0451, NCP, 3 hops, 35 octets",
		},
	} {
		b := unhex(t, c.octets)
		h, err := ParseHeader(append(bytes.Clone(b), "pad"...))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := (Fields{h.Hops(), h.Type(), h.Destination(), h.Source()}); got != c.fields || string(h.Data()) != c.data {
			t.Errorf("%s: got %+v, %q; want %+v, %q", c.name, got, h.Data(), c.fields, c.data)
		}
		if h.String() != c.text || h.Len() != len(b) || h.Checksum() != NoChecksum {
			t.Errorf("%s: got %q, %d octets, checksum %04x; want %q", c.name, h, h.Len(), h.Checksum(), c.text)
		}
		if out := append(c.fields.AppendTo(nil, len(c.data)), c.data...); !bytes.Equal(out, b) {
			t.Errorf("%s: wrote %x, want %x", c.name, out, b)
		}
	}
}

func TestHeaderTruncated(t *testing.T) {
	b := unhex(t, full)
	for i := range b {
		want := ErrLength
		if i < HeaderLen {
			want = ErrShort
		}
		if h, err := ParseHeader(b[:i]); h != nil || !errors.Is(err, want) {
			t.Errorf("%d octets: got %v, %v; want %v", i, h, err, want)
		}
	}
}

func TestHeaderLength(t *testing.T) {
	for _, c := range []struct {
		name   string
		length uint16
		room   int
		ok     bool
	}{
		{"29 is less than a header", 29, 576, false},
		{"0", 0, 576, false},
		{"30 is a header", 30, 576, true},
		{"576 of 576", 576, 576, true},
		{"577 of 576", 577, 576, false},
		{"the most", Max, Max, true},
	} {
		b := make([]byte, c.room)
		b[2], b[3] = byte(c.length>>8), byte(c.length)
		h, err := ParseHeader(b)
		if (err == nil) != c.ok || c.ok && h.Len() != int(c.length) {
			t.Errorf("%s: got %d octets, %v", c.name, len(h), err)
		}
	}
}

func TestSetters(t *testing.T) {
	h, err := ParseHeader(unhex(t, full))
	if err != nil {
		t.Fatal(err)
	}
	h.SetHops(7)
	h.SetNetworks(0xf00d, 0x1234)
	h.SetChecksum(0x5678)
	want := "00001234:020000000002:4003 > 0000f00d:020000000001:0451, NCP, 7 hops, 35 octets, checksum 0x5678"
	if h.String() != want {
		t.Errorf("got %q, want %q", h, want)
	}
}

// slowSum is the checksum in the words of its definition: one's complement addition, one word after the other.
func slowSum(b []byte) uint16 {
	b = bytes.Clone(b)
	b[4] = 0 // Transport Control
	if len(b)%2 != 0 {
		b = append(b, 0)
	}
	sum := 0
	for i := 2; i < len(b); i += 2 {
		if sum += int(b[i])<<8 + int(b[i+1]); sum > 0xffff {
			sum -= 0xffff
		}
	}
	if sum == 0 {
		return 0
	}
	return uint16(0xffff - sum)
}

func TestSum(t *testing.T) {
	for _, c := range []struct {
		name, octets string
		want         uint16
	}{
		// 001e + 0452 + 0200 + 0001 + 4000 = 4671; ffff three times adds nothing; its complement is b98e.
		{"by hand", vector1, 0xb98e},
		// 0023 + 0011 + cafe + 0200 + 0001 + 0451 + beef + 0200 + 0002 + 4003 + 6865 + 6c6c + 6f00
		// = 31649, folded 1649 + 3 = 164c, of which the complement is e9b3.
		{"odd length", full, 0xe9b3},
	} {
		h, err := ParseHeader(unhex(t, c.octets))
		if err != nil {
			t.Fatal(err)
		}
		if got := h.Sum(); got != c.want || got != slowSum(h) {
			t.Errorf("%s: got %04x, want %04x; the slow sum is %04x", c.name, got, c.want, slowSum(h))
		}
	}
}

func TestSumIsNeverNone(t *testing.T) {
	b := make([]byte, HeaderLen+2)
	b[3] = HeaderLen + 2
	b[30], b[31] = 0xff, 0xff-HeaderLen-2 // all words add up to ffff
	h, err := ParseHeader(b)
	if err != nil {
		t.Fatal(err)
	}
	if got := h.Sum(); got != 0 || got != slowSum(h) {
		t.Errorf("got %04x, want 0000", got)
	}
}

func TestSumAgainstSlow(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	for range 5000 {
		b := make([]byte, HeaderLen+r.IntN(200))
		for i := range b {
			b[i] = byte(r.Uint32()) & byte(r.Uint32()|0xf0)
		}
		b[2], b[3] = byte(len(b)>>8), byte(len(b))
		h, err := ParseHeader(b)
		if err != nil {
			t.Fatal(err)
		}
		if h.Sum() != slowSum(h) {
			t.Fatalf("seed %d: %x: got %04x, want %04x", seed, b, h.Sum(), slowSum(h))
		}
		h.SetChecksum(h.Sum())
		h.SetHops(h.Hops() + 1)
		if !h.IsSummed() {
			t.Fatalf("seed %d: %x is not summed after a hop", seed, b)
		}
	}
}

func TestIsSummed(t *testing.T) {
	h, err := ParseHeader(unhex(t, full))
	if err != nil || !h.IsSummed() {
		t.Fatalf("%v: a packet without a checksum is right", err)
	}
	if h.SetChecksum(0); !h.IsSummed() || h.HasChecksum() {
		t.Error("zero is none")
	}
	h.SetChecksum(h.Sum())
	if !h.IsSummed() {
		t.Error("a right checksum")
	}
	for i := 5; i < len(h); i++ {
		h[i] ^= 0x10
		if h.IsSummed() {
			t.Errorf("octet %d changed, and the checksum is still right", i)
		}
		h[i] ^= 0x10
	}
}

func FuzzHeader(f *testing.F) {
	f.Add(unhex(f, vector1))
	f.Add(unhex(f, full))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b)
		if err != nil {
			return
		}
		_, _ = h.String(), h.IsSummed()
		again := Fields{h.Hops(), h.Type(), h.Destination(), h.Source()}.AppendTo(nil, len(h.Data()))
		again = append(again, h.Data()...)
		Header(again).SetChecksum(h.Checksum())
		if !bytes.Equal(again, h) {
			t.Errorf("parsed %x, wrote %x", []byte(h), again)
		}
		if got := h.Sum(); got != slowSum(h) || got == NoChecksum {
			t.Errorf("%x: sum %04x, slow %04x", []byte(h), got, slowSum(h))
		}
	})
}

func BenchmarkSum(b *testing.B) {
	p := Fields{}.AppendTo(nil, 1470)
	p = append(p, make([]byte, 1470)...)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		_ = Header(p).Sum()
	}
}
