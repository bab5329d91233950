package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// TestOffloadSwitches moves 50 MB each way over both IP versions with each offload switched off, and sees in the counters
// that super-frames cross where they may and nowhere else.
func TestOffloadSwitches(t *testing.T) {
	t.Parallel()
	need(t, "curl", "sha256sum")
	tests := []struct {
		name, keys, offloads string
		gso4, gso6           bool
	}{
		{"all on", "", "checksum tso4 tso6", true, true},
		{"no checksum", "checksum = false", "none", false, false},
		{"no TSO over IPv4", "tso4 = false", "checksum tso6", false, true},
		{"no TSO over IPv6", "tso6 = false", "checksum tso4", true, false},
		{"no TSO", "tso4 = false\ntso6 = false\nuso = false", "checksum", false, false},
		{"plain device", "device = \"water\"", "none", false, false},
		{"veth", "device = \"packet\"", "checksum tso4 tso6", true, true},
		{"veth without checksum", "device = \"packet\"\nchecksum = false", "none", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if strings.Contains(tt.keys, "water") {
				needRoot(t)
			}
			l := startLab(t, strings.Replace(webLab, "[tap.tap0]", "[tap.tap0]\n"+tt.keys, 1), options{files: webFiles()})
			l.sh(t, "head -c 50000000 /dev/urandom >big; cp big www/big")
			if got := l.info(t).Wires[0].Offloads; !strings.HasPrefix(got, tt.offloads) {
				t.Errorf("info says offloads %q, want %q", got, tt.offloads)
			}
			for _, v := range []struct {
				host  string
				isGSO bool
			}{{"198.51.100.2", tt.gso4}, {"[2001:db8:51::2]", tt.gso6}} {
				rx, tx := l.superFrames(t)
				l.sh(t, fmt.Sprintf("curl -fsS 'http://%s/big' | cmp - big; curl -fsS -T big 'http://%s/put'; cmp www/put big", v.host, v.host))
				rx2, tx2 := l.superFrames(t)
				if (rx2 > rx) != v.isGSO || (tx2 > tx) != v.isGSO {
					t.Errorf("%s: %d super-frames in, %d out; want any: %v", v.host, rx2-rx, tx2-tx, v.isGSO)
				}
			}
			if stats := l.tool(t, "stats"); regexp.MustCompile(`drop\.(checksum|mtu|malformed)`).MatchString(stats) {
				t.Errorf("frames were dropped:\n%s", stats)
			}
		})
	}
}

// superFrames counts those that crossed the host's interface.
func (l *runningLab) superFrames(t testing.TB) (rx, tx uint64) {
	t.Helper()
	var all []struct {
		Counters struct {
			Rx uint64 `json:"rx_gso"`
			Tx uint64 `json:"tx_gso"`
		}
	}
	if err := json.Unmarshal([]byte(l.tool(t, "netstat", "-i", "--json")), &all); err != nil || len(all) != 1 {
		t.Fatalf("netstat -i --json: %v, %d interfaces", err, len(all))
	}
	return all[0].Counters.Rx, all[0].Counters.Tx
}

// labInfo is what the tests read of `tapestry info --json`.
type labInfo struct {
	Wires []struct {
		Name, Device, Why, Offloads, Mode string
		Queues                            int
		Steering, Filter                  struct{ By, Why string }
		Stats                             []stat
	}
}

func (l *runningLab) info(t testing.TB) (i labInfo) {
	t.Helper()
	if err := json.Unmarshal([]byte(l.tool(t, "info", "--json")), &i); err != nil || len(i.Wires) == 0 {
		t.Fatalf("info --json: %v, %d wires", err, len(i.Wires))
	}
	return i
}
