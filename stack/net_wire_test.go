package stack

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"tapestry/link/pipe"
)

// TestErrorsOverTheWire are errors that loopback cannot have, or where only the number matters.
func TestErrorsOverTheWire(t *testing.T) {
	alpha, beta := pair(t, pipe.AllOffloads)
	t.Run("refused", func(t *testing.T) {
		for _, a := range []netip.Addr{peer4, peer6} {
			_, err := alpha.Dial("tcp", netip.AddrPortFrom(a, 9).String())
			if !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("%v: got %v, want ECONNREFUSED", a, err)
			}
		}
	})
	t.Run("no route", func(t *testing.T) {
		for _, network := range []string{"tcp", "udp"} {
			_, err := alpha.Dial(network, "203.0.113.1:9")
			if !errors.Is(err, syscall.ENETUNREACH) {
				t.Errorf("%s: got %v, want ENETUNREACH", network, err)
			}
		}
	})
	t.Run("no neighbour", func(t *testing.T) {
		_, err := alpha.Dial("tcp", "198.51.100.77:9")
		if !errors.Is(err, syscall.EHOSTUNREACH) {
			t.Errorf("got %v, want EHOSTUNREACH", err)
		}
	})
	t.Run("deadline while dialing", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		_, err := alpha.DialContext(ctx, "tcp", "198.51.100.78:9")
		var ne net.Error
		if !errors.As(err, &ne) || !ne.Timeout() || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want a timeout", err)
		}
	})
	t.Run("cancelled while dialing", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(10*time.Millisecond, cancel)
		_, err := alpha.DialContext(ctx, "tcp", "198.51.100.79:9")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
	t.Run("write to a closed peer", func(t *testing.T) {
		c, s := accepted(t, alpha, beta, "tcp", "198.51.100.1:0")
		defer c.Close()
		s.Close()
		var err error
		for end := time.Now().Add(testTimeout); err == nil && time.Now().Before(end); {
			_, err = c.Write(make([]byte, 100)) // the first is answered with a RST
		}
		if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %v, want EPIPE or ECONNRESET", err)
		}
	})
	t.Run("connected UDP refused on write", func(t *testing.T) {
		c, err := alpha.Dial("udp", "198.51.100.1:9")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for end := time.Now().Add(testTimeout); err == nil && time.Now().Before(end); {
			_, err = c.Write([]byte("x"))
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("got %v, want ECONNREFUSED", err)
		}
	})
	t.Run("names", func(t *testing.T) {
		_, err := alpha.Dial("tcp", "nosuch.lab.example:9")
		var dns *net.DNSError
		if !errors.As(err, &dns) || !dns.IsNotFound {
			t.Errorf("got %v, want a *net.DNSError", err)
		}
	})
}
