package stack

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"tapestry/link/pipe"
)

func udpAt(t *testing.T, h *Host, network, address string) *UDPConn {
	t.Helper()
	c, err := h.ListenPacket(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetReadDeadline(time.Now().Add(testTimeout))
	return c.(*UDPConn)
}

func portOf(c net.PacketConn) uint16 { return c.LocalAddr().(*net.UDPAddr).AddrPort().Port() }

func TestUDP(t *testing.T) {
	for _, o := range offloads {
		for _, c := range []struct {
			name, network string
			to            netip.Addr
			size          int
		}{
			{"IPv4", "udp4", peer4, 100},
			{"IPv6", "udp6", peer6, 100},
			{"IPv4 on a dual socket", "udp", peer4, 100},
			{"IPv6 on a dual socket", "udp", peer6, 100},
			{"empty", "udp", peer4, 0},
			{"fragments, IPv4", "udp", peer4, 4000},
			{"fragments, IPv6", "udp", peer6, 4000},
			{"largest, IPv4", "udp", peer4, 65507},
		} {
			t.Run(o.name+"/"+c.name, func(t *testing.T) {
				alpha, beta := pair(t, o.o)
				server, client := udpAt(t, beta, c.network, ":0"), udpAt(t, alpha, c.network, ":0")
				want := bytes.Repeat([]byte("u"), c.size)
				to := netip.AddrPortFrom(c.to, portOf(server))
				if n, err := client.WriteToUDPAddrPort(want, to); n != c.size || err != nil {
					t.Fatalf("wrote %d, %v", n, err)
				}
				b := make([]byte, 1<<16)
				n, m, err := server.ReadMsg(b)
				if err != nil || !bytes.Equal(b[:n], want) {
					t.Fatalf("got %d octets, %v; want %d", n, err, c.size)
				}
				if m.To != to || m.Interface != "eth0" || m.TTL != 64 || m.From.Addr().Is4() != c.to.Is4() {
					t.Errorf("message %+v, want to %v on eth0 with TTL 64", m, to)
				}
				if _, err := server.WriteTo(b[:n], net.UDPAddrFromAddrPort(m.From)); err != nil {
					t.Fatal(err)
				}
				n, from, err := client.ReadFrom(b)
				if err != nil || n != c.size || from.String() != to.String() {
					t.Errorf("got %d octets from %v, %v; want %d from %v", n, from, err, c.size, to)
				}
			})
		}
	}
}

func TestUDPTruncates(t *testing.T) {
	alpha, _ := pair(t, 0)
	c := udpAt(t, alpha, "udp", "127.0.0.1:0")
	for _, size := range []int{0, 3} {
		c.WriteTo([]byte("long datagram"), c.LocalAddr())
		c.WriteTo([]byte("next"), c.LocalAddr())
		b := make([]byte, size)
		if n, from, err := c.ReadFrom(b); n != size || err != nil || from.String() != c.LocalAddr().String() {
			t.Errorf("buffer of %d: %d from %v, %v", size, n, from, err)
		}
		b = make([]byte, 10)
		if n, _, err := c.ReadFrom(b); string(b[:n]) != "next" || err != nil {
			t.Errorf("after a cut datagram: %q, %v", b[:n], err)
		}
	}
}

func TestUDPConnected(t *testing.T) {
	alpha, beta := pair(t, 0)
	server := udpAt(t, beta, "udp", "198.51.100.1:0")
	c, err := alpha.Dial("udp", server.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := c.LocalAddr().(*net.UDPAddr).IP.String(); got != "198.51.100.2" {
		t.Errorf("local address %s", got)
	}
	other := udpAt(t, beta, "udp", "198.51.100.1:0")
	if _, err := c.Write([]byte("ask")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	n, from, err := server.ReadFromUDP(b)
	if err != nil || string(b[:n]) != "ask" {
		t.Fatalf("%q, %v", b[:n], err)
	}
	other.WriteToUDP([]byte("not asked"), from)
	server.WriteToUDP([]byte("answer"), from)
	c.SetReadDeadline(time.Now().Add(testTimeout))
	if n, err = c.Read(b); err != nil || string(b[:n]) != "answer" {
		t.Errorf("%q, %v; want the peer's datagram only", b[:n], err)
	}
}

func TestBroadcast(t *testing.T) {
	alpha, beta := pair(t, pipe.AllOffloads)
	server := udpAt(t, beta, "udp4", ":67")
	client := udpAt(t, alpha, "udp4", ":68")
	if err := client.SetOutgoingInterface("eth0"); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"255.255.255.255:67", "198.51.100.255:67"} {
		t.Run(to, func(t *testing.T) {
			ap := netip.MustParseAddrPort(to)
			if _, err := client.WriteToUDPAddrPort([]byte("discover"), ap); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 100)
			n, m, err := server.ReadMsg(b)
			if err != nil || string(b[:n]) != "discover" || m.To != ap || m.Interface != "eth0" {
				t.Fatalf("%q, %+v, %v", b[:n], m, err)
			}
			if m.From.Addr() != host4 {
				t.Errorf("from %v, want %v", m.From, host4)
			}
			offer := Message{To: netip.MustParseAddrPort("255.255.255.255:68"), Interface: m.Interface}
			if _, err := server.WriteMsg([]byte("offer"), offer); err != nil {
				t.Fatal(err)
			}
			if n, _, err = client.ReadMsg(b); err != nil || string(b[:n]) != "offer" {
				t.Errorf("%q, %v", b[:n], err)
			}
		})
	}
	if _, err := server.WriteMsg(nil, Message{To: netip.MustParseAddrPort("255.255.255.255:68"), Interface: "eth9"}); err == nil {
		t.Error("an interface that is not there was accepted")
	}
}

func TestMulticast(t *testing.T) {
	for _, c := range []struct{ network, group string }{
		{"udp4", "224.0.0.251:5353"},
		{"udp6", "[ff02::fb%eth0]:5353"},
		{"udp", "239.1.2.3:5000"},
	} {
		t.Run(c.group, func(t *testing.T) {
			alpha, beta := pair(t, pipe.AllOffloads)
			group := netip.MustParseAddrPort(c.group)
			one, two := udpAt(t, beta, c.network, c.group), udpAt(t, beta, c.network, c.group) // two programs, one port
			outsider := udpAt(t, beta, c.network, ":0")
			for _, s := range []*UDPConn{one, two} {
				if err := s.JoinGroup("eth0", group.Addr()); err != nil {
					t.Fatal(err)
				}
			}
			client := udpAt(t, alpha, c.network, ":0")
			if err := errors.Join(client.SetMulticastInterface("eth0"), client.SetMulticastTTL(7)); err != nil {
				t.Fatal(err)
			}
			if group.Addr().Is6() {
				linkLocal(t, alpha) // the source of what goes to a group of the link
			}
			if _, err := client.WriteToUDPAddrPort([]byte("query"), group); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 100)
			for _, s := range []*UDPConn{one, two} {
				n, m, err := s.ReadMsg(b)
				if err != nil || string(b[:n]) != "query" || m.To != group || m.Interface != "eth0" || m.TTL != 7 {
					t.Errorf("%q, %+v, %v", b[:n], m, err)
				}
			}
			if err := one.LeaveGroup("eth0", group.Addr()); err != nil {
				t.Fatal(err)
			}
			if err := two.LeaveGroup("", group.Addr()); err != nil {
				t.Fatal(err)
			}
			client.WriteToUDPAddrPort([]byte("nobody"), group)
			client.WriteToUDPAddrPort([]byte("last"), netip.AddrPortFrom(peer(group.Addr()), portOf(outsider)))
			if n, _, err := outsider.ReadFrom(b); err != nil || string(b[:n]) != "last" {
				t.Errorf("%q, %v", b[:n], err)
			}
			one.SetReadDeadline(time.Unix(1, 0))
			if n, _, err := one.ReadFrom(b); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("after leaving: %q, %v", b[:n], err)
			}
		})
	}
}

// peer is beta's address of the same version as a.
func peer(a netip.Addr) netip.Addr {
	if a.Is4() {
		return peer4
	}
	return peer6
}

func TestMulticastErrors(t *testing.T) {
	alpha, _ := pair(t, 0)
	c := udpAt(t, alpha, "udp", ":0")
	if err := c.JoinGroup("eth0", host4); err == nil {
		t.Error("joined a group that is none")
	}
	if err := c.JoinGroup("eth9", netip.MustParseAddr("224.0.0.251")); err == nil {
		t.Error("joined on an interface that is not there")
	}
	c.Close()
	if err := c.JoinGroup("eth0", netip.MustParseAddr("224.0.0.251")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := c.SetTTL(3); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestUDPConcurrent has several readers and writers on one socket.
func TestUDPConcurrent(t *testing.T) {
	alpha, _ := pair(t, 0)
	c := udpAt(t, alpha, "udp", "127.0.0.1:0")
	const each, workers = 200, 4
	var wg sync.WaitGroup
	got := make(chan struct{}, each*workers)
	for range workers {
		wg.Go(func() {
			for range each {
				if _, err := c.WriteTo([]byte("x"), c.LocalAddr()); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			b := make([]byte, 10)
			for {
				if _, _, err := c.ReadFrom(b); err != nil {
					if !errors.Is(err, net.ErrClosed) {
						t.Error(err)
					}
					return
				}
				got <- struct{}{}
			}
		})
	}
	for range each * workers {
		select {
		case <-got:
		case <-time.After(testTimeout):
			t.Fatal("datagrams were lost within the host")
		}
	}
	c.Close()
	wg.Wait()
}

func TestUDPReadDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("allocations cannot be counted under the race detector")
	}
	alpha, _ := pair(t, 0)
	c := udpAt(t, alpha, "udp", "127.0.0.1:0")
	to := c.LocalAddr().(*net.UDPAddr).AddrPort()
	b := make([]byte, 1500)
	write := testing.AllocsPerRun(200, func() {
		c.WriteToUDPAddrPort(b[:100], to)
	})
	for range 201 {
		c.ReadFromUDPAddrPort(b)
	}
	both := testing.AllocsPerRun(200, func() {
		c.WriteToUDPAddrPort(b[:100], to)
		c.ReadFromUDPAddrPort(b)
	})
	t.Logf("allocations: %v for sending and delivery, %v with reading", write, both)
	if both > write {
		t.Errorf("reading allocates %v times", both-write)
	}
}

func TestRawICMP(t *testing.T) {
	alpha, beta := pair(t, pipe.AllOffloads)
	for _, c := range []struct {
		name, network string
		proto         int
		request       icmp.Type
		reply         icmp.Type
		to            netip.Addr
	}{
		{"IPv4", "ip4:icmp", 1, ipv4.ICMPTypeEcho, ipv4.ICMPTypeEchoReply, peer4},
		{"IPv4 by number", "ip4:1", 1, ipv4.ICMPTypeEcho, ipv4.ICMPTypeEchoReply, peer4},
		{"IPv4 of any", "ip:icmp", 1, ipv4.ICMPTypeEcho, ipv4.ICMPTypeEchoReply, peer4},
		{"IPv6", "ip6:ipv6-icmp", 58, ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply, peer6},
		{"IPv6 by number", "ip6:58", 58, ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply, peer6},
	} {
		t.Run(c.name, func(t *testing.T) {
			pc, err := alpha.ListenPacket(c.network, "")
			if err != nil {
				t.Fatal(err)
			}
			defer pc.Close()
			pc.SetDeadline(time.Now().Add(testTimeout))
			m := icmp.Message{Type: c.request, Body: &icmp.Echo{ID: 7, Seq: 9, Data: []byte("hello")}}
			b, err := m.Marshal(nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := pc.WriteTo(b, &net.IPAddr{IP: c.to.AsSlice()}); err != nil {
				t.Fatal(err)
			}
			in := make([]byte, 1500)
			for {
				n, from, err := pc.ReadFrom(in)
				if err != nil {
					t.Fatal(err)
				}
				got, err := icmp.ParseMessage(c.proto, in[:n])
				if err != nil {
					t.Fatal(err)
				}
				if got.Type != c.reply {
					continue // neighbours are asked for with ICMPv6
				}
				if e := got.Body.(*icmp.Echo); e.ID != 7 || e.Seq != 9 || string(e.Data) != "hello" || from.String() != c.to.String() {
					t.Errorf("%+v from %v", e, from)
				}
				break
			}
		})
	}
	t.Run("connected", func(t *testing.T) {
		c, err := alpha.Dial("ip4:icmp", "beta")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(testTimeout))
		b, _ := (&icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: 1}}).Marshal(nil)
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		in := make([]byte, 100)
		if n, err := c.Read(in); err != nil || n != 8 || in[0] != 0 {
			t.Errorf("% x, %v", in[:n], err)
		}
		if _, err := c.(*IPConn).WriteTo(b, c.RemoteAddr()); !errors.Is(err, net.ErrWriteToConnected) {
			t.Errorf("got %v, want net.ErrWriteToConnected", err)
		}
	})
	t.Run("wrong version", func(t *testing.T) {
		_, err := alpha.ListenPacket("ip4:ipv6-icmp", "")
		if !errors.Is(err, syscall.EPROTONOSUPPORT) {
			t.Errorf("got %v, want EPROTONOSUPPORT", err)
		}
	})
	_ = beta
}

func TestStripIPv4(t *testing.T) {
	packet := append([]byte{0x46}, make([]byte, 23)...) // a header of 24 octets
	packet = append(packet, "payload"...)
	for i := range packet {
		if n := stripIPv4(bytes.Clone(packet[:i])); i < 24 && n != 0 || i >= 24 && n != i-24 {
			t.Errorf("cut to %d: payload of %d", i, n)
		}
	}
	b := bytes.Clone(packet)
	if n := stripIPv4(b); string(b[:n]) != "payload" {
		t.Errorf("got %q", b[:n])
	}
	if n := stripIPv4([]byte(strings.Repeat("\x01", 30))); n != 0 {
		t.Errorf("header shorter than 20 octets: payload of %d", n)
	}
}
