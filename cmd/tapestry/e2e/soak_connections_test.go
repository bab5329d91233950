//go:build soak

package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestSoakConnects makes 10,000 connections in sequence, each of which is used.
func TestSoakConnects(t *testing.T) {
	l := startLab(t, "", client(t))
	for _, address := range []string{"198.51.100.2:7", "[2001:db8:51::2]:7"} {
		t.Run(address, func(t *testing.T) {
			const n = 10_000
			began := time.Now()
			if _, stderr, err := l.try(5*time.Minute, "$CLIENT connect 10000 '"+address+"'"); err != nil {
				t.Fatalf("%v: %s\nlab: %s", err, stderr, l.stderr.String())
			}
			took := time.Since(began)
			t.Logf("%.0f connections a second; after them the lab takes %v", n/took.Seconds(), usageOf(t, l.info(t).PID))
		})
	}
}

// TestSoakHeld holds 5,000 connections open at once and then uses each.
func TestSoakHeld(t *testing.T) {
	for _, address := range []string{"198.51.100.2:7", "[2001:db8:51::2]:7"} {
		t.Run(address, func(t *testing.T) {
			const n = 5_000
			l := startLab(t, "", client(t))
			pid := l.info(t).PID
			before := usageOf(t, pid)
			fifo := "mkfifo go; ulimit -n $(ulimit -Hn); $CLIENT hold 5000 '" + address + "' <go >said & "
			l.sh(t, fifo+"exec 3>go; until grep -q open said || ! kill -0 $!; do sleep 0.05; done; [ $(cat said) = open ]; "+
				"echo >held; until [ -e use ]; do sleep 0.05; done; exec 3>&-; wait $!; grep used said")
			after := usageOf(t, pid)
			t.Logf("before: %v; open: %v; %.1f KiB a connection", before, after, float64(after.resident-before.resident)/n)
			if strings.Count(l.tool(t, "netstat", "-a"), "ESTABLISHED") < n {
				t.Error("fewer")
			}
		})
	}
}
