package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"tapestry/internal/nstest"
)

func TestTools(t *testing.T) {
	users(t, func(t *testing.T, u user) {
		b := u.start(t)
		for _, tt := range []struct {
			name   string
			args   string
			status int
			want   string // a regular expression over output and error output
		}{
			{"labs", "labs", 0, `(?m)^default +` + fmt.Sprint(b.info.PID)},
			{"info", "info", 0, `alpha\.lab\.example`},
			{"ping IPv4", "ping -c 2 -i 0.05 198.51.100.1", 0, `64 bytes from 198\.51\.100\.1: icmp_seq=2 ttl=64 (?s:.*)2 packets transmitted, 2 received, 0% packet loss`},
			{"ping IPv6", "ping -6 -c 1 2001:db8:51::1", 0, `from 2001:db8:51::1: icmp_seq=1`},
			{"ping with fragments", "ping -c 1 -s 65507 198.51.100.1", 0, `65515 bytes from`},
			{"ping nobody", "ping -c 1 -W 0.1 198.51.100.99", 1, `100% packet loss`},
			{"ping in JSON", "ping -c 1 --json 198.51.100.1", 0, `(?m)^\{.*"rtt_ns":\d+.*\}$`},
			{"ping a wrong name", "ping -c 1 nobody.example.org", 2, `knows no nobody\.example\.org`},
			{"arp", "arp", 0, `198\.51\.100\.1 +([0-9a-f]{2}:){5}[0-9a-f]{2} +`},
			{"arp add", "arp add 198.51.100.9 02:00:5e:10:00:09", 0, ``},
			{"arp shows it", "arp --json", 0, `"mac": "02:00:5e:10:00:09",\s+"state": "static"`},
			{"arp delete", "arp delete 198.51.100.9", 0, ``},
			{"arp delete again", "arp delete 198.51.100.9", 2, `has no entry for 198\.51\.100\.9`},
			{"route", "route", 0, `198\.51\.100\.0/24 +on link +eth0`},
			{"route add", "route add default 198.51.100.1", 0, ``},
			{"route shows it", "netstat -r", 0, `0\.0\.0\.0/0 +198\.51\.100\.1 +eth0`},
			{"route delete", "route delete default 198.51.100.1", 0, ``},
			{"route without gateway", "route add default", 2, `needs a gateway`},
			{"netstat", "netstat -a --host alpha", 0, `tcp6 .*:80 .*LISTEN`},
			{"netstat in JSON", "netstat --json", 0, `"local": `},
			{"interfaces", "netstat -i", 0, `eth0 +1500 +true`},
			{"stats", "stats", 0, `icmpOutEchos +\d+`},
			{"counters", "netstat -s -a", 0, `tcpActiveOpens +0`},
			{"another host", "netstat --host beta", 2, `lab default has no host "beta"`},
			{"another lab", "netstat --lab other", 2, `no lab "other" is running; running are: default`},
		} {
			t.Run(tt.name, func(t *testing.T) {
				out, log, status := u.tapestry(t, strings.Fields(tt.args)...)
				if status != tt.status || !regexp.MustCompile(tt.want).MatchString(out+log) {
					t.Errorf("status %d, want %d and %s:\n%s%s", status, tt.status, tt.want, out, log)
				}
			})
		}
		b.stop(t, unix.SIGINT)
	})
}

// TestSegmentTools has the tools of segments on the second file to begin with.
func TestSegmentTools(t *testing.T) {
	u := user{uid: os.Getuid(), dir: runtimeDir(t, os.Getuid())}
	text, log, status := u.tapestry(t, "defaults", "segment")
	if status != 0 {
		t.Fatal(log)
	}
	b := u.start(t, file(t, strings.Replace(text, `capture = "lan.pcapng"`, "", 1)))
	for _, tt := range []struct {
		name   string
		args   string
		status int
		want   string // a regular expression over output and error output
	}{
		{"ping between hosts", "ping --host beta -c 1 gamma", 0, `1 received`},
		{"segments", "segments", 0, `(?m)^lan +switch +1500 +4 +4 .* delay=1ms,jitter=200µs$`},
		{"segments in JSON", "segments --json", 0, `"impair": "delay=1ms,jitter=200µs"`},
		{"ports", "ports", 0, `(?m)^lan +beta +host +forwarding +- .* rate=10mbit,queue=50 +rate=10mbit,queue=50$`},
		{"ports of a segment in JSON", "ports lan --json", 0, `"segment": "lan",\s+"name": "tap0",\s+"kind": "tap"`},
		{"ports of nothing", "ports lam", 2, `has no segment "lam"; did you mean "lan"\?`},
		{"cut", "ports lan gamma down", 0, `gamma +host +shut`},
		{"ping over the cut", "ping --host beta -c 1 -W 0.2 gamma", 1, `100% packet loss`},
		{"join", "ports lan/gamma up", 0, `gamma +host +forwarding`},
		{"one port", "ports lan gamma", 0, `^SEGMENT.*\nlan +gamma +host .*\n$`},
		{"a port that is not there", "ports lan gama", 2, `no segment and no port "lan/gama"`},
		{"cut in vain", "ports lan gamma off", 2, `"off" is neither down nor up`},
		{"cut nobody", "ports lan nobody down", 2, `no segment and no port "lan/nobody"`},
		{"impair", "impair", 0, `(?m)^lan +gamma +rx +loss=1% +own`},
		{"impair a segment", "impair lan loss=5% delay=2ms", 0, `(?m)^lan +alpha +tx +loss=5%,delay=2ms,jitter=200µs +segment's`},
		{"impair one way of a port", "impair lan/alpha rx off rate=1mbit", 0, `(?m)^lan +alpha +rx +rate=1mbit +own`},
		{"impair with a wrong key", "impair lan los=5%", 2, `did you mean loss`},
		{"impair with off behind a key", "impair alpha rx delay=1ms off", 2, `off takes away delay=1ms in front of it; write off first`},
		{"mac", "mac", 0, `(?m)^([0-9a-f]{2}:){5}[0-9a-f]{2} +- +beta +learned`},
		{"mac add", "mac add lan 02:00:5e:10:00:09 alpha", 0, ``},
		{"mac shows it", "mac lan --json", 0, `"mac": "02:00:5e:10:00:09",\s+"port": "alpha",\s+"static": true`},
		{"mac delete", "mac delete lan 02:00:5e:10:00:09", 0, ``},
		{"mac flush", "mac flush", 0, ``},
		{"draw", "draw", 0, `tx loss=5%|loss=5% delay=2ms`},
		{"draw in JSON", "draw --json", 0, `"kind": "switch"`},
		{"draw SVG", "draw --format svg", 0, `^<svg `},
		{"draw what is not known", "draw --format png", 2, `neither text nor svg`},
		{"draw into what is not known", "draw -o x.png", 2, `-o x.png: a drawing is text or SVG; name it .txt or .svg`},
		{"complete a target", "__complete impair l", 0, `lan/alpha`},
		{"complete a port", "__complete ports lan g", 0, `gamma`},
		{"complete a key", "__complete impair lan de", 0, `delay=`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, log, status := u.tapestry(t, strings.Fields(tt.args)...)
			if status != tt.status || !regexp.MustCompile(tt.want).MatchString(out+log) {
				t.Errorf("status %d, want %d and %s:\n%s%s", status, tt.status, tt.want, out, log)
			}
		})
	}
	b.stop(t, unix.SIGINT)
}

// TestRunName: labs of one file run side by side under different names.
func TestRunName(t *testing.T) {
	u := user{uid: os.Getuid(), dir: runtimeDir(t, os.Getuid())}
	b := u.start(t, file(t, "name = \"one\"\n[segment.lan]\n[[host.alpha.interface]]\nsegment = \"lan\"\naddress = [\"198.51.100.2/24\"]\n"))
	for _, tt := range []struct{ name, want string }{
		{"two", `^two\n$`}, {"one", `is running already.*--name`}, {"Two", `"Two" is no lab's name; use up to 32 of`},
	} {
		out, log, _ := u.tapestry(t, "run", "--name", tt.name, "--", "sh", "-c", "echo $TAPESTRY_LAB")
		if !regexp.MustCompile(tt.want).MatchString(out + log) {
			t.Errorf("--name %s: want %s:\n%s%s", tt.name, tt.want, out, log)
		}
	}
	b.stop(t, unix.SIGINT)
}

func TestShell(t *testing.T) {
	nstest.Tool(t, "nsenter")
	nstest.Tool(t, "ping")
	users(t, func(t *testing.T, u user) {
		b := u.start(t)
		out, log, status := u.tapestry(t, "shell", "--", "sh", "-ec", "ping -c1 $TAPESTRY_HOST_ALPHA; "+binary+" netstat -a; exit 5")
		if status != 5 || !strings.Contains(out, " 0% packet loss") || !strings.Contains(out, "LISTEN") {
			t.Errorf("status %d\n%s%s", status, out, log)
		}
		b.stop(t, unix.SIGINT)
	})
}

func TestDump(t *testing.T) {
	decoded := regexp.MustCompile(`(?m)^[0-9:.]+ (ARP|IP6?)[, ]`) // also ARP alone: the first ping needs it
	nstest.Tool(t, "ping")
	tcpdump := nstest.Tool(t, "tcpdump")
	users(t, func(t *testing.T, u user) {
		dump := binary + " dump -c 2 "
		script := func(how string) string {
			return dump + how + ` & while ! ping -c1 -W1 198.51.100.2 >/dev/null || kill -0 $! 2>/dev/null; do :; done; wait $!`
		}
		out, log, status := u.tapestry(t, "run", "--", "timeout", "20", "sh", "-c", script(""))
		if status != 0 || !strings.Contains(out, "ethernet ") || strings.Count(out, " eth0 ") != 2 {
			t.Errorf("status %d\n%s%s", status, out, log)
		}
		out, log, status = u.tapestry(t, "run", "--", "timeout", "20", "sh", "-c", script("-w -"))
		name := filepath.Join(t.TempDir(), "two.pcapng")
		if err := os.WriteFile(name, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
		text, err := exec.Command(tcpdump, "-nr", name).CombinedOutput()
		if err != nil || status != 0 || len(decoded.FindAll(text, -1)) != 2 {
			t.Errorf("status %d, tcpdump %v\n%s%s", status, err, text, log)
		}
	})
}

// TestStrangers has another user, and root, try the control socket of an ordinary user's lab.
func TestStrangers(t *testing.T) {
	if os.Getuid() != 0 {
		nstest.Skip(t, "needs root to become another user")
	}
	u := user{uid: stranger, dir: runtimeDir(t, stranger)}
	b := u.start(t)
	for _, other := range []struct {
		name string
		uid  int
		want string
	}{{"another user", stranger + 1, "permission denied"}, {"root", 0, "serves the user who started it alone"}} {
		c := user{uid: other.uid}.program(t, binary, "netstat")
		c.Env = append(c.Env, "TAPESTRY_SOCKET="+b.info.Socket)
		if out, err := c.CombinedOutput(); err == nil || !strings.Contains(string(out), other.want) {
			t.Errorf("%s gets %v\n%s", other.name, err, out)
		}
	}
	for _, tt := range []struct {
		path string
		mode os.FileMode
	}{{b.info.Socket, 0o600}, {b.info.CA, 0o600}, {filepath.Dir(b.info.Socket), 0o700}, {filepath.Dir(filepath.Dir(b.info.Socket)), 0o700}} {
		if info, err := os.Stat(tt.path); err != nil || info.Mode().Perm() != tt.mode {
			t.Errorf("%s has mode %v, want %v (%v)", tt.path, info.Mode(), tt.mode, err)
		}
	}
	b.stop(t, unix.SIGTERM)
}

func TestVersion(t *testing.T) {
	out, _, _ := user{uid: os.Getuid()}.tapestry(t, "version", "--json")
	var v version
	if err := json.Unmarshal([]byte(out), &v); err != nil || v.Go == "" || v.Version == "" {
		t.Errorf("%s: %v", out, err)
	}
}

func TestManPages(t *testing.T) {
	dir := t.TempDir()
	if _, log, status := (user{uid: os.Getuid()}).tapestry(t, "man", dir); status != 0 {
		t.Fatal(log)
	}
	for _, name := range []string{"tapestry.1", "tapestry-run.1", "tapestry-route-add.1", "tapestry-impair.1", "tapestry-draw.1", "tapestry-mac-flush.1"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(b), ".TH") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCompletion(t *testing.T) {
	out, _, status := user{uid: os.Getuid()}.tapestry(t, "completion", "bash")
	if status != 0 || !strings.Contains(out, "__start_tapestry") {
		t.Errorf("status %d\n%s", status, out)
	}
}

// TestHelp holds every command to an example and a sentence.
func TestHelp(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Short == "" || c.Example == "" {
			t.Errorf("%s lacks a description or an example", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot())
}
