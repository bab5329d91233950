package vxlan

import (
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
	"tapestry/link"
)

// TestOptions reads back what New asks of the machine's own socket.
func TestOptions(t *testing.T) {
	type option struct{ level, name, want int }
	v4 := []option{{unix.IPPROTO_IP, unix.IP_TTL, 33}, {unix.IPPROTO_IP, unix.IP_TOS, 0x28},
		{unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO}}
	v6 := []option{{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, 33}, {unix.IPPROTO_IPV6, unix.IPV6_TCLASS, 0x28},
		{unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DO}}
	zero := []option{{unix.SOL_SOCKET, unix.SO_NO_CHECK, 1}}
	zero6 := []option{{unix.IPPROTO_UDP, unix.UDP_NO_CHECK6_RX, 1}, {unix.IPPROTO_UDP, unix.UDP_NO_CHECK6_TX, 1}}
	tests := []struct {
		name, listen string
		config       Config
		want         [][]option
	}{
		{"IPv4", "127.0.0.1:0", Config{TTL: 33, TOS: 0x28}, [][]option{v4}},
		{"IPv6", "[::1]:0", Config{TTL: 33, TOS: 0x28}, [][]option{v6}},
		{"both", ":0", Config{TTL: 33, TOS: 0x28}, [][]option{v4, v6}},
		{"fragments", "127.0.0.1:0", Config{Fragment: true}, [][]option{{{unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_WANT}}}},
		{"zero checksum", "127.0.0.1:0", Config{ZeroChecksum: true}, [][]option{zero}},
		{"zero checksum, IPv6", "[::1]:0", Config{ZeroChecksum: true}, [][]option{zero, zero6}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := listen(t, tt.listen)
			raw, err := c.SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			tunnel(t, c, at("198.51.100.1:4789"), tt.config)
			raw.Control(func(fd uintptr) {
				for _, set := range tt.want {
					for _, o := range set {
						if got, err := unix.GetsockoptInt(int(fd), o.level, o.name); err != nil || got != o.want {
							t.Errorf("option %d of level %d is %d, %v, want %d", o.name, o.level, got, err, o.want)
						}
					}
				}
			})
		})
	}
}

// TestLinkLocal: peers may be named with a zone, also those that are learned.
func TestLinkLocal(t *testing.T) {
	r := &batchReader{zones: map[uint32]string{}}
	r.names[0] = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: [16]byte{0xfe, 0x80, 15: 1}, Port: 0xb512, Scope_id: 1}
	want := netip.AddrPortFrom(netip.MustParseAddr("fe80::1%lo"), port(0xb512))
	if ifi, err := net.InterfaceByIndex(1); err != nil || ifi.Name != "lo" {
		t.Skipf("the first interface is %v, %v", ifi, err)
	}
	for range 2 {
		if got := r.addr(0); got != want {
			t.Errorf("sender %v, want %v", got, want)
		}
	}
	if len(r.zones) != 1 {
		t.Errorf("zones %v", r.zones)
	}
}

// TestReceiveBatch: datagrams that wait are read with one call.
func TestReceiveBatch(t *testing.T) {
	a, b := joined(t, listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0"), Config{VNI: 9})
	f := make([]link.Frame, 20)
	for i := range f {
		f[i] = link.NewFrame(inner(station(1), station(2), 60+i))
	}
	if n := a.WriteFrames(f); n != 20 {
		t.Fatalf("WriteFrames = %d", n)
	}
	for got := 0; got < 20; {
		n, err := b.ReadFrames(f)
		if err != nil || got == 0 && n != 20 { // over loopback all is there when the writer returns
			t.Fatalf("ReadFrames = %d, %v, want 20", n, err)
		}
		for i := range n {
			if f[i].Len() != 60+got+i {
				t.Errorf("frame %d has %d octets", got+i, f[i].Len())
			}
		}
		link.ReleaseAll(f[:n])
		got += n
	}
}
