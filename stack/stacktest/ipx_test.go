package stacktest_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"tapestry/internal/ipxwire"
	"tapestry/link/ethernet"
	"tapestry/stack/stacktest"
)

var (
	ipxA, _ = ipxwire.ParseAddr("00000001:020000000001:4000")
	ipxB, _ = ipxwire.ParseAddr("00000001:020000000002:4001")
)

func ExampleSPX() {
	b := stacktest.Build(
		stacktest.IPX{Src: ipxA, Dst: ipxB},
		stacktest.SPX{Control: stacktest.SPXSendAck | stacktest.SPXEndOfMessage, SrcID: 1, DstID: 2, Alloc: 4},
		stacktest.Payload("HELLO"))
	fmt.Printf("%x\n%x %x\n", b[:30], b[30:42], b[42:])
	// Output:
	// ffff002f0005000000010200000000024001000000010200000000014000
	// 500000010002000000000004 48454c4c4f
}

func TestBuildFramings(t *testing.T) {
	const packet = "ffff 0021 00 04 00000001 020000000002 4001 00000001 020000000001 4000 616263"
	for _, tt := range []struct {
		name string
		f    stacktest.Framing
		want string // between the addresses and the packet
		pad  string
	}{
		{"ethernet ii", stacktest.Framing{Kind: ethernet.KindII}, "8137", "00"},
		{"802.3", stacktest.Framing{Kind: ethernet.KindRaw}, "0022", "00"},
		{"802.2", stacktest.Framing{Kind: ethernet.KindLLC}, "0024 e0e003", ""},
		{"snap", stacktest.Framing{Kind: ethernet.KindSNAP}, "002a aaaa03 000000 8137", "00"},
		{"802.3 odd", stacktest.Framing{Kind: ethernet.KindRaw, Odd: true}, "0021", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.f.Src, tt.f.Dst = macA, macB
			b := stacktest.Build(tt.f, stacktest.IPX{Src: ipxA, Dst: ipxB, Type: ipxwire.TypePEP}, stacktest.Payload("abc"))
			want := "020000000002 020000000001 " + tt.want + packet + tt.pad
			if got := hex.EncodeToString(b); got != strings.ReplaceAll(want, " ", "") {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			kind, h, err := stacktest.ParseIPX(b)
			if err != nil || kind != tt.f.Kind || h.Source() != ipxA || h.Destination() != ipxB || string(h.Data()) != "abc" {
				t.Errorf("reads back as %v, %v, %v", kind, h, err)
			}
			for i := range b[:len(b)-len(tt.pad)/2] {
				if _, _, err := stacktest.ParseIPX(b[:i]); err == nil {
					t.Errorf("%d of %d octets parse", i, len(b))
				}
			}
		})
	}
}

func TestBuildIPXSums(t *testing.T) {
	good := ipxwire.Header(stacktest.Build(stacktest.IPX{Src: ipxA, Dst: ipxB, Sum: true}, stacktest.Payload("abc")))
	if good.Checksum() == ipxwire.NoChecksum || !good.IsSummed() {
		t.Errorf("checksum %04x, should be %04x", good.Checksum(), good.Sum())
	}
	bad := ipxwire.Header(stacktest.Build(stacktest.IPX{Src: ipxA, Dst: ipxB, BadSum: true}))
	if bad.IsSummed() {
		t.Errorf("checksum %04x is right", bad.Checksum())
	}
	if b := stacktest.Build(stacktest.IPX{Length: 29}); !bytes.Equal(b[2:4], []byte{0, 29}) {
		t.Errorf("length %x, want the one asked for", b[2:4])
	}
}

func TestBuildSPX2(t *testing.T) {
	for _, tt := range []struct {
		name string
		s    stacktest.SPX
		want string
	}{
		{"spx", stacktest.SPX{Control: 0x40, Datastream: 0xfe, SrcID: 1, DstID: 2, Seq: 3, Ack: 4, Alloc: 5, NegotiateSize: 6},
			"40fe 0001 0002 0003 0004 0005"},
		{"first of spx ii", stacktest.SPX{Control: 0xcc, SrcID: 1, DstID: 0xffff, NegotiateSize: 6}, "cc00 0001 ffff 0000 0000 0000"},
		{"spx ii", stacktest.SPX{Control: 0x48, SrcID: 1, DstID: 2, NegotiateSize: 0x5c0}, "4800 0001 0002 0000 0000 0000 05c0"},
	} {
		got := hex.EncodeToString(stacktest.Build(stacktest.IPX{}, tt.s)[ipxwire.HeaderLen:])
		if got != strings.ReplaceAll(tt.want, " ", "") {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestParseIPXRefuses(t *testing.T) {
	for name, b := range map[string][]byte{
		"ipv4":   samples()["udp4"],
		"length": stacktest.Build(stacktest.Framing{}, stacktest.IPX{Length: 29}),
		"llc":    {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0x42, 0x42, 3},
	} {
		if _, h, err := stacktest.ParseIPX(b); err == nil {
			t.Errorf("%s: is read as %v", name, h)
		}
	}
}
