package e2e

import (
	"strings"
	"testing"
)

// reachAll is what a user tries first.
const reachAll = `ping -c3 198.51.100.2 && ping -c3 2001:db8:51::2 &&
curl -fsS http://198.51.100.2/ &&
curl -fsS --cacert $TAPESTRY_CA https://alpha.lab.example/ --resolve alpha.lab.example:443:198.51.100.2 &&
dig @198.51.100.2 alpha.lab.example +short`

// reachAll6 is the same over IPv6.
const reachAll6 = `curl -fsS 'http://[2001:db8:51::2]/' &&
curl -fsS --cacert $TAPESTRY_CA https://alpha.lab.example/ --resolve 'alpha.lab.example:443:[2001:db8:51::2]' &&
dig @2001:db8:51::2 alpha.lab.example AAAA +short`

func TestReachAll(t *testing.T) {
	t.Parallel()
	need(t, "ping", "curl", "dig")
	for _, tt := range []struct{ name, script, last string }{
		{"IPv4", reachAll, "198.51.100.2"},
		{"IPv6", reachAll6, "2001:db8:51::2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := mustRun(t, "", tt.script, options{})
			if !strings.HasSuffix(out, "\n"+tt.last+"\n") {
				t.Errorf("output does not end in the address %s:\n%s", tt.last, out)
			}
		})
	}
}

func TestRunningLab(t *testing.T) {
	t.Parallel()
	need(t, "ping")
	l := startLab(t, "", options{})
	l.sh(t, `ping -c1 $TAPESTRY_HOST_ALPHA`)
	if out := l.tool(t, "labs"); !strings.Contains(out, "default") {
		t.Errorf("tapestry labs: %s", out)
	}
}
