package e2e

import (
	"regexp"
	"strings"
	"testing"
)

// served are the ports of the default lab, for TCP and UDP.
var served = map[string]string{"tcp": "7 9 13 17 19 37 53 80 443", "udp": "7 13 17 19 37 53"}

// TestScan has nmap scan a lab. What it finds open is what is served, no more and no less, and the lab outlives it.
func TestScan(t *testing.T) {
	t.Parallel()
	needRoot(t)
	need(t, "nmap", "ping", "curl")
	const udp = "7,9,13,17,19,37,53,54,123" // closed ones cost a second each: ICMP errors are limited
	tests := []struct {
		name, args, proto string
		want              []string
	}{
		{"connect", "-sT -p 1-1024,8080 198.51.100.2", "tcp", []string{"Ignored State: closed (1016)"}},
		{"SYN", "-sS -p 1-1024,8080 198.51.100.2", "tcp", []string{"Ignored State: closed (1016)"}},
		{"SYN over IPv6", "-6 -sS -p 1-1024,8080 2001:db8:51::2", "tcp", []string{"Ignored State: closed (1016)"}},
		{"UDP", "-sU -p " + udp + " 198.51.100.2", "udp", []string{"9/open|filtered/udp", "54/closed/udp", "123/closed/udp"}},
		{"UDP over IPv6", "-6 -sU -p " + udp + " 2001:db8:51::2", "udp", []string{"9/open|filtered/udp", "54/closed/udp", "123/closed/udp"}},
		{"null", "-sN -p 7,8 198.51.100.2", "", []string{"7/open|filtered/tcp", "8/closed/tcp"}}, // RFC 9293 §3.10.7
		{"ACK", "-sA -p 7,8 198.51.100.2", "", []string{"7/unfiltered/tcp", "8/unfiltered/tcp"}},
		{"protocols", "-sO -p 1,6,17,99 198.51.100.2", "", []string{"1/open/icmp", "6/open/tcp", "17/open/udp", "99/closed/"}},
		{"fragments", "-f -sS -p 7,8 198.51.100.2", "", []string{"7/open/tcp", "8/closed/tcp"}},
	}
	l := startLab(t, "", options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := l.sh(t, "nmap -n --max-retries 3 --host-timeout 50s -oG - "+tt.args)
			for _, want := range tt.want {
				if !strings.Contains(out, want) {
					t.Errorf("nmap %s says no %q:\n%s", tt.args, want, out)
				}
			}
			if open := openPorts(out); tt.proto != "" && open != served[tt.proto] {
				t.Errorf("nmap %s finds ports %s, served are %s:\n%s", tt.args, open, served[tt.proto], out)
			}
		})
	}
	l.sh(t, stillThere)
}

// stillThere is what a lab must do after all that was done to it.
const stillThere = `ping -c1 -W2 198.51.100.2 && ping -c1 -W2 2001:db8:51::2 &&
curl -fsS http://198.51.100.2/ >/dev/null && curl -fsS 'http://[2001:db8:51::2]/' >/dev/null`

// TestScanSystem has nmap send its odd segments and guess the system, of which it knows no better than that of the engine's
// model.
func TestScanSystem(t *testing.T) {
	t.Parallel()
	needRoot(t)
	need(t, "nmap", "ping", "curl")
	out := mustRun(t, "", "nmap -n --host-timeout 50s -O --osscan-guess -p 1-100,443 198.51.100.2; "+stillThere, options{})
	if line := lineWith(out, "OS guesses: "); !strings.Contains(line, "Linux") && !strings.Contains(out, "OS details: Linux") {
		t.Errorf("nmap guesses no Linux:\n%s", out)
	}
	if !strings.Contains(out, "Network Distance: 1 hop") {
		t.Errorf("nmap sees more than one hop:\n%s", out)
	}
}

// TestScanVersions has nmap talk to services in all the protocols that it knows.
func TestScanVersions(t *testing.T) {
	t.Parallel()
	needRoot(t)
	need(t, "nmap", "ping", "curl")
	out := mustRun(t, "", "nmap -n --host-timeout 50s -sV --version-light -oG - -p 7,13,53,80 198.51.100.2; "+stillThere, options{})
	for _, want := range []string{"7/open/tcp//echo", "13/open/tcp//daytime", "53/open/tcp//domain", "80/open/tcp//http"} {
		if !strings.Contains(out, want) {
			t.Errorf("nmap says no %q:\n%s", want, out)
		}
	}
}

// openPorts lists the ports that nmap's -oG is sure of.
func openPorts(out string) string {
	var ports []string
	for _, m := range regexp.MustCompile(`(\d+)/open/(tcp|udp)/`).FindAllStringSubmatch(out, -1) {
		ports = append(ports, m[1])
	}
	return strings.Join(ports, " ")
}
