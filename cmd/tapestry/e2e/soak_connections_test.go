//go:build soak

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var echoAddresses = []string{"198.51.100.2:7", "[2001:db8:51::2]:7"}

// TestSoakConnects makes 10,000 connections in sequence, and uses each.
func TestSoakConnects(t *testing.T) {
	const n = 10_000
	l := startLab(t, "", client(t))
	for _, address := range echoAddresses {
		t.Run(address, func(t *testing.T) {
			began := time.Now()
			if _, stderr, err := l.try(5*time.Minute, fmt.Sprintf("$CLIENT connect %d '%s'", n, address)); err != nil {
				t.Fatalf("%v: %s\nlab: %s", err, stderr, l.stderr.String())
			}
			t.Logf("%.0f connections a second; after them: %v", n/time.Since(began).Seconds(), usageOf(t, l.pid(t)))
		})
	}
}

// holdScript opens $N connections, prints how many the lab knows and what its process $LAB takes, and then has each used.
const holdScript = `mkfifo go
$CLIENT hold $N "$A" <go >said &
exec 3>go
until [ -s said ]; do kill -0 $!; sleep 0.1; done
echo established $($PROGRAM netstat --json | grep -c ESTABLISHED)
cat /proc/$LAB/status
exec 3>&-
wait $!
cat said`

// TestSoakHeld holds 5,000 connections open at once, and then uses each.
func TestSoakHeld(t *testing.T) {
	const n = 5_000
	for _, address := range echoAddresses {
		t.Run(address, func(t *testing.T) {
			l := startLab(t, "", client(t))
			pid := l.pid(t)
			before := usageOf(t, pid)
			out := l.sh(t, fmt.Sprintf("N=%d; A='%s'; LAB=%d\n%s", n, address, pid, holdScript))
			if !strings.HasSuffix(out, "open\nused\n") {
				t.Fatalf("not all could be used: %s", out)
			}
			if got := field(t, out, "established"); got < n {
				t.Errorf("the lab knows %d connections, want %d", got, n)
			}
			open := field(t, out, "VmRSS:")
			t.Logf("%d KiB with %d connections, %.1f each; before: %v; after: %v", open, n, float64(open-before.resident)/n, before,
				usageOf(t, pid))
		})
	}
}
