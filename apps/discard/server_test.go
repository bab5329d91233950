package discard

import (
	"io"
	"testing"

	"tapestry/apps"
	"tapestry/apps/apptest"
)

func TestDiscardStream(t *testing.T) {
	const size = 16 << 20
	apptest.TestServer(t, apptest.Case{App: App}, func(t *testing.T, s *apptest.Server) {
		c := s.Dial(t, "tcp", port)
		if n, err := c.Write(make([]byte, size)); n != size || err != nil {
			t.Fatalf("Write: got %d, %v, want %d", n, err, size)
		}
		if err := apps.CloseWrite(c); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(c); len(got) != 0 || err != nil {
			t.Errorf("got %q, %v, want nothing and the end", got, err)
		}
		apptest.Eventually(t, "the count of octets", func() bool {
			return s.Counters.Value("discard.tcp.octets") == size
		})
	})
}

func TestDiscardDatagrams(t *testing.T) {
	apptest.TestServer(t, apptest.Case{App: App}, func(t *testing.T, s *apptest.Server) {
		c := s.Dial(t, "udp", port)
		for _, size := range []int{1, 1472, 9000} {
			if _, err := c.Write(make([]byte, size)); err != nil {
				t.Fatal(err)
			}
		}
		apptest.Eventually(t, "three datagrams", func() bool { return s.Counters.Value("discard.udp.in") == 3 })
		if got := s.Counters.Value("discard.udp.out"); got != 0 {
			t.Errorf("answers: got %d, want 0", got)
		}
	})
}

func TestDiscardSPX(t *testing.T) {
	const size = 1 << 20
	c := apptest.Case{App: App, Config: "spx = true\nipx = true"}
	apptest.TestServer(t, c, func(t *testing.T, s *apptest.Server) {
		if n, err := s.Dial(t, "spx", 0x8009).Write(make([]byte, size)); n != size || err != nil {
			t.Fatalf("Write: got %d, %v, want %d", n, err, size)
		}
		if _, err := s.Dial(t, "ipx", 0x9009).Write(make([]byte, 500)); err != nil {
			t.Fatal(err)
		}
		apptest.Eventually(t, "the counts", func() bool {
			return s.Counters.Value("discard.spx.octets") == size && s.Counters.Value("discard.ipx.in") == 1
		})
	})
}
