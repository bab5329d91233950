package spx

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"tapestry/internal/ipxwire"
)

// unhex reads octets in which blanks and bars are only for the eye.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.NewReplacer(" ", "", "|", "", "\n", "", "\t", "").Replace(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var (
	vectorTo   = ipxwire.Addr{Net: 1, Node: ipxwire.Node{2, 0, 0, 0, 0, 2}, Socket: 0x4001}
	vectorFrom = ipxwire.Addr{Net: 1, Node: ipxwire.Node{2, 0, 0, 0, 0, 1}, Socket: 0x4000}
)

const vectorAddrs = "00000001 020000000002 4001 00000001 020000000001 4000"

// vectors are packets, both ways.
var vectors = []struct {
	name   string
	packet string
	fields Fields
	data   string
}{
	{
		"SPX-1: data, end of message, acknowledgement required",
		"ffff 002f 00 05 " + vectorAddrs + " | 50 00 0001 0002 0000 0000 0004 | 48454c4c4f",
		Fields{Control: ControlEOM | ControlAck, Source: 1, Destination: 2, Allocation: 4}, "HELLO",
	},
	{
		"SPX-2: end of connection",
		"ffff 002a 00 05 " + vectorAddrs + " | 40 fe 0001 0002 0005 0003 0006",
		Fields{
			Control: ControlAck, Stream: StreamEnd, Source: 1, Destination: 2, Sequence: 5, Acknowledge: 3, Allocation: 6,
		}, "",
	},
	{
		"SPX-2: its acknowledgement",
		"ffff 002a 00 05 " + vectorAddrs + " | 80 ff 0001 0002 0003 0006 0006",
		Fields{
			Control: ControlSystem, Stream: StreamEndAck, Source: 1, Destination: 2, Sequence: 3, Acknowledge: 6, Allocation: 6,
		}, "",
	},
	{
		"SPX II: connection request, without a size",
		"ffff 002a 00 05 " + vectorAddrs + " | cc 00 e3a0 ffff 0000 0000 0007",
		Fields{
			Control: ControlSystem | ControlAck | ControlSPX2 | ControlNegotiate, Source: 0xe3a0, Destination: UnknownID,
			Allocation: 7,
		}, "",
	},
	{
		"SPX II: its acknowledgement, with a size",
		"ffff 002c 00 05 " + vectorAddrs + " | 8c 00 235c e3a0 0000 0000 0007 05dc",
		Fields{
			Control: ControlSystem | ControlSPX2 | ControlNegotiate, Source: 0x235c, Destination: 0xe3a0, Allocation: 7,
			Size: 1500,
		}, "",
	},
	{
		"SPX II: data",
		"ffff 0031 00 05 " + vectorAddrs + " | 58 07 235c e3a0 ffff 0001 0008 05dc | 48454c4c4f",
		Fields{
			Control: ControlEOM | ControlAck | ControlSPX2, Stream: 7, Source: 0x235c, Destination: 0xe3a0, Sequence: 0xffff,
			Acknowledge: 1, Allocation: 8, Size: 1500,
		}, "HELLO",
	},
}

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			want := unhex(t, v.packet)
			got, err := AppendPacket(nil, vectorTo, vectorFrom, v.fields, []byte(v.data), MaxPacket)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("made %x, %v\nwant %x", got, err, want)
			}
			h, err := ParseHeader(want)
			if err != nil {
				t.Fatal(err)
			}
			checkFields(t, h, v.fields, v.data)
		})
	}
}

func checkFields(t *testing.T, h Header, f Fields, data string) {
	t.Helper()
	got := Fields{
		Control: h.Control(), Stream: h.Stream(), Source: h.SourceID(), Destination: h.DestinationID(),
		Sequence: h.Sequence(), Acknowledge: h.Acknowledge(), Allocation: h.Allocation(), Size: h.Size(),
	}
	if got != f || string(h.Data()) != data {
		t.Errorf("%v\ngot %+v, data %q, want %+v, data %q", h, got, h.Data(), f, data)
	}
	if h.IPX().Source() != vectorFrom || h.IPX().Destination() != vectorTo {
		t.Errorf("%v: addresses", h)
	}
}

func TestTruncated(t *testing.T) {
	for _, v := range vectors {
		b := unhex(t, v.packet)
		for i := range b {
			cut := bytes.Clone(b[:i])
			if _, err := ParseHeader(cut); err == nil {
				t.Errorf("%s: the first %d octets are accepted", v.name, i)
			}
			if i < ipxwire.HeaderLen {
				continue
			}
			cut[2], cut[3] = byte(i>>8), byte(i) // and says so
			h, err := ParseHeader(cut)
			need := HeaderLen
			if len(b) > HeaderLen && v.fields.Len() == 14 && v.fields.Control&ControlSystem == 0 {
				need = Header2Len
			}
			if (err == nil) != (i >= need) {
				t.Errorf("%s: %d octets: %v", v.name, i, err)
			}
			if err == nil {
				_ = h.String()
			}
		}
	}
}

func TestPacketType(t *testing.T) {
	b := unhex(t, vectors[0].packet)
	b[5] = byte(ipxwire.TypePEP)
	if _, err := ParseHeader(b); !errors.Is(err, ErrType) {
		t.Errorf("got %v", err)
	}
}

// TestRefused is SPX-5 and SPX-6.
func TestRefused(t *testing.T) {
	everybody := ipxwire.Addr{Net: 1, Node: ipxwire.Broadcast, Socket: 0x4001}
	tests := []struct {
		name string
		to   ipxwire.Addr
		f    Fields
		data int
		want error
		len  int
	}{
		{"to all", everybody, Fields{}, 0, ErrBroadcast, 0},
		{"as much as fits", vectorTo, Fields{}, 534, nil, 576},
		{"one octet more", vectorTo, Fields{}, 535, ErrSize, 0},
		{"as much as fits SPX II", vectorTo, Fields{Control: ControlSPX2}, 532, nil, 576},
		{"one octet more in SPX II", vectorTo, Fields{Control: ControlSPX2}, 533, ErrSize, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := AppendPacket(nil, tt.to, vectorFrom, tt.f, make([]byte, tt.data), MaxPacket)
			if !errors.Is(err, tt.want) || len(b) != tt.len {
				t.Fatalf("got %d octets, %v; want %d, %v", len(b), err, tt.len, tt.want)
			}
			if err == nil && ipxwire.Header(b).Len() != tt.len {
				t.Errorf("length field")
			}
		})
	}
}

func TestControlNames(t *testing.T) {
	for c, want := range map[Control]string{
		0x00: "Data, No Ack Required", 0x10: "End-of-Message", 0x20: "Attention", 0x40: "Acknowledgment Required",
		0x50: "Send Ack: End Message", 0x80: "System Packet", 0xc0: "System Packet: Send Ack",
		0xcc: "System Packet: Send Ack", 0x70: "Unknown",
	} {
		if got := c.String(); got != want {
			t.Errorf("%02x: got %q, want %q", uint8(c), got, want)
		}
	}
}

func FuzzHeader(f *testing.F) {
	for _, v := range vectors {
		f.Add(unhex(f, v.packet))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b)
		if err != nil {
			return
		}
		_ = h.String()
		p := h.IPX()
		again, err := AppendPacket(nil, p.Destination(), p.Source(), Fields{
			Control: h.Control(), Stream: h.Stream(), Source: h.SourceID(), Destination: h.DestinationID(),
			Sequence: h.Sequence(), Acknowledge: h.Acknowledge(), Allocation: h.Allocation(), Size: h.Size(),
		}, h.Data(), ipxwire.Max)
		if p.Destination().Node.IsGroup() || len(again) > ipxwire.Max || errors.Is(err, ErrSize) {
			return
		}
		if h.isSized() && len(h) < Header2Len {
			return // it lacks what we write
		}
		if err != nil || !bytes.Equal(again[offControl:], h[offControl:]) {
			t.Errorf("%v\ngot  %x, %v\nwant %x", h, again, err, []byte(h))
		}
	})
}
