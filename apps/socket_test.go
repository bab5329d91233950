package apps_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"tapestry/apps"
)

func TestSocketKey(t *testing.T) {
	const want = `must be true, or a socket in hexadecimal such as "8007"`
	tests := []struct {
		name, text string
		on         bool
		address    string
		err        string
	}{
		{"absent", "", false, ":8007", ""},
		{"the app's own", "spx = true", true, ":8007", ""},
		{"off", "spx = false", false, ":8007", ""},
		{"another", `spx = "4001"`, true, ":4001", ""},
		{"with 0x", `spx = "0x51"`, true, ":0051", ""},
		{"none", `spx = "0"`, false, "", `config:1: spx: not a socket: "0"; ` + want},
		{"empty", `spx = ""`, false, "", `config:1: spx: not a socket: ""; ` + want},
		{"too large", `spx = "12345"`, false, "", `config:1: spx: not a socket: "12345"; ` + want},
		{"a number", `spx = 4001`, false, "", "config:1: spx: " + want + ", not an integer"},
		{"a bool for a time", `idle = true`, false, "", `config:1: idle: must be a time such as "500ms", "10s" or "2h", not a bool`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table, err := apps.TableConfig(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			c := struct {
				SPX  apps.Socket   `toml:"spx"`
				Idle apps.Duration `toml:"idle"`
			}{SPX: apps.Socket{Number: 0x8007}}
			err = table.Decode(&c)
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("got  %v\nwant %s", err, tt.err)
				}
				return
			}
			if err != nil || c.SPX.On != tt.on || c.SPX.Address() != tt.address {
				t.Errorf("got %v %s, %v, want %v %s", c.SPX.On, c.SPX.Address(), err, tt.on, tt.address)
			}
		})
	}
}

// TestSystemHasNoIPX holds that the error says what to do, which "unknown network" would not.
func TestSystemHasNoIPX(t *testing.T) {
	tests := []struct {
		name string
		open func() error
	}{
		{"listen", func() error { _, err := apps.System{}.Listen("spx", ":8007"); return err }},
		{"packets", func() error { _, err := apps.System{}.ListenPacket("ipx", ":9007"); return err }},
		{"dial", func() error { _, err := apps.System{}.DialContext(t.Context(), "spx", "::8007"); return err }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var op *net.OpError
			if err := tt.open(); !errors.As(err, &op) || !strings.Contains(err.Error(), "run the app in a lab") {
				t.Errorf("got %v, want an OpError that says where there is IPX", err)
			}
		})
	}
}

func TestServeAll(t *testing.T) {
	broken := errors.New("broken")
	waits := func(ctx context.Context) error { <-ctx.Done(); return nil }
	fails := func(context.Context) error { return broken }
	if err := apps.ServeAll(t.Context(), waits, fails, waits); !errors.Is(err, broken) {
		t.Errorf("one that fails: got %v, want its error after the end of the others", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := apps.ServeAll(ctx, waits, waits); err != nil {
		t.Errorf("a context that has ended: got %v, want nil", err)
	}
}

// TestServePackets holds that a datagram that a handler panics on costs that datagram, and nothing else.
func TestServePackets(t *testing.T) {
	c, err := apps.System{}.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	var counters apps.CounterSet
	env := apps.NewEnv(apps.EnvConfig{Log: slog.New(slog.NewTextHandler(&log, nil))})
	answer := func(reply, request []byte, _ net.Addr) []byte {
		switch string(request) {
		case "!":
			panic("a bug of ours")
		case "?":
			return nil
		}
		return append(reply, request...)
	}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- apps.ServePackets(ctx, env, c, answer, counters.Group("test")) }() // ends with ctx
	client, err := net.Dial("udp", c.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for _, say := range []string{"!", "?", "fine"} {
		if _, err := client.Write([]byte(say)); err != nil {
			t.Fatal(err)
		}
	}
	b := make([]byte, 10)
	if n, err := client.Read(b); err != nil || string(b[:n]) != "fine" {
		t.Errorf("got %q, %v, want the answer to the last", b[:n], err)
	}
	cancel()
	if err := <-result; err != nil {
		t.Errorf("got %v, want nil after the end of the context", err)
	}
	if got := counters.Value("test.panics"); got != 1 || !strings.Contains(log.String(), "a bug of ours") {
		t.Errorf("got %d panics and the log %q, want one", got, log.String())
	}
	if _, err := c.WriteTo(nil, c.LocalAddr()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the socket after the end: got %v, want net.ErrClosed", err)
	}
}

func TestServePacketsClosed(t *testing.T) {
	c, err := apps.System{}.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	env, set := apps.NewEnv(apps.EnvConfig{}), new(apps.CounterSet)
	if err := apps.ServePackets(t.Context(), env, c, nil, set.Group("test")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want net.ErrClosed", err)
	}
}
