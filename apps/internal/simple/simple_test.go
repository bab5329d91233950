package simple

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/iotest"
	"time"

	"tapestry/apps"
	"tapestry/apps/apptest"
)

var testApp = apps.App{Name: "test", New: func(env apps.Env, cfg apps.Config) (apps.Server, error) {
	c := Defaults(7)
	if err := cfg.Decode(&c); err != nil {
		return nil, err
	}
	return New(env, cfg, c, Service{
		Name:    "test",
		Session: func(_ context.Context, c net.Conn) { _, _ = io.Copy(c, c) },
		Answer:  func(reply, request []byte) []byte { return append(reply, request...) },
	})
}}

func TestLoops(t *testing.T) {
	tests := []struct {
		name     string
		from, to uint16
		want     bool
	}{
		{"client", 40000, 7, false},
		{"no port", 0, 7, true},
		{"echo", 7, 19, true},
		{"daytime", 13, 7, true},
		{"quote", 17, 7, true},
		{"chargen", 19, 7, true},
		{"time", 37, 7, true},
		{"discard never answers", 9, 7, false},
		{"itself on another port", 7007, 7007, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := loops(tt.from, tt.to); got != tt.want {
				t.Errorf("loops(%d, %d): got %v, want %v", tt.from, tt.to, got, tt.want)
			}
		})
	}
}

func TestLoopProtection(t *testing.T) {
	apptest.TestServer(t, apptest.Case{App: testApp}, func(t *testing.T, s *apptest.Server) {
		if !s.OnStack {
			t.Skip("a client's port cannot be chosen on the machine's own network")
		}
		to := net.UDPAddrFromAddrPort(s.AddrPort("udp", 7))
		for i, from := range []string{":7", ":13", ":17", ":19", ":37"} {
			c, err := s.Client.ListenPacket("udp4", from)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.WriteTo([]byte("loop"), to); err != nil {
				t.Fatal(err)
			}
			apptest.Eventually(t, "the drop of a datagram from "+from, func() bool {
				return s.Counters.Value("test.drop.loop") == uint64(i+1)
			})
		}
		c := s.Dial(t, "udp", 7)
		if _, err := c.Write([]byte("fine")); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 10)
		if n, err := c.Read(b); err != nil || string(b[:n]) != "fine" {
			t.Errorf("from a client's port: got %q, %v", b[:n], err)
		}
		if in, out := s.Counters.Value("test.udp.in"), s.Counters.Value("test.udp.out"); in != 6 || out != 1 {
			t.Errorf("got %d datagrams in and %d out, want 6 and 1", in, out)
		}
	})
}

func TestGroups(t *testing.T) {
	tests := []struct {
		name, to string
		want     bool
	}{
		{"a host", "198.51.100.2", false},
		{"every host", "255.255.255.255", true},
		{"group of IPv4", "224.0.0.1", true},
		{"group of IPv6", "ff02::1", true},
		{"link-local host", "fe80::1", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := isGroup(netip.MustParseAddr(tt.to)); got != tt.want {
				t.Errorf("isGroup(%s): got %v, want %v", tt.to, got, tt.want)
			}
		})
	}
}

func TestConfig(t *testing.T) {
	tests := []struct{ name, config, want string }{
		{"port", `port = 0`, `config:1: port: must be a port from 1 to 65535`},
		{"sessions", "\nmax_sessions = 0", `config:2: max_sessions: must be 1 or more`},
		{"nothing", "tcp = false\nudp = false", `config:1: tcp: the app has no network; set one of tcp, udp, spx and ipx to true, or leave the app out`},
		{"negative time", `idle_timeout = "-1s"`, `config:1: idle_timeout: a negative time: "-1s"; must be a time such as "500ms", "10s" or "2h"`},
		{"unknown", `idle_timout = "1s"`, `config:1: idle_timout: unknown key; did you mean "idle_timeout"?`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := apps.TableConfig(tt.config)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := testApp.New(apps.NewEnv(apps.EnvConfig{}), cfg); err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestSwitches(t *testing.T) {
	tests := []struct{ name, config, on, off string }{
		{"tcp alone", "udp = false", "tcp", "udp"},
		{"udp alone", "tcp = false", "udp", "tcp"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			apptest.TestServer(t, apptest.Case{App: testApp, Config: tt.config}, func(t *testing.T, s *apptest.Server) {
				c := s.Dial(t, tt.on, 7)
				if _, err := c.Write([]byte("x")); err != nil {
					t.Fatal(err)
				}
				if _, err := c.Read(make([]byte, 1)); err != nil {
					t.Errorf("%s: %v", tt.on, err)
				}
				if l, err := s.Env.Listen("tcp", ":7"); tt.off == "tcp" && err != nil {
					t.Errorf("tcp is taken: %v", err)
				} else if err == nil {
					_ = l.Close()
				}
				if p, err := s.Env.ListenPacket("udp", ":7"); tt.off == "udp" && err != nil {
					t.Errorf("udp is taken: %v", err)
				} else if err == nil {
					_ = p.Close()
				}
			})
		})
	}
}

func TestLimits(t *testing.T) {
	c := apptest.Case{App: testApp, Config: "max_sessions = 1\nidle_timeout = \"1m\""}
	apptest.TestServer(t, c, func(t *testing.T, s *apptest.Server) {
		first := s.Dial(t, "tcp", 7)
		if _, err := first.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := first.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Dial(t, "tcp", 7).Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("a second session: got %d, %v, want a closed connection", n, err)
		}
		s.Clock.Advance(time.Minute)
		if n, err := first.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("an idle session: got %d, %v, want a closed connection", n, err)
		}
		for _, name := range []string{"test.drop.sessions", "test.drop.idle"} {
			if got := s.Counters.Value(name); got != 1 {
				t.Errorf("%s: got %d, want 1", name, got)
			}
		}
	})
}

// TestBuffer reads streams in pieces of many sizes, and holds that the large buffer comes and goes.
func TestBuffer(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcdef"), 3*largeSize/16)
	tests := []struct {
		name string
		r    func(io.Reader) io.Reader
	}{
		{"as much as fits", func(r io.Reader) io.Reader { return r }},
		{"halves", iotest.HalfReader},
		{"error with the data", iotest.DataErrReader},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b Buffer
			defer b.Release()
			var got []byte
			r := tt.r(bytes.NewReader(want))
			for {
				data, err := b.Read(r)
				got = append(got, data...)
				if errors.Is(err, io.EOF) {
					break
				}
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got %d octets, want %d, or other ones", len(got), len(want))
			}
			if b.large != nil {
				t.Error("a large buffer is held at the end, when a read brought nothing")
			}
		})
	}
}
