package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTools runs every tool in a running lab after some traffic: as text, which must hold what is wanted, and as JSON,
// which must parse.
func TestTools(t *testing.T) {
	t.Parallel()
	need(t, "ping", "nc")
	l := startLab(t, "", options{})
	l.sh(t, "ping -q -c1 198.51.100.2; ping -q -c1 2001:db8:51::2; head -c 3000000 /dev/zero | nc -N 198.51.100.2 9")
	tests := []struct {
		args string
		want []string
	}{
		{"netstat -a", []string{"LISTEN", ":80 ", ":53 ", "udp"}},
		{"netstat -r", []string{"198.51.100.0/24", "2001:db8:51::/64", "eth0"}},
		{"netstat -s", []string{"icmpInEchos", "icmp6InEchos", "tcpPassiveOpens"}},
		{"netstat -i", []string{"eth0", "1500", "198.51.100.2/24", "2001:db8:51::2/64", "fe80::"}},
		{"arp", []string{"198.51.100.1 ", "2001:db8:51::1 ", "reachable"}},
		{"route", []string{"198.51.100.0/24", "on link"}},
		{"stats", []string{"icmpInEchos", "ifInPkts.eth0", "discard.tcp.octets", "3000000"}},
		{"info", []string{"lab default runs", "tap0", "alpha", "tcp 80, tcp 443"}},
		{"labs", []string{"default", l.runtime}},
		{"apps", []string{"echo", "http", "dns"}},
		{"ping -c2 -i0.05 198.51.100.1", []string{"2 ", " 0% packet loss"}},
		{"ping -c2 -i0.05 2001:db8:51::1", []string{" 0% packet loss"}},
		{"version", []string{"tapestry ", "go1."}},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			out := l.tool(t, strings.Fields(tt.args)...)
			for _, want := range tt.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			values := 0
			for d := json.NewDecoder(strings.NewReader(l.tool(t, append(strings.Fields(tt.args), "--json")...))); d.More(); values++ {
				var v any
				if err := d.Decode(&v); err != nil {
					t.Fatalf("--json: %v", err)
				}
			}
			if values == 0 {
				t.Error("--json prints nothing")
			}
		})
	}
}

// TestToolsChange changes neighbours and routes of a running host, and sees the change on the wire.
func TestToolsChange(t *testing.T) {
	t.Parallel()
	need(t, "ping")
	l := startLab(t, "", options{})
	l.tool(t, "arp", "add", "198.51.100.9", "02:00:5e:10:00:09")
	if out := l.tool(t, "arp"); !strings.Contains(lineWith(out, "198.51.100.9 "), "02:00:5e:10:00:09") {
		t.Errorf("arp shows no new entry:\n%s", out)
	}
	l.tool(t, "arp", "delete", "198.51.100.9")
	if out := l.tool(t, "arp"); strings.Contains(out, "198.51.100.9 ") {
		t.Errorf("arp shows a deleted entry:\n%s", out)
	}
	l.sh(t, "ip addr add 203.0.113.1/24 dev lo")
	if out, _, err := l.try(limit, `"$PROGRAM" ping -c1 -W1 203.0.113.1`); err == nil {
		t.Errorf("a host without a route reaches 203.0.113.1: %s", out)
	}
	l.tool(t, "route", "add", "203.0.113.0/24", "198.51.100.1")
	l.tool(t, "ping", "-c1", "203.0.113.1")
	l.tool(t, "route", "delete", "203.0.113.0/24", "198.51.100.1")
	if out := l.tool(t, "route"); strings.Contains(out, "203.0.113.0") {
		t.Errorf("route shows a deleted one:\n%s", out)
	}
}

// TestToolsWithoutLab says what to do.
func TestToolsWithoutLab(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"netstat", "arp", "route", "stats", "ping 198.51.100.1", "dump", "shell", "info"} {
		stdout, stderr, err := newProcess(t, options{}, strings.Fields(tool)...).run(t)
		if status(err) != 2 || stdout != "" || !strings.Contains(stderr, "no lab is running; start one with `tapestry run`") {
			t.Errorf("tapestry %s: %v, %s%s", tool, err, stdout, stderr)
		}
	}
}

// TestTwoLabs runs two labs of a user: tools ask which, and a name is taken once.
func TestTwoLabs(t *testing.T) {
	t.Parallel()
	need(t, "ping")
	a := startLab(t, "name = \"a\"\n"+plainLab, options{any: true})
	b := startLab(t, "name = \"b\"\n"+plainLab, options{any: true, env: []string{"XDG_RUNTIME_DIR=" + a.runtime}})
	if out, errs, err := command(a, "info"); err == nil || !strings.Contains(errs, "2 labs are running; choose one with --lab: a, b") {
		t.Errorf("%v %s%s", err, out, errs)
	}
	for _, name := range []string{"a", "b"} {
		out, errs, err := command(a, "shell", "--lab", name, "--", "sh", "-c", "echo $TAPESTRY_LAB; ping -q -c1 198.51.100.2")
		if err != nil || !strings.HasPrefix(out, name+"\n") {
			t.Errorf("--lab %s: %v %s%s", name, err, out, errs)
		}
	}
	if out, errs, err := command(a, "run", filepath.Join(b.dir, "lab.toml"), "--", "echo", "started"); status(err) != 125 || out != "" || !strings.Contains(errs, `"b" is running already`) {
		t.Errorf("a second lab b: %v %s%s", err, out, errs)
	}
}

// command runs the program as the user of a lab does in another terminal: it has to find the lab.
func command(l *runningLab, args ...string) (stdout, stderr string, err error) {
	return l.outside(limit, append([]string{"env", "-u", "TAPESTRY_SOCKET", program}, args...)...)
}

// TestEnvironment holds what the README promises to the command.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	out := mustRun(t, "", `echo $TAPESTRY_LAB $TAPESTRY_DOMAIN $TAPESTRY_HOST_ALPHA $TAPESTRY_HOST_ALPHA_IPV6 $TAPESTRY_HOST_ALPHA_NAME
test -S $TAPESTRY_SOCKET
stat -c %a $TAPESTRY_SOCKET
head -n1 $TAPESTRY_CA`, options{})
	const want = "default lab.example 198.51.100.2 2001:db8:51::2 alpha.lab.example\n600\n-----BEGIN CERTIFICATE-----\n"
	if out != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
}

// TestStatus holds that the command's status is the program's.
func TestStatus(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, script string
		want         int
	}{
		{"success", "exit 0", 0}, {"failure", "exit 3", 3}, {"the program's own", "exit 125", 125}, {"ended by a signal", "kill -9 $$", 137},
		{"leaves a process", "sleep 100 & exit 4", 4}, {"leaves one that hears nothing", "trap '' TERM HUP; sleep 100 & exit 5", 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, stderr, err := runLab(t, "", tt.script, options{}); status(err) != tt.want {
				t.Errorf("%v, want status %d; %s", err, tt.want, stderr)
			}
		})
	}
}

// TestManPages writes a page for each command.
func TestManPages(t *testing.T) {
	t.Parallel()
	p := newProcess(t, options{}, "man", "pages")
	if _, stderr, err := p.run(t); err != nil {
		t.Fatal(err, stderr)
	}
	for _, name := range []string{"tapestry", "tapestry-run", "tapestry-dump"} {
		if b, err := os.ReadFile(filepath.Join(p.dir, "pages", name+".1")); err != nil || !strings.Contains(string(b), ".SH NAME") {
			t.Errorf("%s: %v %.100s", name, err, b)
		}
	}
}
