package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestPingSizes has ping compare every octet of echoes that are empty, that fill a frame, and that come in fragments
// both ways.
func TestPingSizes(t *testing.T) {
	t.Parallel()
	need(t, "ping")
	l := startLab(t, "", options{})
	tests := []struct {
		name, host string
		sizes      []int
	}{
		{"IPv4", "198.51.100.2", []int{0, 1, 8, 56, 1472, 1473, 2000, 9000, 65507}},
		{"IPv6", "2001:db8:51::2", []int{0, 1, 8, 56, 1452, 1453, 2000, 9000, 65507, 65527}},
	}
	for _, tt := range tests {
		for _, size := range tt.sizes {
			t.Run(fmt.Sprintf("%s %d", tt.name, size), func(t *testing.T) {
				out := l.sh(t, fmt.Sprintf("ping -c2 -i0.05 -W2 -s %d %s", size, tt.host))
				if !strings.Contains(out, "2 received, 0% packet loss") || strings.Contains(out, "wrong data") {
					t.Error(out)
				}
			})
		}
	}
}

// TestPingFromInside is the other direction: the kernel answers the host.
func TestPingFromInside(t *testing.T) {
	t.Parallel()
	l := startLab(t, "", options{})
	for _, host := range []string{"198.51.100.1", "2001:db8:51::1"} {
		for _, size := range []string{"0", "56", "1473", "9000", "65507"} {
			if out := l.tool(t, "ping", "-c", "2", "-i", "0.05", "-s", size, host); !strings.Contains(out, " 0% packet loss") {
				t.Errorf("tapestry ping -s %s %s: %s", size, host, out)
			}
		}
	}
}

// TestPingUnfragmented holds that the path's MTU is what the wire has.
func TestPingUnfragmented(t *testing.T) {
	t.Parallel()
	need(t, "ping")
	l := startLab(t, "", options{})
	l.sh(t, "ping -c1 -W2 -M do -s 1472 198.51.100.2; ping -c1 -W2 -M do -s 1452 2001:db8:51::2")
	for _, args := range []string{"-s 1473 198.51.100.2", "-s 1453 2001:db8:51::2"} {
		if out, errs, err := l.try(10*time.Second, "ping -c1 -W1 -M do "+args); err == nil {
			t.Errorf("ping -M do %s: a frame that exceeds the MTU passes: %s%s", args, out, errs)
		}
	}
}

// TestPingFlood sends as fast as answers come.
func TestPingFlood(t *testing.T) {
	t.Parallel()
	need(t, "ping")
	l := startLab(t, "", options{})
	for _, args := range []string{"198.51.100.2", "2001:db8:51::2", "-s 4000 198.51.100.2", "-s 4000 2001:db8:51::2"} {
		out := l.sh(t, "ping -q -f -c2000 "+args)
		if !strings.Contains(out, "2000 packets transmitted, 2000 received, 0% packet loss") {
			t.Errorf("ping -f %s: %s", args, out)
		}
	}
}
