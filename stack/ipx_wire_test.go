package stack

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/stack/ipx"
)

// ipxKeeper is a host with networks in all frame types on a device that keeps what goes out. Its clock stands still.
func ipxKeeper(t *testing.T, queues int) (twin, *receiver) {
	t.Helper()
	w := newTwin(t, false, InterfaceConfig{}, newKeeper(queues, 0), frozenClock{})
	w.neighbor(t, peer4, peerMAC)
	addIPX(t, w.host)
	w.dev.sent()
	return w, &receiver{nic: w.nic, queue: w.nic.queues[0]}
}

// TestIPXFrames: what the host sends, octet for octet, and that a broadcast of an odd length is padded, too.
func TestIPXFrames(t *testing.T) {
	w, _ := ipxKeeper(t, 1)
	c, err := w.host.ListenPacket("ipx", ":4001")
	if err != nil {
		t.Fatal(err)
	}
	const (
		macs = "02000000000b" + "02000000000a"
		ends = "02000000000b4002"
		from = "02000000000a4001"
	)
	for _, tt := range []struct {
		kind ethernet.Kind
		data string
		want string
	}{
		{ethernet.KindII, "00", macs + "8137" + "ffff001f0004" + "0000cafe" + ends + "0000cafe" + from + "00" + "00"},
		{ethernet.KindRaw, "01", macs + "0020" + "ffff001f0004" + "0000beef" + ends + "0000beef" + from + "01" + "00"},
		{ethernet.KindLLC, "02", macs + "0022" + "e0e003" + "ffff001f0004" + "0000f00d" + ends + "0000f00d" + from + "02"},
		{ethernet.KindLLC, "0203", macs + "0024" + "e0e003" + "ffff00200004" + "0000f00d" + ends + "0000f00d" + from + "0203" + "00"},
		{ethernet.KindSNAP, "04", macs + "0028" + "aaaa030000008137" + "ffff001f0004" + "0000d00f" + ends + "0000d00f" + from + "04" + "00"},
	} {
		data, _ := hex.DecodeString(tt.data)
		to := ipx.Addr{Net: ipxNetworks[tt.kind], Node: ipx.NodeAddr(peerMAC), Socket: 0x4002}
		if _, err := c.(*ipx.Conn).WriteToAddr(data, to); err != nil {
			t.Fatal(err)
		}
		frames, _ := w.dev.sent()
		if len(frames) != 1 || hex.EncodeToString(frames[0]) != tt.want {
			t.Errorf("%v: got %x\nwant %s", tt.kind, frames, tt.want)
		}
	}
}

// TestIPXReceive: frames that others pad, tag or cut in other ways.
func TestIPXReceive(t *testing.T) {
	w, r := ipxKeeper(t, 1)
	if _, err := w.host.IPX().Inline(ipxEcho, func(reply, request []byte, _, _ ipx.Addr) []byte { return append(reply, request...) }); err != nil {
		t.Fatal(err)
	}
	odd := func(k ethernet.Kind) []byte { return ipxAsk(t, r, k, ipxEcho, []byte("abc")) }
	uneven := func(k ethernet.Kind, field uint16) []byte { // as other stations send it: an odd frame
		b := odd(k)
		b[12], b[13] = byte(field>>8), byte(field)
		return b[:14+int(field)]
	}
	tag := func(vid byte, b []byte) []byte {
		return slices.Concat(b[:12], []byte{0x81, 0x00, 0xa0, vid}, b[12:])
	}
	for _, tt := range []struct {
		name    string
		frame   []byte
		answers int
		count   string
	}{
		{"ethernet-ii", odd(ethernet.KindII), 1, ""},
		{"ethernet-ii, not padded", odd(ethernet.KindII)[:14+33], 1, ""},
		{"802.3, not padded", uneven(ethernet.KindRaw, 33), 1, ""},
		{"802.2, odd", uneven(ethernet.KindLLC, 36), 1, ""},
		{"snap, not padded", uneven(ethernet.KindSNAP, 41), 1, ""},
		{"padded to 60 and beyond", append(odd(ethernet.KindRaw), make([]byte, 100)...), 1, ""},
		{"priority tag", tag(0, odd(ethernet.KindLLC)), 1, ""},
		{"VLAN tag", tag(5, odd(ethernet.KindLLC)), 0, "ethernet.drop.vlan"},
		{"length field too long", func() []byte { b := odd(ethernet.KindRaw); b[13] += 9; return b }(), 0, "ethernet.drop.malformed"},
		{"packet cut", uneven(ethernet.KindRaw, 32), 0, "ipx.drop.length"},
		{"for another station", func() []byte { b := odd(ethernet.KindII); b[5]++; return b }(), 0, "ethernet.drop.otherhost"},
		{"LLC test", func() []byte { b := odd(ethernet.KindLLC); b[16] = 0xe3; return b }(), 0, "ethernet.drop.unknownprotocol"},
	} {
		for _, chunk := range []int{2000, 128, 20, 14, 1} {
			before := uint64(0)
			if tt.count != "" {
				before = statOf(t, w.host, tt.count)
			}
			f := inChunks(tt.frame, chunk)
			r.receive(&f)
			r.flush()
			frames, _ := w.dev.sent()
			if len(frames) != tt.answers {
				t.Errorf("%s, in chunks of %d: %d answers", tt.name, chunk, len(frames))
			}
			if tt.count != "" && statOf(t, w.host, tt.count) != before+1 {
				t.Errorf("%s, in chunks of %d: not counted as %s", tt.name, chunk, tt.count)
			}
			for _, b := range frames {
				h, err := ethernet.Parse(b)
				if err != nil {
					t.Fatal(err)
				}
				p, err := ipxwire.ParseHeader(h.Payload())
				if err != nil || string(p.Data()) != "abc" || h.Destination() != peerMAC || len(b)%2 != 0 {
					t.Errorf("%s: answer %x, %v", tt.name, b, err)
				}
			}
		}
	}
}

// TestIPXSuperFrame: a frame that is marked as one to be cut may be longer than any packet; how long the packet in it is
// stands in its header.
func TestIPXSuperFrame(t *testing.T) {
	w, r := ipxKeeper(t, 1)
	if _, err := w.host.IPX().Inline(ipxEcho, func(reply, request []byte, _, _ ipx.Addr) []byte { return append(reply, request...) }); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{4000, 65_536, 200_000} {
		f := inChunks(append(ipxAsk(t, r, ethernet.KindII, ipxEcho, []byte("abc")), make([]byte, n)...), 2000)
		f.GSO = link.GSOTCPv4
		r.receive(&f)
		r.flush()
		if frames, _ := w.dev.sent(); len(frames) != 1 {
			t.Errorf("%d octets more: %d answers", n, len(frames))
		}
	}
}

// TestIPXBesideIP: batches of both, in any order; handlers of UDP may use the node, and answers of one batch of IPX
// leave in one write, all on one queue.
func TestIPXBesideIP(t *testing.T) {
	w, r := ipxKeeper(t, 2)
	node := w.host.IPX()
	if _, err := node.Inline(ipxEcho, func(reply, request []byte, _, _ ipx.Addr) []byte { return append(reply, request...) }); err != nil {
		t.Fatal(err)
	}
	calls := 0
	if _, err := w.host.Inline("udp4", ":99", func(reply, request []byte, _, _ netip.AddrPort) []byte {
		node.Do(func(time.Time, *ipx.Node) { calls++ })
		return append(reply, request...)
	}); err != nil {
		t.Fatal(err)
	}
	novell := ipxAsk(t, r, ethernet.KindRaw, ipxEcho, make([]byte, 300))
	ip := ask{peer4, host4, 999, 99, make([]byte, 300)}.frame()
	batch := func(order string) (frames [][]byte, writes []int) {
		for _, c := range order {
			f := link.NewFrame(novell)
			if c == 'u' {
				f = link.NewFrame(ip)
			}
			r.receive(&f)
		}
		r.flush()
		return w.dev.sent()
	}
	for _, tt := range []struct {
		order  string
		writes int
	}{{"i", 1}, {"iiiiiiiiiiiiiiii", 1}, {"iuiuiu", 6}, {"uuiiuu", 3}, {"iiiuuu", 2}} {
		frames, writes := batch(tt.order)
		if len(frames) != len(tt.order) || len(writes) != tt.writes {
			t.Errorf("%s: %d answers in %d writes, want %d writes", tt.order, len(frames), len(writes), tt.writes)
		}
	}
	if calls != 3+4+3 {
		t.Errorf("%d calls of the handler of UDP", calls)
	}
}
