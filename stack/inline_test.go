package stack

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"tapestry/link"
	"tapestry/link/pipe"
)

func echo(reply, request []byte, _, _ netip.AddrPort) []byte { return append(reply, request...) }

// inlineAt registers a handler and gives its port.
func inlineAt(t testing.TB, h *Host, network, address string, f func(reply, request []byte, from, to netip.AddrPort) []byte) (io.Closer, uint16) {
	t.Helper()
	c, err := h.Inline(network, address, f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, c.(interface{ LocalAddr() net.Addr }).LocalAddr().(*net.UDPAddr).AddrPort().Port()
}

// wantInlineStats waits for the counters, since an answer can arrive before it is counted.
func wantInlineStats(t *testing.T, h *Host, hits, replies, drops uint64) {
	t.Helper()
	want := [3]uint64{hits, replies, drops}
	var got [3]uint64
	for end := time.Now().Add(testTimeout); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if got[0], got[1], got[2] = h.inlineStats(); got == want {
			return
		}
	}
	t.Errorf("hits, replies, drops %v, want %v", got, want)
}

// inlinePacket is a datagram as the engine hands it to an endpoint.
func inlinePacket(from, to netip.AddrPort) (netstack.TransportEndpointID, *netstack.PacketBuffer) {
	pkt := netstack.NewPacketBuffer(netstack.PacketBufferOptions{
		Payload: buffer.MakeWithData(udpDatagram(from, to, make([]byte, 100), 0)),
	})
	pkt.NetworkProtocolNumber, pkt.NICID = header.IPv4ProtocolNumber, 2
	pkt.TransportHeader().Consume(header.UDPMinimumSize)
	return netstack.TransportEndpointID{
		LocalAddress: toAddress(to.Addr()), LocalPort: to.Port(), RemoteAddress: toAddress(from.Addr()), RemotePort: from.Port(),
	}, pkt
}

func TestInline(t *testing.T) {
	for _, o := range offloads {
		for _, c := range []struct {
			name, network string
			to            netip.Addr
			request       int
			reply         int
		}{
			{"IPv4", "udp4", peer4, 100, 100},
			{"IPv6", "udp6", peer6, 100, 100},
			{"IPv4 on both", "udp", peer4, 100, 100},
			{"IPv6 on both", "udp", peer6, 100, 100},
			{"empty request", "udp", peer4, 0, 100},
			{"fragmented request", "udp", peer4, 4000, 10},
			{"fragmented request, IPv6", "udp", peer6, 4000, 10},
			{"large reply", "udp", peer4, 10, 4000},
			{"large reply, IPv6", "udp", peer6, 10, 4000},
			{"largest", "udp", peer4, 65507, 65507},
		} {
			t.Run(o.name+"/"+c.name, func(t *testing.T) {
				alpha, beta := pair(t, o.o)
				want := bytes.Repeat([]byte("q"), c.request)
				var seen atomic.Value
				_, port := inlineAt(t, beta, c.network, ":0", func(reply, request []byte, from, to netip.AddrPort) []byte {
					if !bytes.Equal(request, want) || len(reply) != 0 || cap(reply) < 1400 {
						t.Errorf("request of %d, reply with room for %d", len(request), cap(reply))
					}
					seen.Store([2]netip.AddrPort{from, to})
					return append(reply, bytes.Repeat([]byte("r"), c.reply)...)
				})
				client := udpAt(t, alpha, c.network, ":0")
				to := netip.AddrPortFrom(c.to, port)
				if _, err := client.WriteToUDPAddrPort(want, to); err != nil {
					t.Fatal(err)
				}
				b := make([]byte, 1<<16)
				n, m, err := client.ReadMsg(b)
				if err != nil || n != c.reply || m.From != to {
					t.Fatalf("got %d octets, %+v, %v; want %d from %v", n, m, err, c.reply, to)
				}
				if s := seen.Load().([2]netip.AddrPort); s != [2]netip.AddrPort{m.To, to} {
					t.Errorf("handler saw from %v to %v, want %v and %v", s[0], s[1], m.To, to)
				}
				wantInlineStats(t, beta, 1, 1, 0)
			})
		}
	}
}

func TestInlinePort(t *testing.T) {
	_, beta := pair(t, 0)
	c, _ := inlineAt(t, beta, "udp", ":53", echo)
	for _, network := range []string{"udp", "udp4", "udp6"} {
		if err := listenPacketError(t, beta, network, ":53"); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%s: %v, want EADDRINUSE", network, err)
		}
		if d, err := beta.Inline(network, ":53", echo); d != nil || !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%s: %v, %v, want EADDRINUSE", network, d, err)
		}
	}
	if s := beta.Sockets(); len(s) != 1 || s[0].Local.Port() != 53 {
		t.Errorf("sockets %+v", s)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
	udpAt(t, beta, "udp", ":53")
	if d, err := beta.Inline("udp", ":53", echo); d != nil || !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("beside a socket: %v, %v, want EADDRINUSE", d, err)
	}
	for _, bad := range []struct {
		network, address string
		want             error
	}{
		{"tcp", ":53", nil}, {"udp5", ":53", nil}, {"udp", "203.0.113.9:53", syscall.EADDRNOTAVAIL}, {"udp", "nonsense", nil},
	} {
		d, err := beta.Inline(bad.network, bad.address, echo)
		if d != nil || err == nil || bad.want != nil && !errors.Is(err, bad.want) {
			t.Errorf("Inline(%q, %q) = %v, %v", bad.network, bad.address, d, err)
		}
	}
}

func TestInlineBroadcastAndMulticast(t *testing.T) {
	alpha, beta := pair(t, 0)
	_, port := inlineAt(t, beta, "udp", ":0", echo)
	client := udpAt(t, alpha, "udp4", ":0")
	group := netip.MustParseAddr("239.1.2.3")
	member := udpAt(t, beta, "udp4", ":0")
	if err := errors.Join(member.JoinGroup("eth0", group), client.SetOutgoingInterface("eth0")); err != nil {
		t.Fatal(err)
	}
	for _, to := range []netip.Addr{netip.MustParseAddr("255.255.255.255"), netip.MustParseAddr("198.51.100.255"), group} {
		if _, err := client.WriteToUDPAddrPort([]byte("who"), netip.AddrPortFrom(to, port)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 10)
		n, from, err := client.ReadFromUDPAddrPort(b)
		if err != nil || string(b[:n]) != "who" || from != netip.AddrPortFrom(peer4, port) {
			t.Errorf("%v: %q from %v, %v", to, b[:n], from, err)
		}
	}
}

func TestInlineConcurrent(t *testing.T) {
	alpha, beta := pair(t, 0)
	_, port := inlineAt(t, beta, "udp", ":0", echo)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			c := udpAt(t, alpha, "udp", ":0")
			b := make([]byte, 10)
			for j := range 100 {
				want := []byte{byte(i), byte(j)}
				c.WriteToUDPAddrPort(want, netip.AddrPortFrom(peer4, port))
				if n, _, err := c.ReadFrom(b); err != nil || !bytes.Equal(b[:n], want) {
					t.Errorf("client %d, datagram %d: % x, %v", i, j, b[:n], err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestInlinePanicAndSilence(t *testing.T) {
	alpha, beta := pair(t, 0)
	_, port := inlineAt(t, beta, "udp", ":0", func(reply, request []byte, _, _ netip.AddrPort) []byte {
		switch string(request) {
		case "panic":
			panic("a bug of the handler")
		case "silence":
			return nil
		case "too long":
			return make([]byte, 70000)
		case "own memory":
			return []byte("mine")
		}
		return append(reply, request...)
	})
	c := udpAt(t, alpha, "udp", ":0")
	for _, s := range []string{"panic", "silence", "too long", "own memory", "last"} {
		if _, err := c.WriteToUDPAddrPort([]byte(s), netip.AddrPortFrom(peer4, port)); err != nil {
			t.Fatal(err)
		}
	}
	b := make([]byte, 100)
	for _, want := range []string{"mine", "last"} {
		if n, _, err := c.ReadFrom(b); err != nil || string(b[:n]) != want {
			t.Errorf("%q, %v; want %q", b[:n], err, want)
		}
	}
	wantInlineStats(t, beta, 5, 2, 2)
}

// TestInlineLoop has one handler's port ask another's, or itself, on the same host: it must not be answered, or the two
// would call each other until the goroutine's stack is full. A socket of the host is answered.
func TestInlineLoop(t *testing.T) {
	s := newStation(t, InterfaceConfig{})
	closer, one := inlineAt(t, s.host, "udp", ":0", echo)
	_, two := inlineAt(t, s.host, "udp", ":0", echo)
	for _, from := range []uint16{one, two} {
		id, pkt := inlinePacket(netip.AddrPortFrom(host4, from), netip.AddrPortFrom(host4, one))
		closer.(*inlineEndpoint).HandlePacket(id, pkt)
		pkt.DecRef()
	}
	wantInlineStats(t, s.host, 0, 0, 2)
	c := udpAt(t, s.host, "udp4", netip.AddrPortFrom(host4, 0).String())
	if _, err := c.WriteToUDPAddrPort([]byte("x"), netip.AddrPortFrom(host4, one)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.ReadFrom(make([]byte, 10)); err != nil {
		t.Errorf("a socket of the host itself: %v", err)
	}
}

// TestInlineUnanswerable sends what must not be answered.
func TestInlineUnanswerable(t *testing.T) {
	s := newStation(t, InterfaceConfig{})
	_, port := inlineAt(t, s.host, "udp4", ":0", echo)
	to := netip.AddrPortFrom(host4, port)
	good := netip.AddrPortFrom(peer4, 9999)
	for _, from := range []netip.AddrPort{
		netip.AddrPortFrom(peer4, 0),
		netip.AddrPortFrom(netip.IPv4Unspecified(), 68),
	} {
		s.sendBytes(ip4(from.Addr(), to.Addr(), 17, udpDatagram(from, to, []byte("bad"), 0), 0, false))
	}
	s.sendBytes(ip4(good.Addr(), to.Addr(), 17, udpDatagram(good, to, []byte("wrong sum"), 1), 0, false))
	short := udpDatagram(good, to, []byte("short"), 0)
	for i := range short {
		s.sendBytes(ip4(good.Addr(), to.Addr(), 17, short[:i], 0, false))
	}
	s.sendBytes(ip4(good.Addr(), to.Addr(), 17, udpDatagram(good, to, []byte("good"), 0), 0, false))
	answer := s.expect("an answer", func(b []byte) bool { return b[12] == 0x08 && b[13] == 0 && b[23] == 17 })
	if !bytes.HasSuffix(answer, []byte("good")) {
		t.Errorf("answered % x", answer)
	}
	wantInlineStats(t, s.host, 1, 1, 2)
}

func TestInlineCloseWaits(t *testing.T) {
	alpha, beta := pair(t, 0)
	entered, leave := make(chan struct{}), make(chan struct{})
	var done atomic.Bool
	h, port := inlineAt(t, beta, "udp", ":0", func(reply, _ []byte, _, _ netip.AddrPort) []byte {
		close(entered)
		<-leave
		done.Store(true)
		return nil
	})
	c := udpAt(t, alpha, "udp", ":0")
	c.WriteToUDPAddrPort([]byte("x"), netip.AddrPortFrom(peer4, port))
	<-entered
	time.AfterFunc(5*time.Millisecond, func() { close(leave) })
	h.Close()
	if !done.Load() {
		t.Error("Close returned while the handler ran")
	}
}

// TestInlineAddressRemoved changes the way back while it is cached.
func TestInlineAddressRemoved(t *testing.T) {
	alpha, beta := pair(t, 0)
	_, port := inlineAt(t, beta, "udp4", ":0", echo)
	second := netip.MustParsePrefix("198.51.100.9/24")
	if err := beta.AddAddress("eth0", second); err != nil {
		t.Fatal(err)
	}
	c := udpAt(t, alpha, "udp4", ":0")
	ask := func(a netip.Addr) error {
		c.WriteToUDPAddrPort([]byte("x"), netip.AddrPortFrom(a, port))
		c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		_, _, err := c.ReadFrom(make([]byte, 1))
		return err
	}
	c.SetReadDeadline(time.Now().Add(testTimeout))
	if err := ask(second.Addr()); err != nil {
		t.Fatal(err)
	}
	if err := beta.RemoveAddress("eth0", second); err != nil {
		t.Fatal(err)
	}
	if err := ask(second.Addr()); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("an address that was removed: %v", err)
	}
	if err := beta.AddAddress("eth0", netip.PrefixFrom(peer4, 24)); err == nil {
		t.Error("the remaining address was added twice")
	}
	if err := beta.AddAddress("eth0", second); err != nil {
		t.Fatal(err)
	}
	if err := ask(second.Addr()); err != nil {
		t.Errorf("an address that came back: %v", err)
	}
}

// TestInlineDoesNotAllocate calls the endpoint as the engine does.
func TestInlineDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("allocations cannot be counted under the race detector")
	}
	dev, end := pipe.New(pipe.Config{Offload: pipe.AllOffloads, Names: [2]string{"eth0", "sink"}})
	var frames [64]link.Frame
	drain := func() { // gives the frames back to the pool
		n, _ := end.ReadFrames(frames[:])
		link.ReleaseAll(frames[:n])
	}
	h := newTestHost(t, dev, InterfaceConfig{Addresses: []netip.Prefix{netip.PrefixFrom(host4, 24)}})
	if err := h.AddNeighbor(Neighbor{Addr: peer4, Link: peerMAC, Interface: "eth0"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		handler func(reply, request []byte, from, to netip.AddrPort) []byte
		most    float64
	}{
		{"silent", func(_, _ []byte, _, _ netip.AddrPort) []byte { return nil }, 0},
		{"answer", echo, 2}, // of the engine, for each packet that it sends
	} {
		t.Run(c.name, func(t *testing.T) {
			closer, port := inlineAt(t, h, "udp4", ":0", c.handler)
			from, to := netip.AddrPortFrom(peer4, 9999), netip.AddrPortFrom(host4, port)
			id, pkt := inlinePacket(from, to)
			defer pkt.DecRef()
			ep := closer.(*inlineEndpoint)
			got := testing.AllocsPerRun(200, func() {
				ep.HandlePacket(id, pkt)
				if c.most > 0 {
					drain()
				}
			})
			if got > c.most {
				t.Errorf("%v allocations, want %v at most", got, c.most)
			} else {
				t.Logf("%v allocations", got)
			}
			if hits, _, drops := h.inlineStats(); hits == 0 || drops != 0 {
				t.Errorf("%d hits, %d drops", hits, drops)
			}
		})
	}
}

func BenchmarkInlineEcho(b *testing.B) {
	alpha, beta := pair(b, pipe.AllOffloads)
	_, port := inlineAt(b, beta, "udp4", ":0", echo)
	benchmarkEcho(b, alpha, port)
}

func BenchmarkSocketEcho(b *testing.B) {
	alpha, beta := pair(b, pipe.AllOffloads)
	pc, err := beta.ListenPacket("udp4", ":0")
	if err != nil {
		b.Fatal(err)
	}
	defer pc.Close()
	go func() { // ends when pc is closed
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.(*UDPConn).ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			pc.(*UDPConn).WriteToUDPAddrPort(buf[:n], from)
		}
	}()
	benchmarkEcho(b, alpha, portOf(pc))
}

func benchmarkEcho(b *testing.B, h *Host, port uint16) {
	c, err := h.ListenPacket("udp4", ":0")
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	u, to := c.(*UDPConn), netip.AddrPortFrom(peer4, port)
	request, reply := make([]byte, 64), make([]byte, 1500)
	u.SetReadDeadline(time.Now().Add(time.Minute))
	b.ReportAllocs()
	for b.Loop() {
		u.WriteToUDPAddrPort(request, to)
		if _, _, err := u.ReadFromUDPAddrPort(reply); err != nil {
			b.Fatal(err)
		}
	}
}
