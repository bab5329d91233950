package echo

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"tapestry/apps"
	"tapestry/apps/apptest"
)

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return b
}

func TestEchoStream(t *testing.T) {
	apptest.TestServer(t, apptest.Case{App: App}, func(t *testing.T, s *apptest.Server) {
		tests := []struct {
			name, network string
			size          int
		}{
			{"nothing", "tcp", 0},
			{"one octet", "tcp", 1},
			{"small", "tcp6", 1000},
			{"large", "tcp", 8 << 20},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				if tt.network == "tcp6" && !s.OnStack {
					t.Skip("the loopback server listens on IPv4")
				}
				c, want := s.Dial(t, tt.network, port), noise(tt.size)
				sent := make(chan error, 1)
				go func() {
					_, err := c.Write(want)
					sent <- err
					_ = apps.CloseWrite(c) // the server must still send back what it has
				}()
				got, err := io.ReadAll(c)
				if err != nil {
					t.Errorf("read: %v", err)
				}
				if err := <-sent; err != nil {
					t.Errorf("write: %v", err)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("got %d octets, want the same %d", len(got), len(want))
				}
			})
		}
	})
}

func TestEchoDatagrams(t *testing.T) {
	apptest.TestServer(t, apptest.Case{App: App}, func(t *testing.T, s *apptest.Server) {
		tests := []struct {
			name, network string
			size          int
		}{
			{"one octet", "udp", 1},
			{"a frame", "udp", 1472},
			{"a frame of IPv6", "udp6", 1452},
			{"fragments", "udp", 9000},
			{"largest", "udp", 65507},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				if tt.network == "udp6" && !s.OnStack {
					t.Skip("the loopback server listens on IPv4")
				}
				c, want := s.Dial(t, tt.network, port), noise(tt.size)
				if _, err := c.Write(want); err != nil {
					t.Fatal(err)
				}
				got := make([]byte, tt.size+1)
				n, err := c.Read(got)
				if err != nil || !bytes.Equal(got[:n], want) {
					t.Errorf("got %d octets, %v, want the same %d", n, err, len(want))
				}
			})
		}
	})
}

// TestEchoSlowReader holds that a client that only sends is stopped, and served on when it reads at last.
func TestEchoSlowReader(t *testing.T) {
	apptest.TestServer(t, apptest.Case{App: App}, func(t *testing.T, s *apptest.Server) {
		c, want := s.Dial(t, "tcp", port), noise(32<<20)
		go func() {
			_, _ = c.Write(want)
			_ = apps.CloseWrite(c)
		}()
		apptest.Eventually(t, "the first octets", func() bool { return s.Counters.Value("echo.tcp.sessions") == 1 })
		got, err := io.ReadAll(c)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("got %d octets, %v, want the same %d", len(got), err, len(want))
		}
	})
}

func TestEchoQuietSessions(t *testing.T) {
	apptest.TestServer(t, apptest.Case{App: App}, func(t *testing.T, s *apptest.Server) {
		for i := range 50 {
			c := s.Dial(t, "tcp", port)
			b := []byte{byte(i)}
			if _, err := c.Write(b); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(c, b); err != nil || b[0] != byte(i) {
				t.Fatalf("session %d: got %d, %v", i, b[0], err)
			}
		}
	})
}

// TestEchoSPX closes neither direction: a connection of SPX may end in both at once.
func TestEchoSPX(t *testing.T) {
	c := apptest.Case{App: App, Config: "spx = true\nipx = true"}
	apptest.TestServer(t, c, func(t *testing.T, s *apptest.Server) {
		stream, want := s.Dial(t, "spx", 0x8007), noise(1<<20)
		go func() { _, _ = stream.Write(want) }() // ends with the connection
		got := make([]byte, len(want))
		if n, err := io.ReadFull(stream, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("got %d octets, %v, want the same %d", n, err, len(want))
		}
		_ = stream.Close()
		apptest.Eventually(t, "the count of octets", func() bool {
			return s.Counters.Value("echo.spx.octets") == uint64(len(want))
		})
		packets := s.Dial(t, "ipx", 0x9007)
		for _, size := range []int{1, 546} {
			if _, err := packets.Write(want[:size]); err != nil {
				t.Fatal(err)
			}
			if n, err := packets.Read(got); err != nil || !bytes.Equal(got[:n], want[:size]) {
				t.Errorf("a datagram of %d octets: got %d, %v", size, n, err)
			}
		}
	})
}
