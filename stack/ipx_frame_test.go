package stack

import (
	"bytes"
	"encoding/hex"
	"testing"

	"tapestry/internal/ipxwire"
	"tapestry/link/ethernet"
)

const ipxHeads = "02005e1000ff" + "02005e100002" // to and from in every frame below

// The packet of every frame below: SAP, to everybody on this network; an odd one has one octet of data.
const (
	ipxEven = "ffff001e000000000000ffffffffffff045200000000020000000001" + "4000"
	ipxOdd  = "ffff001f000000000000ffffffffffff045200000000020000000001" + "4000" + "aa"
)

func TestIPXFrame(t *testing.T) {
	to, source := ipxwire.Node{0x02, 0, 0x5e, 0x10, 0, 0xff}, ethernet.Addr{0x02, 0, 0x5e, 0x10, 0, 0x02}
	for _, tt := range []struct {
		name   string
		kind   ethernet.Kind
		packet string
		want   string
	}{
		{"ethernet-ii", ethernet.KindII, ipxEven, "8137" + ipxEven},
		{"ethernet-ii, odd", ethernet.KindII, ipxOdd, "8137" + ipxOdd + "00"},
		{"802.3", ethernet.KindRaw, ipxEven, "001e" + ipxEven},
		{"802.3, odd", ethernet.KindRaw, ipxOdd, "0020" + ipxOdd + "00"},
		{"802.2, odd frame", ethernet.KindLLC, ipxEven, "0022" + "e0e003" + ipxEven + "00"},
		{"802.2, odd packet", ethernet.KindLLC, ipxOdd, "0022" + "e0e003" + ipxOdd},
		{"snap", ethernet.KindSNAP, ipxEven, "0026" + "aaaa030000008137" + ipxEven},
		{"snap, odd", ethernet.KindSNAP, ipxOdd, "0028" + "aaaa030000008137" + ipxOdd + "00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			head, err := newIPXHead(tt.kind, source)
			if err != nil {
				t.Fatal(err)
			}
			packet, _ := hex.DecodeString(tt.packet)
			f := head.frame(to, packet, 1500)
			defer f.Release()
			got := f.AppendTo(nil)
			if want := ipxHeads + tt.want; hex.EncodeToString(got) != want {
				t.Fatalf("got  %x\nwant %s", got, want)
			}
			h, err := ethernet.Parse(got)
			if err != nil {
				t.Fatal(err)
			}
			if k, ok := ipxKind(h); !ok || k != tt.kind {
				t.Errorf("read back as %v, %v", k, ok)
			}
			p, err := ipxwire.ParseHeader(h.Payload())
			if err != nil || !bytes.Equal(p, packet) {
				t.Errorf("read back: %x, %v", p, err)
			}
		})
	}
}

// TestIPXRoom: the largest packet fills the frame to the MTU, and an odd one at a limit has no pad.
func TestIPXRoom(t *testing.T) {
	for _, tt := range []struct {
		kind      ethernet.Kind
		mtu, want int
	}{
		{ethernet.KindII, 1500, 1500}, {ethernet.KindII, 9000, 9000}, {ethernet.KindII, 70000, 65535}, {ethernet.KindII, 1499, 1499},
		{ethernet.KindRaw, 1500, 1500}, {ethernet.KindRaw, 9000, 1500}, {ethernet.KindRaw, 577, 577},
		{ethernet.KindLLC, 1500, 1497}, {ethernet.KindLLC, 9000, 1497}, {ethernet.KindSNAP, 1500, 1492}, {ethernet.KindSNAP, 579, 571},
	} {
		head, err := newIPXHead(tt.kind, hostMAC)
		if err != nil {
			t.Fatal(err)
		}
		got := head.room(tt.mtu)
		if got != tt.want {
			t.Errorf("%v at %d: %d, want %d", tt.kind, tt.mtu, got, tt.want)
		}
		f := head.frame(ipxwire.Broadcast, make([]byte, got), tt.mtu)
		if f.Len() > tt.mtu+ethernet.HeaderLen {
			t.Errorf("%v at %d: a frame of %d octets", tt.kind, tt.mtu, f.Len())
		}
		f.Release()
	}
	if _, err := newIPXHead(ethernet.KindSNAP+1, hostMAC); err == nil {
		t.Error("a frame type that is none was taken")
	}
}
