package ethernet

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The addresses of the frames below.
var (
	alice = Addr{0x02, 0, 0, 0, 0, 0x0a}
	bob   = Addr{0x02, 0, 0, 0, 0, 0x0b}
)

// unhex reads octets in hexadecimal; spaces are for the reader.
func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		panic(err)
	}
	return b
}

const (
	addrs = "02000000000b 02000000000a "
	ipx   = "ffff 001e 00 00 00000000 ffffffffffff 0452 00000000 020000000001 4000 "
)

// frames is one frame of every kind, with what it holds.
var frames = []struct {
	name    string
	frame   []byte
	fields  Fields
	typ     EtherType
	payload []byte
	text    string
}{
	{
		name: "ethernet ii", frame: unhex(addrs + "0800 45 00"),
		fields: Fields{bob, alice, nil, KindII, TypeIPv4, LLC{}, OUI{}},
		typ:    TypeIPv4, payload: unhex("4500"),
		text: "02:00:00:00:00:0a > 02:00:00:00:00:0b, IPv4, 2 octets",
	},
	{
		name: "smallest type", frame: unhex(addrs + "0600"),
		fields: Fields{bob, alice, nil, KindII, 0x0600, LLC{}, OUI{}}, typ: 0x0600, payload: []byte{},
		text: "02:00:00:00:00:0a > 02:00:00:00:00:0b, 0x0600, 0 octets",
	},
	{
		name: "raw 802.3", frame: unhex(addrs + "001e" + ipx),
		fields: Fields{bob, alice, nil, KindRaw, 0, LLC{}, OUI{}}, payload: unhex(ipx),
		text: "02:00:00:00:00:0a > 02:00:00:00:00:0b, 802.3 raw, 30 octets",
	},
	{
		name: "802.2", frame: unhex(addrs + "0021 e0e003" + ipx),
		fields: Fields{bob, alice, nil, KindLLC, 0, LLC{SAPIPX, SAPIPX, ControlUI, 0}, OUI{}}, payload: unhex(ipx),
		text: "02:00:00:00:00:0a > 02:00:00:00:00:0b, 802.2 dsap IPX ssap IPX control 0x03, 30 octets",
	},
	{
		name: "802.2 with two octets of control", frame: unhex(addrs + "0005 f0f0 0003 aa"),
		fields: Fields{bob, alice, nil, KindLLC, 0, LLC{SAPNetBIOS, SAPNetBIOS, 0, 3}, OUI{}}, payload: []byte{0xaa},
		text: "02:00:00:00:00:0a > 02:00:00:00:00:0b, 802.2 dsap NetBIOS ssap NetBIOS control 0x0003, 1 octets",
	},
	{
		name: "snap", frame: unhex(addrs + "000a aaaa03 000000 0806 0001"),
		fields: Fields{bob, alice, nil, KindSNAP, TypeARP, LLC{SAPSNAP, SAPSNAP, ControlUI, 0}, OUI{}},
		typ:    TypeARP, payload: []byte{0, 1},
		text: "02:00:00:00:00:0a > 02:00:00:00:00:0b, SNAP 00-00-00 ARP, 2 octets",
	},
	{
		name: "snap of a bridge", frame: unhex(addrs + "0008 aaaa03 0000f8 8137"),
		fields: Fields{bob, alice, nil, KindSNAP, TypeIPX, LLC{SAPSNAP, SAPSNAP, ControlUI, 0}, OUIBridge},
		typ:    TypeIPX, payload: []byte{},
		text: "02:00:00:00:00:0a > 02:00:00:00:00:0b, SNAP 00-00-f8 IPX, 0 octets",
	},
	{
		name: "snap of another organization", frame: unhex(addrs + "0008 aaaa03 00000c 2000"),
		fields:  Fields{bob, alice, nil, KindSNAP, 0x2000, LLC{SAPSNAP, SAPSNAP, ControlUI, 0}, OUI{0, 0, 0x0c}},
		payload: []byte{},
		text:    "02:00:00:00:00:0a > 02:00:00:00:00:0b, SNAP 00-00-0c 0x2000, 0 octets",
	},
	{
		name: "AA AA without 03 is no snap", frame: unhex(addrs + "0004 aaaa 0001"),
		fields: Fields{bob, alice, nil, KindLLC, 0, LLC{SAPSNAP, SAPSNAP, 0, 1}, OUI{}}, payload: []byte{},
		text: "02:00:00:00:00:0a > 02:00:00:00:00:0b, 802.2 dsap SNAP ssap SNAP control 0x0001, 0 octets",
	},
	{
		name: "one tag", frame: unhex(addrs + "8100 b005 86dd 60"),
		fields: Fields{bob, alice, []Tag{{TypeVLAN, 5, true, 5}}, KindII, TypeIPv6, LLC{}, OUI{}},
		typ:    TypeIPv6, payload: []byte{0x60},
		text: "02:00:00:00:00:0a > 02:00:00:00:00:0b, 802.1Q vid 5 pcp 5 dei, IPv6, 1 octets",
	},
	{
		name: "two tags before a length", frame: unhex(addrs + "88a8 0064 8100 0fff 001e" + ipx),
		fields:  Fields{bob, alice, []Tag{{TypeQinQ, 0, false, 100}, {TypeVLAN, 0, false, 4095}}, KindRaw, 0, LLC{}, OUI{}},
		payload: unhex(ipx),
		text:    "02:00:00:00:00:0a > 02:00:00:00:00:0b, 802.1ad vid 100, 802.1Q vid 4095, 802.3 raw, 30 octets",
	},
}

func TestParse(t *testing.T) {
	for _, tt := range frames {
		t.Run(tt.name, func(t *testing.T) {
			h, err := Parse(tt.frame)
			if err != nil {
				t.Fatal(err)
			}
			got := h.Fields()
			if got.Kind == KindSNAP && h.Type() != tt.typ || got.Kind != KindSNAP && got.Type != tt.typ {
				t.Errorf("type %v, want %v", h.Type(), tt.typ)
			}
			if d := cmp.Diff(tt.fields, got); d != "" {
				t.Errorf("fields (-want +got):\n%s", d)
			}
			if !bytes.Equal(h.Payload(), tt.payload) || h.PayloadLen() != len(tt.payload) || h.Len() != got.Len() {
				t.Errorf("payload %x after %d octets, want %x after %d", h.Payload(), h.Len(), tt.payload, got.Len())
			}
			if h.String() != tt.text {
				t.Errorf("got  %q\nwant %q", h.String(), tt.text)
			}
		})
	}
}

func TestAppendTo(t *testing.T) {
	for _, tt := range frames {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.fields.AppendTo([]byte("before"), len(tt.payload))
			if err != nil {
				t.Fatal(err)
			}
			want := append([]byte("before"), tt.frame[:len(tt.frame)-len(tt.payload)]...)
			if !bytes.Equal(got, want) {
				t.Errorf("got  %x\nwant %x", got, want)
			}
		})
	}
}

// A length covers less than what arrived after padding, and the rest of a frame may lie in another chunk.
func TestParsePadAndChunks(t *testing.T) {
	for _, tt := range frames {
		t.Run(tt.name, func(t *testing.T) {
			pad := unhex("00000020 00000001 ffffffffffff")
			h, err := Parse(append(bytes.Clone(tt.frame), pad...))
			if err != nil {
				t.Fatal(err)
			}
			want := tt.payload
			if h.Kind() == KindII {
				want = append(bytes.Clone(want), pad...)
			}
			if !bytes.Equal(h.Payload(), want) {
				t.Errorf("payload with pad %x, want %x", h.Payload(), want)
			}
			n := len(tt.frame) - len(tt.payload)
			if h.Kind() == KindRaw {
				n += 2 // the FF FF that tell the kind
			}
			h, err = ParseHeader(tt.frame[:n], len(tt.frame))
			if err != nil || h.PayloadLen() != len(tt.payload) || h.String() != tt.text {
				t.Errorf("from the first chunk: %v, %v", h, err)
			}
		})
	}
}

func TestParseTruncated(t *testing.T) {
	for _, tt := range frames {
		t.Run(tt.name, func(t *testing.T) {
			for n := range len(tt.frame) {
				h, err := Parse(tt.frame[:n])
				inPayload := tt.fields.Kind == KindII && n >= len(tt.frame)-len(tt.payload)
				if (err == nil) != inPayload {
					t.Errorf("first %d of %d octets: %v, error %v", n, len(tt.frame), h.Fields(), err)
				}
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct {
		name  string
		frame string
		want  error
	}{
		{"empty", "", ErrShort},
		{"no type", addrs + "08", ErrShort},
		{"tag without type", addrs + "8100 0001", ErrShort},
		{"length 0", addrs + "0000 ffff", ErrShort},
		{"length 1", addrs + "0001 ffff", ErrShort},
		{"length 2 of LLC", addrs + "0002 e0e0 03", ErrShort},
		{"length 3 of LLC with two octets of control", addrs + "0003 e0e0 00 00", ErrShort},
		{"length 7 of SNAP", addrs + "0007 aaaa03 000000 08 00", ErrShort},
		{"length exceeds the frame", addrs + "0004 e0e003", ErrLength},
		{"length 1501", addrs + "05dd" + strings.Repeat("ff", 1501), ErrLength},
		{"length 1535", addrs + "05ff" + strings.Repeat("ff", 1535), ErrLength},
		{"three tags", addrs + "8100 0001 8100 0001 8100 0001 0800", ErrTags},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if h, err := Parse(unhex(tt.frame)); !errors.Is(err, tt.want) {
				t.Errorf("got %v, %v; want %v", h, err, tt.want)
			}
		})
	}
	if h, err := Parse(unhex(addrs + "05dc" + strings.Repeat("ff", 1500))); err != nil || h.PayloadLen() != 1500 {
		t.Errorf("length 1500: %v", err)
	}
}

func TestAppendToErrors(t *testing.T) {
	llc := LLC{SAPIPX, SAPIPX, ControlUI, 0}
	tests := []struct {
		name    string
		fields  Fields
		payload int
	}{
		{"three tags", Fields{Tags: make([]Tag, 3), Type: TypeIPv4}, 0},
		{"priority 8", Fields{Tags: []Tag{{PCP: 8}}, Type: TypeIPv4}, 0},
		{"VLAN 4096", Fields{Tags: []Tag{{VID: 4096}}, Type: TypeIPv4}, 0},
		{"tag of another type", Fields{Tags: []Tag{{Type: TypeIPv4}}, Type: TypeIPv4}, 0},
		{"type that is a length", Fields{Type: 0x05ff}, 0},
		{"type that is a tag", Fields{Type: TypeVLAN}, 0},
		{"no kind", Fields{Kind: 4}, 0},
		{"payload above 1500", Fields{Kind: KindRaw}, 1501},
		{"payload and LLC above 1500", Fields{Kind: KindLLC, LLC: llc}, 1498},
		{"payload and SNAP above 1500", Fields{Kind: KindSNAP}, 1493},
		{"negative payload", Fields{Kind: KindLLC, LLC: llc}, -1},
		{"raw without FF FF", Fields{Kind: KindRaw}, 1},
		{"LLC that reads as raw", Fields{Kind: KindLLC, LLC: LLC{0xff, 0xff, 3, 0}}, 0},
		{"LLC that reads as SNAP", Fields{Kind: KindLLC, LLC: LLC{0xaa, 0xaa, 3, 0}}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if b, err := tt.fields.AppendTo([]byte{1}, tt.payload); err == nil || len(b) != 1 {
				t.Errorf("got %x, %v", b, err)
			}
		})
	}
	if _, err := (Fields{Kind: KindSNAP}).AppendTo(nil, 1492); err != nil {
		t.Errorf("RFC 1042's MTU of 1492: %v", err)
	}
	if b, _ := (Fields{Type: TypeIPv4, Tags: []Tag{{VID: 3}}}).AppendTo(nil, 0); b[12] != 0x81 || b[13] != 0 {
		t.Errorf("zero tag type was written as %x", b[12:14])
	}
}

// A TFTP exchange recorded on a wire: frame 3 is padded to 60 octets with octets that are not zero.
func TestGoldenTrace(t *testing.T) {
	tests := []struct {
		name    string
		frame   string
		payload int
	}{
		{"RRQ", "08002010b67c 080020751388 0800 4500002f3c224000ff11075593d2080393d2089f c57f0045001ba0d2 0001 6c6b6a66647366 00 6e65746173636969 00", 47},
		{"ERROR", "080020751388 08002010b67c 0800 4500002f253000003c11214893d2089f93d20803 0f64c57f001b0000 0005 0001 46696c65206e6f7420666f756e64 00", 47},
		{"ACK with pad", "08002010b67c 080020751388 0800 450000203c234000ff11076393d2080393d2089f c57f0f64000cf2a6 0004 0001 00000020 00000001 ffffffffffff", 46},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, err := Parse(unhex(tt.frame))
			if err != nil || h.Kind() != KindII || h.Type() != TypeIPv4 {
				t.Fatalf("got %v, %v", h, err)
			}
			if h.PayloadLen() != tt.payload || h.Len() != HeaderLen {
				t.Errorf("%d octets of payload after %d, want %d after %d", h.PayloadLen(), h.Len(), tt.payload, HeaderLen)
			}
		})
	}
}

func TestPad(t *testing.T) {
	b := bytes.Repeat([]byte{0xee}, 100)
	got := Pad(b[:50])
	if len(got) != MinFrame || !bytes.Equal(got[50:], make([]byte, 10)) {
		t.Errorf("got %x", got)
	}
	if got := Pad(b); len(got) != 100 {
		t.Errorf("a frame of 100 octets has %d after Pad", len(got))
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	for _, tt := range frames {
		var sink int
		n := testing.AllocsPerRun(100, func() {
			h, _ := Parse(tt.frame)
			sink += h.PayloadLen() + int(h.Type()) + int(h.Source()[0]) + int(h.LLC().DSAP) + int(h.Tag(0).VID)
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
		buf := make([]byte, 0, 64)
		n = testing.AllocsPerRun(100, func() { buf, _ = tt.fields.AppendTo(buf[:0], len(tt.payload)) })
		if n != 0 {
			t.Errorf("%s: AppendTo makes %v allocations", tt.name, n)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, tt := range frames {
		f.Add(tt.frame, 0)
	}
	f.Fuzz(func(t *testing.T, b []byte, hidden int) {
		h, err := ParseHeader(b[:len(b):len(b)], len(b)+hidden%100)
		if err != nil {
			return
		}
		if h.String() == "" || h.PayloadLen() < len(h.Payload()) {
			t.Fatalf("%v has %d octets of payload of %d", h, len(h.Payload()), h.PayloadLen())
		}
		got, err := h.Fields().AppendTo(nil, h.PayloadLen())
		if err != nil {
			t.Fatalf("%x does not build again: %v", b, err)
		}
		got = append(got, h.Payload()...)
		if !bytes.Equal(got, b[:len(got)]) {
			t.Fatalf("got  %x\nfrom %x", got, b)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for _, tt := range frames {
		b.Run(strings.ReplaceAll(tt.name, " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(tt.frame); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
