package daytime

import (
	"io"
	"strings"
	"testing"
	"time"

	"tapestry/apps"
	"tapestry/apps/apptest"
)

func TestDaytime(t *testing.T) {
	tests := []struct{ name, config, want string }{
		{"default", ``, "Saturday, January 1, 2000 00:00:01-UTC\r\n"},
		{"smtp", `format = "smtp"`, "01 Jan 00 00:00:01 UTC\r\n"},
		{"rfc3339", `format = "rfc3339"`, "2000-01-01T00:00:01Z\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			apptest.TestServer(t, apptest.Case{App: App, Config: tt.config}, func(t *testing.T, s *apptest.Server) {
				s.Clock.Advance(time.Second)
				c := s.Dial(t, "udp", port)
				if _, err := c.Write([]byte("x")); err != nil {
					t.Fatal(err)
				}
				b := make([]byte, 100)
				if n, err := c.Read(b); err != nil || string(b[:n]) != tt.want {
					t.Errorf("got %q, %v, want %q", b[:n], err, tt.want)
				}
			})
		})
	}
}

func TestDialogues(t *testing.T) {
	apptest.TestServer(t, apptest.Case{App: App}, func(t *testing.T, s *apptest.Server) {
		s.Dialogues(t, "tcp", port, "testdata/*.txt")
	})
}

// TestClientThatStays holds that a client that never closes is left after a while.
func TestClientThatStays(t *testing.T) {
	apptest.TestServer(t, apptest.Case{App: App}, func(t *testing.T, s *apptest.Server) {
		c := s.Dial(t, "tcp", port)
		if err := apptest.Dialogue(c, "inline", "S: Saturday, *\nS.\n"); err != nil {
			t.Fatal(err)
		}
		apptest.Eventually(t, "the timers of the session", func() bool { return s.Clock.Timers() == 2 })
		s.Clock.Advance(5 * time.Second)
		apptest.Eventually(t, "the end of the session", func() bool { return s.Clock.Timers() == 0 })
	})
}

func TestConfig(t *testing.T) {
	tests := []struct{ name, config, want string }{
		{"format", `format = "iso"`, `config:1: format: there is no format "iso"; the formats are long, rfc3339, smtp`},
		{"zone", `zone = "Nowhere/Town"`, `config:1: zone: unknown time zone Nowhere/Town; name a zone`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := apps.TableConfig(tt.config)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := App.New(apps.NewEnv(apps.EnvConfig{}), cfg); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestDaytimeSPX(t *testing.T) {
	c := apptest.Case{App: App, Config: "spx = true\nipx = true"}
	apptest.TestServer(t, c, func(t *testing.T, s *apptest.Server) {
		const want = "Saturday, January 1, 2000 00:00:00-UTC\r\n"
		got, err := io.ReadAll(s.Dial(t, "spx", 0x8013))
		if err != nil || string(got) != want {
			t.Errorf("SPX: got %q, %v, want %q", got, err, want)
		}
		packets := s.Dial(t, "ipx", 0x9013)
		if _, err := packets.Write([]byte("?")); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 600)
		if n, err := packets.Read(b); err != nil || string(b[:n]) != want {
			t.Errorf("IPX: got %q, %v, want %q", b[:n], err, want)
		}
	})
}
