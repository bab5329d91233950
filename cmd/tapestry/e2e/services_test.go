package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestServices asks the small services with nc, over everything they serve.
func TestServices(t *testing.T) {
	t.Parallel()
	need(t, "nc", "od")
	l := startLab(t, "", options{})
	year := time.Now().UTC().Format("2006")
	tests := []struct{ name, port, send, filter, want string }{
		{"echo", "7", `printf 'hello\n'`, "cat", "hello\n"},
		{"discard", "9", `printf 'hello\n'`, "wc -c", "0\n"},
		{"daytime", "13", `printf x`, "cat", year},
		{"qotd", "17", `printf x`, "wc -l | tr -d 0", ""},
		{"chargen", "19", `printf x`, "head -c1 | wc -c", "1\n"},
		{"time", "37", `printf x`, "od -An -tx1 | wc -w", "4\n"},
	}
	for _, address := range []string{"198.51.100.2", "2001:db8:51::2"} {
		for _, flags := range []string{"-N -w3", "-u -w1"} {
			for _, tt := range tests {
				t.Run(fmt.Sprintf("%s %s %s", tt.name, flags, address), func(t *testing.T) {
					t.Parallel()
					out := l.sh(t, fmt.Sprintf("%s | nc %s %s %s | %s", tt.send, flags, address, tt.port, tt.filter))
					if !strings.Contains(out, tt.want) || out == "" {
						t.Errorf("got %q, want %q in it", out, tt.want)
					}
				})
			}
		}
	}
}

// TestEchoLoop holds that a datagram which would start a loop between two servers is not answered, and that one can see why.
func TestEchoLoop(t *testing.T) {
	t.Parallel()
	need(t, "nc")
	l := startLab(t, "", options{})
	tests := []struct{ from, to, counter string }{
		{"7", "7", "echo.drop.loop"},
		{"19", "7", "echo.drop.loop"},
		{"7", "19", "chargen.drop.loop"},
		{"19", "19", "chargen.drop.loop"},
	}
	for _, tt := range tests {
		if out := l.sh(t, "printf x | nc -u -w1 -p "+tt.from+" 198.51.100.2 "+tt.to); out != "" {
			t.Errorf("port %s answers port %s with %q", tt.to, tt.from, out)
		}
	}
	stats := l.tool(t, "stats")
	for _, counter := range []string{"echo.drop.loop", "chargen.drop.loop"} {
		if line := lineWith(stats, counter); !strings.HasSuffix(line, " 2") {
			t.Errorf("stats says %q of %s, want 2:\n%s", line, counter, stats)
		}
	}
}

// TestEchoFragments has datagrams of nc's largest size sent back, in fragments both ways.
func TestEchoFragments(t *testing.T) {
	t.Parallel()
	need(t, "nc")
	l := startLab(t, "", options{})
	l.sh(t, `head -c 16384 /dev/urandom >sent
for a in 198.51.100.2 2001:db8:51::2; do nc -u -w1 $a 7 <sent | cmp - sent; done`)
}
