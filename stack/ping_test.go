package stack

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link/pipe"
)

func TestPing(t *testing.T) {
	alpha, _ := pair(t, pipe.AllOffloads)
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	for _, c := range []struct {
		name string
		dst  netip.Addr
		o    PingOptions
		size int
	}{
		{"IPv4", peer4, PingOptions{}, 64},
		{"IPv6", peer6, PingOptions{}, 64},
		{"empty", peer4, PingOptions{Size: -1}, 8},
		{"fragments", peer4, PingOptions{Size: 4000}, 4008},
		{"fragments, IPv6", peer6, PingOptions{Size: 4000}, 4008},
		{"source and interface", peer4, PingOptions{Source: host4, Interface: "eth0"}, 64},
		{"loopback", netip.MustParseAddr("127.0.0.1"), PingOptions{}, 64},
		{"loopback, IPv6", netip.IPv6Loopback(), PingOptions{}, 64},
		{"itself", host4, PingOptions{}, 64},
		{"itself, IPv6", host6, PingOptions{}, 64},
		{"largest that fits", peer4, PingOptions{Size: 1472, DontFragment: true}, 1480},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := alpha.Ping(ctx, c.dst, c.o)
			if err != nil {
				t.Fatal(err)
			}
			if r.From != c.dst || r.Size != c.size || r.TTL != 64 || r.RTT <= 0 || r.RTT > testTimeout {
				t.Errorf("%+v, want from %v, size %d, TTL 64", r, c.dst, c.size)
			}
		})
	}
}

func TestPingErrors(t *testing.T) {
	alpha, _ := pair(t, 0)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	if _, err := alpha.Ping(ctx, netip.MustParseAddr("198.51.100.250"), PingOptions{}); err != context.DeadlineExceeded {
		t.Errorf("nobody there: %v", err)
	}
	ctx = context.Background()
	if _, err := alpha.Ping(ctx, netip.MustParseAddr("203.0.113.1"), PingOptions{}); !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("no route: %v", err)
	}
	if _, err := alpha.Ping(ctx, peer4, PingOptions{Size: 1473, DontFragment: true}); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("too big: %v", err)
	}
	if _, err := alpha.Ping(ctx, peer4, PingOptions{Size: 70000}); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("far too big: %v", err)
	}
	if _, err := alpha.Ping(ctx, peer4, PingOptions{Source: peer4}); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("source of another: %v", err)
	}
	if _, err := alpha.Ping(ctx, peer4, PingOptions{Interface: "eth9"}); err == nil {
		t.Error("an interface that is not there was accepted")
	}
	if _, err := alpha.Ping(ctx, netip.Addr{}, PingOptions{}); err == nil {
		t.Error("no address was accepted")
	}
}

func TestPingConcurrent(t *testing.T) {
	alpha, _ := pair(t, 0)
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			r, err := alpha.Ping(ctx, peer4, PingOptions{Size: 100 + i})
			if err != nil || r.Size != 108+i {
				t.Errorf("ping %d: %+v, %v", i, r, err)
			}
		})
	}
	wg.Wait()
}

// TestPingICMPErrors plays a router that refuses a request.
func TestPingICMPErrors(t *testing.T) {
	for _, c := range []struct {
		name      string
		dst, from netip.Addr
		typ, code uint8
		text      string
		exceeded  bool
	}{
		{"time exceeded", peer4, peer4, 11, 0, "198.51.100.1: time exceeded (ICMP type 11 code 0)", true},
		{"host unreachable", peer4, peer4, 3, 1, "198.51.100.1: host unreachable (ICMP type 3 code 1)", false},
		{"prohibited", peer4, peer4, 3, 13, "198.51.100.1: communication prohibited (ICMP type 3 code 13)", false},
		{"unknown code", peer4, peer4, 3, 99, "198.51.100.1: destination unreachable (ICMP type 3 code 99)", false},
		{"time exceeded, IPv6", peer6, peer6, 3, 0, "2001:db8:51::1: time exceeded (ICMP type 3 code 0)", true},
		{"no route, IPv6", peer6, peer6, 1, 0, "2001:db8:51::1: no route (ICMP type 1 code 0)", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStation(t, InterfaceConfig{})
			errs := make(chan error, 1)
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
				defer cancel()
				_, err := s.host.Ping(ctx, c.dst, PingOptions{TTL: 1})
				errs <- err
			}()
			request := s.expect("echo request", func(b []byte) bool { return isEchoRequest(b) })[14:]
			other := append([]byte(nil), request...) // with another identifier: an error about somebody else's request
			if c.dst.Is4() {
				other[24]++
				s.sendBytes(icmpError4(c.typ, c.code, 0, other))
				s.sendBytes(icmpError4(c.typ, c.code, 0, request))
			} else {
				other[44]++
				s.sendBytes(icmpError6(c.typ, c.code, 0, other))
				s.sendBytes(icmpError6(c.typ, c.code, 0, request))
			}
			var pe *PingError
			if err := <-errs; !errors.As(err, &pe) || pe.Error() != c.text || pe.TimeExceeded() != c.exceeded {
				t.Errorf("got %v, want %s", err, c.text)
			}
		})
	}
}

func isEchoRequest(b []byte) bool {
	switch {
	case len(b) > 34 && b[12] == 0x08 && b[13] == 0:
		return header.IPv4(b[14:]).Protocol() == 1 && b[34] == 8
	case len(b) > 54 && b[12] == 0x86 && b[13] == 0xdd:
		return header.IPv6(b[14:]).NextHeader() == 58 && b[54] == 128
	}
	return false
}

// FuzzPing gives a request under way any ICMP message.
func FuzzPing(f *testing.F) {
	f.Add(true, []byte{0, 0, 0, 0, 1, 2, 3, 4})
	f.Add(true, append([]byte{11, 0, 0, 0, 0, 0, 0, 0, 0x45}, make([]byte, 40)...))
	f.Add(true, append([]byte{3, 1, 0, 0, 0, 0, 0, 0, 0x4f}, make([]byte, 20)...))
	f.Add(false, append([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0x60, 0, 0, 0, 0, 0, 58}, make([]byte, 60)...))
	f.Add(false, append([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0x60, 0, 0, 0, 0, 0, 44}, make([]byte, 34)...))
	h, err := New(Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { h.Close() })
	f.Fuzz(func(t *testing.T, v4 bool, b []byte) {
		p := newPing(h, header.IPv4ProtocolNumber, peer4)
		if !v4 {
			p = newPing(h, header.IPv6ProtocolNumber, peer6)
		}
		reply := p.isReply(b, p.dst)
		if _, isError := p.readError(b, p.dst); (reply || isError) && !bytes.Contains(b, p.mark[:]) {
			t.Errorf("% x: taken for an answer to another request", b)
		}
	})
}

// TestQuoteTruncated cuts quoted packets anywhere.
func TestQuoteTruncated(t *testing.T) {
	s := newStation(t, InterfaceConfig{})
	for _, proto := range []tcpip.NetworkProtocolNumber{header.IPv4ProtocolNumber, header.IPv6ProtocolNumber} {
		p := newPing(s.host, proto, peer4)
		whole := ip4(host4, peer4, 1, append([]byte{8, 0, 0, 0}, p.mark[:]...), 0, false)[14:]
		if proto == header.IPv6ProtocolNumber {
			p.dst = peer6
			whole = ip6Fragment(host6, peer6, 58, append([]byte{128, 0, 0, 0}, p.mark[:]...), 0, true)[14:]
		}
		for i := range whole {
			if p.quoted(whole[:i]) {
				t.Errorf("cut to %d of %d octets: taken", i, len(whole))
			}
		}
		if !p.quoted(whole) {
			t.Errorf("% x: not taken", whole)
		}
	}
}
