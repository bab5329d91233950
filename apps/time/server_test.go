package time

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"tapestry/apps"
	"tapestry/apps/apptest"
	"tapestry/apps/internal/simple"
)

func date(year int, month time.Month, day, hour, minute, second int) time.Time {
	return time.Date(year, month, day, hour, minute, second, 0, time.UTC)
}

// TestMessage has the moments that RFC 868 names, and those around the end of its count.
func TestMessage(t *testing.T) {
	tests := []struct {
		name string
		time time.Time
		want uint32
	}{
		{"1970", date(1970, 1, 1, 0, 0, 0), 2208988800},
		{"1976", date(1976, 1, 1, 0, 0, 0), 2398291200},
		{"1980", date(1980, 1, 1, 0, 0, 0), 2524521600},
		{"1983", date(1983, 5, 1, 0, 0, 0), 2629584000},
		{"the last second", date(2036, 2, 7, 6, 28, 15), 1<<32 - 1},
		{"the first again", date(2036, 2, 7, 6, 28, 16), 0},
		{"after", date(2036, 2, 7, 6, 28, 17), 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := binary.BigEndian.AppendUint32(nil, tt.want)
			if got := appendTime(nil, tt.time); !bytes.Equal(got, want) {
				t.Errorf("appendTime(%v): got %x, want %x", tt.time, got, want)
			}
			for _, off := range []time.Duration{0, 60 * 365 * 24 * time.Hour, -60 * 365 * 24 * time.Hour} {
				if got, err := parse(want, tt.time.Add(off)); err != nil || !got.Equal(tt.time) {
					t.Errorf("parse(%x) with a clock that is %v off: got %v, %v, want %v", want, off, got, err, tt.time)
				}
			}
			for n := range want {
				if got, err := parse(want[:n], tt.time); err == nil {
					t.Errorf("parse of %d octets: got %v, want an error", n, got)
				}
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0}, int64(0))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff}, int64(2085978496))
	f.Add([]byte{1, 2, 3}, int64(-1))
	f.Fuzz(func(t *testing.T, b []byte, now int64) {
		got, err := parse(b, time.Unix(now, 0))
		if err != nil {
			return
		}
		if back := appendTime(nil, got); !bytes.Equal(back, b) {
			t.Errorf("%x is %v, which is %x", b, got, back)
		}
	})
}

func TestServerAndClient(t *testing.T) {
	apptest.TestServer(t, apptest.Case{App: App}, func(t *testing.T, s *apptest.Server) {
		s.Clock.Advance(90 * time.Minute)
		client := apps.NewEnv(apps.EnvConfig{Net: s.Client, Clock: s.Clock})
		for _, network := range []string{"tcp", "udp"} {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			got, err := Ask(ctx, client, network, s.Addr(network, port))
			cancel()
			if want := apptest.Epoch.Add(90 * time.Minute); err != nil || !got.Equal(want) {
				t.Errorf("%s: got %v, %v, want %v", network, got, err, want)
			}
		}
	})
}

// saying is a server that says something else.
func saying(message string) apps.App {
	return apps.App{Name: "saying", New: func(env apps.Env, cfg apps.Config) (apps.Server, error) {
		c := simple.Defaults(port)
		c.UDP = false
		return simple.New(env, cfg, c, simple.Service{Name: "saying", Session: func(_ context.Context, c net.Conn) {
			_, _ = io.WriteString(c, message)
		}})
	}}
}

func TestAskRefusesNonsense(t *testing.T) {
	tests := []struct{ name, message string }{
		{"nothing: the server does not know the time", ""},
		{"short", "abc"},
		{"long", "abcde"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			apptest.TestServer(t, apptest.Case{App: saying(tt.message)}, func(t *testing.T, s *apptest.Server) {
				client := apps.NewEnv(apps.EnvConfig{Net: s.Client, Clock: s.Clock})
				if got, err := Ask(t.Context(), client, "tcp", s.Addr("tcp", port)); err == nil {
					t.Errorf("got %v, want an error", got)
				}
			})
		})
	}
}

func TestTimeSPX(t *testing.T) {
	c := apptest.Case{App: App, Config: "spx = true\nipx = true"}
	apptest.TestServer(t, c, func(t *testing.T, s *apptest.Server) {
		want := string(appendTime(nil, apptest.Epoch))
		got, err := io.ReadAll(s.Dial(t, "spx", 0x8037))
		if err != nil || string(got) != want {
			t.Errorf("SPX: got %q, %v, want %q", got, err, want)
		}
		packets := s.Dial(t, "ipx", 0x9037)
		if _, err := packets.Write([]byte("?")); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 600)
		if n, err := packets.Read(b); err != nil || string(b[:n]) != want {
			t.Errorf("IPX: got %q, %v, want %q", b[:n], err, want)
		}
	})
}
