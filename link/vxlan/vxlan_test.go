package vxlan

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tapestry/internal/nstest"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/linktest"
	"tapestry/link/pipe"
	"tapestry/stack"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// closedConn is a socket of no use.
func closedConn(t testing.TB) net.PacketConn {
	t.Helper()
	c := listen(t, "127.0.0.1:0")
	c.Close()
	return c
}

func listen(t testing.TB, address string) *net.UDPConn {
	t.Helper()
	a, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.ListenUDP("udp", a)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func portOf(c net.PacketConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

// join makes two tunnel ends that are peers of each other.
func joined(t testing.TB, a, b net.PacketConn, c Config) (*Device, *Device) {
	t.Helper()
	return tunnel(t, a, portOf(b), c), tunnel(t, b, portOf(a), c)
}

func tunnel(t testing.TB, conn net.PacketConn, peer netip.AddrPort, c Config) *Device {
	t.Helper()
	c.Conn, c.Peers = conn, []netip.AddrPort{peer}
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// other hides all that a socket can do beside net.PacketConn.
type other struct{ net.PacketConn }

func TestDevice(t *testing.T) {
	tests := []struct {
		name   string
		listen string
		config Config
	}{
		{"IPv4", "127.0.0.1:0", Config{VNI: 42, Tags: true}},
		{"IPv6", "[::1]:0", Config{VNI: 42, Tags: true}},
		{"jumbo", "127.0.0.1:0", Config{Tags: true, UnderlayMTU: 9050}},
		{"zero checksum, IPv6", "[::1]:0", Config{Tags: true, ZeroChecksum: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			linktest.TestDevice(t, func(t testing.TB) (link.Device, link.Device) {
				a, b := listen(t, tt.listen), listen(t, tt.listen)
				return joined(t, a, b, tt.config)
			})
		})
	}
}

// hosts are two of ours on a cable.
func hosts(t testing.TB) (alpha, beta *stack.Host) {
	t.Helper()
	a, b := pipe.New(pipe.Config{Offload: pipe.AllOffloads, Names: [2]string{"eth0", "eth0"}})
	return host(t, a, "198.51.100.2/24", "2001:db8:51::2/64"), host(t, b, "198.51.100.1/24", "2001:db8:51::1/64")
}

func host(t testing.TB, dev link.Device, addrs ...string) *stack.Host {
	t.Helper()
	h, err := stack.New(stack.Config{Name: dev.Info().Name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	c := stack.InterfaceConfig{Name: "eth0"}
	for _, a := range addrs {
		c.Addresses = append(c.Addresses, netip.MustParsePrefix(a))
	}
	if _, err := h.AddInterface(dev, c); err != nil {
		t.Fatal(err)
	}
	return h
}

func listenOn(t testing.TB, h *stack.Host, address string) net.PacketConn {
	t.Helper()
	c, err := h.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDeviceOnHosts(t *testing.T) {
	for _, tt := range []struct {
		name, a, b string
		wrap       bool
	}{
		{"IPv4", "198.51.100.2:4789", "198.51.100.1:4789", false},
		{"IPv6", "[2001:db8:51::2]:4789", "[2001:db8:51::1]:4789", false},
		{"any PacketConn", "198.51.100.2:4789", "198.51.100.1:4789", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			alpha, beta := hosts(t)
			linktest.TestDevice(t, func(t testing.TB) (link.Device, link.Device) {
				a, b := listenOn(t, alpha, tt.a), listenOn(t, beta, tt.b)
				for _, c := range []net.PacketConn{a, b} {
					c.(interface{ SetReadBuffer(int) error }).SetReadBuffer(4 << 20)
				}
				if tt.wrap {
					a, b = other{a}, other{b}
				}
				return joined(t, a, b, Config{VNI: 42, Tags: true, QueueFrames: 8192})
			})
		})
	}
}

// TestGroupOnHosts: three hosts of ours flood by a multicast group and learn from each other.
func TestGroupOnHosts(t *testing.T) {
	for _, tt := range []struct {
		name, group string
		allow       string
	}{
		{"IPv4", "239.1.1.1:0", "198.51.100.0/24"},
		{"IPv6", "[ff15::42]:0", "2001:db8:51::/64"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			alpha, beta := hosts(t)
			var over []*stack.Host
			for i, h := range []*stack.Host{alpha, beta} {
				d, err := New(Config{
					Conn: listenOn(t, h, ":4789"), VNI: 7, Group: at(tt.group), Interface: "eth0", TTL: 3,
					Allow: []netip.Prefix{netip.MustParsePrefix(tt.allow)},
				})
				if err != nil {
					t.Fatal(err)
				}
				over = append(over, host(t, d, fmt.Sprintf("203.0.113.%d/24", i+1)))
				t.Cleanup(func() {
					if l := d.Entries(); len(l) != 1 || !strings.HasSuffix(l[0].VTEP.String(), ":4789") {
						t.Errorf("learned %+v, want one station behind port 4789", l)
					}
				})
			}
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if _, err := over[0].Ping(ctx, netip.MustParseAddr("203.0.113.2"), stack.PingOptions{Size: 1400}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNewErrors(t *testing.T) {
	peer := []netip.AddrPort{at("198.51.100.1:0")}
	conn := closedConn(t)
	wrapped := other{conn}
	tests := []struct {
		name   string
		config Config
		want   string
	}{
		{"no socket", Config{Peers: peer}, "Conn is nil"},
		{"nobody known", Config{Conn: conn}, "neither Config.Peers nor Config.Allow"},
		{"network", Config{Conn: conn, Peers: peer, VNI: 1 << 24}, "at most 16777215"},
		{"MTU", Config{Conn: conn, Peers: peer, MTU: 67}, "68 to"},
		{"underlay", Config{Conn: conn, Peers: peer, UnderlayMTU: 100}, "underlay 100"},
		{"group address", Config{Conn: conn, Peers: peer, Addr: ethernet.Broadcast}, "group address"},
		{"no group", Config{Conn: conn, Peers: peer, Group: at("198.51.100.9:0")}, "belongs into Peers"},
		{"group as peer", Config{Conn: conn, Peers: []netip.AddrPort{at("239.1.1.1:0")}}, "no address of a single VTEP"},
		{"no peer", Config{Conn: conn, Peers: []netip.AddrPort{{}}}, "no address"},
		{"prefix", Config{Conn: conn, Allow: []netip.Prefix{{}}}, "invalid prefix"},
		{"static group", Config{Conn: conn, Peers: peer, Static: []Entry{{Addr: ethernet.Broadcast, VTEP: peer[0]}}}, "station's address"},
		{"static nowhere", Config{Conn: conn, Peers: peer, Static: []Entry{{Addr: station(1)}}}, "no address"},
		{"static, too many", Config{Conn: conn, Peers: peer, MaxAddrs: 1, Static: make([]Entry, 2)}, "raise MaxAddrs"},
		{"TTL", Config{Conn: wrapped, Peers: peer, TTL: 9}, "Config.TTL"},
		{"TOS", Config{Conn: wrapped, Peers: peer, TOS: 9}, "Config.TOS"},
		{"group option", Config{Conn: wrapped, Peers: peer, Group: at("239.1.1.1:0")}, "Config.Group"},
		{"zero checksum", Config{Conn: wrapped, Peers: peer, ZeroChecksum: true}, "Config.ZeroChecksum"},
		{"closed socket", Config{Conn: conn, Peers: peer}, "closed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := New(tt.config)
			if err == nil {
				d.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, want %q", err, tt.want)
			}
		})
	}
}

// inner is a frame from station s.
func inner(to, from ethernet.Addr, n int) []byte {
	b := append(append(make([]byte, 0, n), to[:]...), from[:]...)
	b = append(b, 0x88, 0xb5)
	return append(b, make([]byte, n-len(b))...)
}

func TestHostileDatagrams(t *testing.T) {
	a, b := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	d := tunnel(t, a, portOf(b), Config{VNI: 42, MTU: 1000, Static: []Entry{{Addr: station(9), VTEP: at("198.51.100.9:4789")}}})
	good := AppendHeader(nil, 42)
	frame := inner(ethernet.Broadcast, station(1), 60)
	tag := inner(ethernet.Broadcast, station(1), 60)
	tag[12], tag[13] = 0x81, 0
	join := func(h, f []byte) []byte { return append(append([]byte(nil), h...), f...) }
	tests := []struct {
		name string
		b    []byte
		want Drops
	}{
		{"empty", nil, Drops{Short: 1}},
		{"short header", good[:7], Drops{Short: 1}},
		{"no frame", good, Drops{Short: 1}},
		{"short frame", join(good, frame[:13]), Drops{Short: 1}},
		{"no I flag", join(make([]byte, 8), frame), Drops{Flags: 1}},
		{"another network", join(AppendHeader(nil, 43), frame), Drops{VNI: 1}},
		{"too long", join(good, inner(ethernet.Broadcast, station(1), 1015)), Drops{Long: 1}},
		{"tagged", join(good, tag), Drops{Tagged: 1}},
		{"static address from elsewhere", join(good, inner(ethernet.Broadcast, station(9), 60)), Drops{Static: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d.drops = drops{}
			before := d.Stats().RxDropped
			b.WriteToUDPAddrPort(tt.b, portOf(a))
			b.WriteToUDPAddrPort(join(good, frame), portOf(a)) // comes through after the bad one
			f := make([]link.Frame, 1)
			if n, err := d.ReadFrames(f); n != 1 || err != nil || f[0].Len() != 60 {
				t.Fatalf("ReadFrames = %d, %v", n, err)
			}
			f[0].Release()
			if got := d.Drops(); got != tt.want || d.Stats().RxDropped != before+1 {
				t.Errorf("drops %+v, want %+v", got, tt.want)
			}
		})
	}
	stranger := listen(t, "127.0.0.2:0")
	defer stranger.Close()
	stranger.WriteToUDPAddrPort(join(good, frame), portOf(a))
	b.WriteToUDPAddrPort(join(good, frame), portOf(a))
	f := make([]link.Frame, 1)
	d.ReadFrames(f)
	f[0].Release()
	if got := d.Drops().Peer; got != 1 {
		t.Errorf("%d datagrams of a stranger were dropped, want 1", got)
	}
}

// TestFlooding: what goes to all and what goes to one.
func TestFlooding(t *testing.T) {
	c := listen(t, "127.0.0.1:0")
	var peers []*net.UDPConn
	var addrs []netip.AddrPort
	for range 3 {
		p := listen(t, "127.0.0.1:0")
		defer p.Close()
		peers, addrs = append(peers, p), append(addrs, portOf(p))
	}
	d, err := New(Config{Conn: c, VNI: 1, Peers: append(addrs, addrs[0])})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	peers[1].WriteToUDPAddrPort(append(AppendHeader(nil, 1), inner(station(8), station(1), 60)...), portOf(c))
	f := make([]link.Frame, 1)
	d.ReadFrames(f)
	f[0].Release()
	tests := []struct {
		name string
		to   ethernet.Addr
		want []int // datagrams that each peer gets
	}{
		{"broadcast", ethernet.Broadcast, []int{1, 1, 1}},
		{"group", ethernet.Addr{1, 0, 0x5e, 0, 0, 1}, []int{1, 1, 1}},
		{"unknown", station(77), []int{1, 1, 1}},
		{"learned", station(1), []int{0, 1, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if n := d.WriteFrames([]link.Frame{link.NewFrame(inner(tt.to, station(8), 99))}); n != 1 {
				t.Errorf("WriteFrames = %d, want 1", n)
			}
			for i, p := range peers {
				if got := received(t, p); got != tt.want[i] {
					t.Errorf("peer %d has %d datagrams, want %d", i, got, tt.want[i])
				}
			}
		})
	}
}

// received counts what has arrived at a socket: over loopback, that is all that was sent.
func received(t *testing.T, c *net.UDPConn) (n int) {
	t.Helper()
	b := make([]byte, 2000)
	c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	for {
		k, err := c.Read(b)
		if err != nil {
			return n
		}
		if h, err := ParseHeader(b[:k]); err != nil || h.VNI() != 1 || k != HeaderLen+99 {
			t.Errorf("%d octets, %v, %v", k, h, err)
		}
		n++
	}
}

func TestNobody(t *testing.T) {
	d, err := New(Config{Conn: listen(t, "127.0.0.1:0"), Allow: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if n := d.WriteFrames([]link.Frame{link.NewFrame(inner(ethernet.Broadcast, station(1), 60))}); n != 0 {
		t.Errorf("WriteFrames to nobody = %d, want 0", n)
	}
	tagged := inner(ethernet.Broadcast, station(1), 60)
	tagged[12], tagged[13] = 0x88, 0xa8
	d.WriteFrames([]link.Frame{link.NewFrame(tagged)})
	if got, want := d.Drops(), (Drops{Destination: 1, Tagged: 1}); got != want || d.Stats().TxDropped != 2 {
		t.Errorf("drops %+v, want %+v; counted %+v", got, want, d.Stats())
	}
}

func TestSetStatic(t *testing.T) {
	d, err := New(Config{Conn: listen(t, "127.0.0.1:0"), MaxAddrs: 1, Port: 7000, Peers: []netip.AddrPort{at("127.0.0.1:9")}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.SetStatic(station(1), at("198.51.100.1:0")); err != nil {
		t.Error(err)
	}
	if l := d.Entries(); len(l) != 1 || l[0].VTEP != at("198.51.100.1:7000") || !l[0].Static {
		t.Errorf("Entries = %+v", l)
	}
	if err := d.SetStatic(station(2), at("198.51.100.1:0")); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("a second address in a table of one: %v", err)
	}
	if err := d.SetStatic(ethernet.Broadcast, at("198.51.100.1:0")); err == nil {
		t.Error("a group has one VTEP")
	}
	if !d.Forget(station(1)) || len(d.Entries()) != 0 {
		t.Error("not forgotten")
	}
}

// stuck is a socket whose writes wait until it is closed.
type stuck struct {
	net.PacketConn
	closed chan struct{}
}

func (s stuck) WriteTo([]byte, net.Addr) (int, error) { <-s.closed; return 0, net.ErrClosed }
func (s stuck) Close() error                          { close(s.closed); return s.PacketConn.Close() }

func TestSocketThatWaits(t *testing.T) {
	d, err := New(Config{
		Conn: stuck{listen(t, "127.0.0.1:0"), make(chan struct{})}, QueueFrames: 4, Peers: []netip.AddrPort{at("127.0.0.1:9")},
	})
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for range 20 {
		total += d.WriteFrames([]link.Frame{link.NewFrame(inner(ethernet.Broadcast, station(1), 60))})
	}
	if total < 4 || total > 5 || d.Drops().Full != uint64(20-total) || d.Stats().TxDropped != uint64(20-total) {
		t.Errorf("%d of 20 frames left, drops %+v, want 4 in the queue and one in the write", total, d.Drops())
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

func TestNoAllocation(t *testing.T) {
	a, b := joined(t, listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0"), Config{})
	linktest.NoAllocation(t, a, b, inner(station(1), station(2), 1400))
}

func FuzzDatagram(f *testing.F) {
	f.Add(append(AppendHeader(nil, 42), inner(ethernet.Broadcast, station(1), 60)...), true)
	f.Add(append(AppendHeader(nil, 42), inner(station(2), station(1), 60)...), false)
	f.Add([]byte{8, 0, 0, 0, 0, 0, 42, 0, 1}, true)
	d, err := New(Config{
		Conn: closable{}, VNI: 42, MaxAddrs: 16, MTU: 1400,
		Peers: []netip.AddrPort{at("198.51.100.1:4789")}, Allow: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { d.Close() })
	f.Fuzz(func(t *testing.T, b []byte, peer bool) {
		from := at("203.0.113.7:1")
		if peer {
			from = at("198.51.100.1:1")
		}
		frame, ok := d.decapsulate(b, from)
		if !ok {
			return
		}
		defer frame.Release()
		if frame.Len() != len(b)-HeaderLen || frame.Len() < ethernet.HeaderLen || frame.Len() > 1414 {
			t.Errorf("a frame of %d octets from %d", frame.Len(), len(b))
		}
		if n := len(d.Entries()); n > 16 {
			t.Errorf("%d entries in a table of 16", n)
		}
	})
}

// closable is a socket that nothing comes out of.
type closable struct{ net.PacketConn }

func (closable) Close() error { return nil }

func BenchmarkLoopback(b *testing.B) {
	x, y := joined(b, listen(b, "127.0.0.1:0"), listen(b, "127.0.0.1:0"), Config{})
	linktest.Stream(b, x, y, inner(station(1), station(2), 1464))
}
