package apps_test

import (
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tapestry/apps"
	"tapestry/internal/nstest"
)

func TestEnvDefaults(t *testing.T) {
	e := apps.NewEnv(apps.EnvConfig{})
	if _, err := e.Store(); err == nil || !strings.Contains(err.Error(), "no state folder") {
		t.Errorf("Store: got %v, want an error that says there is no state folder", err)
	}
	if _, err := e.TLS(); err == nil || !strings.Contains(err.Error(), "give certificate and key") {
		t.Errorf("TLS: got %v, want an error with a remedy", err)
	}
	if err := e.Lab().Netstat(t.Context(), io.Discard); err == nil {
		t.Error("Netstat outside of a lab: got no error")
	}
	if got := e.Host().Name(); got != "localhost" {
		t.Errorf("Host().Name: got %q, want localhost", got)
	}
	e.Log().Info("goes nowhere")
	e.Counters("a").Add("b", 1)
	if d := time.Since(e.Clock().Now()); d < 0 || d > time.Minute {
		t.Errorf("Clock is off by %v", d)
	}
}

// inlineTest registers h and gives a client's connected socket.
func inlineTest(t *testing.T, n apps.Network, network, bind, host string, h apps.InlineHandler) net.Conn {
	t.Helper()
	closer, err := n.Inline(network, bind, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closer.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	_, port, err := net.SplitHostPort(closer.(interface{ LocalAddr() net.Addr }).LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("udp", net.JoinHostPort(host, port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEnvInlinePanic(t *testing.T) {
	var log lockedBuffer
	var counters apps.CounterSet
	e := apps.NewEnv(apps.EnvConfig{AppName: "test", Counters: &counters, Log: slog.New(slog.NewTextHandler(&log, nil))})
	c := inlineTest(t, e, "udp", "127.0.0.1:0", "127.0.0.1", func(reply, request []byte, _, _ netip.AddrPort) []byte {
		if request[0] == '!' {
			panic("a bug of ours")
		}
		return append(reply, request...)
	})
	for _, s := range []string{"!", "x"} {
		if _, err := c.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	b := make([]byte, 10)
	if n, err := c.Read(b); err != nil || string(b[:n]) != "x" {
		t.Errorf("after a panic: got %q, %v, want x", b[:n], err)
	}
	if counters.Value("test.panics") != 1 || !strings.Contains(log.String(), "a bug of ours") {
		t.Errorf("the panic is not reported: %v %s", counters.Snapshot(), log.String())
	}
}

// TestSystemInlineAddresses holds that an answer comes from the address that was asked, whatever the socket is bound to.
func TestSystemInlineAddresses(t *testing.T) {
	nstest.Require(t) // it listens on every address
	tests := []struct{ name, network, bind, host string }{
		{"one address", "udp", "127.0.0.1:0", "127.0.0.1"},
		{"any of both families, IPv4", "udp", ":0", "127.0.0.5"},
		{"any of both families, IPv6", "udp", ":0", "::1"},
		{"any of IPv4", "udp4", ":0", "127.0.0.5"},
		{"any of IPv6", "udp6", ":0", "::1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := inlineTest(t, apps.System{}, tt.network, tt.bind, tt.host, func(reply, _ []byte, from, to netip.AddrPort) []byte {
				return append(reply, from.String()+" "+to.String()...)
			})
			if _, err := c.Write([]byte("who?")); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 200)
			n, err := c.Read(b)
			if want := c.LocalAddr().String() + " " + c.RemoteAddr().String(); string(b[:n]) != want {
				t.Errorf("got %q, %v, want %q", b[:n], err, want)
			}
		})
	}
}

func TestSystemInlineErrors(t *testing.T) {
	tests := []struct{ name, network, address string }{
		{"no such network", "tcp", "127.0.0.1:0"},
		{"no address of this machine", "udp", "203.0.113.1:0"},
		{"no port", "udp", "127.0.0.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := apps.System{}.Inline(tt.network, tt.address, nil)
			if err == nil {
				_ = c.Close()
				t.Error("got no error")
			}
		})
	}
}
