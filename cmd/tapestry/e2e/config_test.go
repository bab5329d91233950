package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestConfigErrors holds that a mistake is named with file, line, key and remedy, by check and by run, and that nothing
// starts.
func TestConfigErrors(t *testing.T) {
	t.Parallel()
	const head, iface, tap = "[host.alpha]\n[[host.alpha.interface]]\n", "[host.alpha]\n[[host.alpha.interface]]\ntap = \"tap0\"\naddress = [\"198.51.100.2/24\"]\n",
		"[tap.tap0]\naddress = [\"198.51.100.1/24\"]\n"
	tests := []struct {
		name, lab string
		want      []string // the parts of one line
	}{
		{"no TOML", tap + "[host", []string{"lab.toml:3:"}},
		{"unknown key", iface + "colour = 1\n" + tap, []string{"lab.toml:5: host.alpha.interface[0].colour: unknown key"}},
		{"unknown key at the top", "nmae = \"x\"\n" + iface + tap, []string{"lab.toml:1: nmae: unknown key"}},
		{"unknown key of an app", iface + "[host.alpha.app.echo]\nprot = 7\n" + tap, []string{"lab.toml:6: host.alpha.app.echo.prot: unknown key"}},
		{"wrong type", iface + "[host.alpha.app.echo]\nport = \"seven\"\n" + tap, []string{"lab.toml:6: host.alpha.app.echo.port:"}},
		{"duplicate address", head + "tap = \"tap0\"\naddress = [\"198.51.100.1/24\"]\n" + tap,
			[]string{"lab.toml:4: host.alpha.interface[0].address[0]: duplicate address: 198.51.100.1 is tap.tap0.address[0] already (line 6); give each its own"}},
		{"duplicate address of two hosts", iface + "[host.beta]\n[[host.beta.interface]]\ntap = \"tap1\"\naddress = [\"198.51.100.2/24\"]\n" + tap + "[tap.tap1]\naddress = [\"198.51.100.9/24\"]\n",
			[]string{"lab.toml:8: host.beta.interface[0].address[0]: duplicate address: 198.51.100.2", "(line 4)"}},
		{"address outside of any subnet", head + "tap = \"tap0\"\naddress = [\"203.0.113.2/24\"]\n" + tap,
			[]string{"lab.toml:4: host.alpha.interface[0].address[0]: 203.0.113.2 is in no subnet of tap0 (198.51.100.0/24); use", "or add"}},
		{"gateway outside of any subnet", iface + "gateway = [\"203.0.113.1\"]\n" + tap, []string{"lab.toml:5: host.alpha.interface[0].gateway[0]: gateway 203.0.113.1 is in no subnet", "use an address on the wire"}},
		{"no prefix length", head + "tap = \"tap0\"\naddress = [\"198.51.100.2\"]\n" + tap, []string{"lab.toml:4: host.alpha.interface[0].address[0]:", "write 198.51.100.2/24"}},
		{"broadcast address", head + "tap = \"tap0\"\naddress = [\"198.51.100.255/24\"]\n" + tap, []string{"lab.toml:4:", "broadcast address", "198.51.100.254"}},
		{"port used twice", iface + "[host.alpha.app.echo]\nport = 9\n[host.alpha.app.discard]\n" + tap, []string{"lab.toml:", "host.alpha.app.", "port", "9", "echo"}},
		{"port out of range", iface + "[host.alpha.app.echo]\nport = 70000\n" + tap, []string{"lab.toml:6: host.alpha.app.echo.port:", "70000", "65535"}},
		{"unreadable zone", iface + "[host.alpha.app.dns]\nzones = [\"none.zone\"]\n" + tap, []string{"lab.toml:6: host.alpha.app.dns.zones", "none.zone", "no such file"}},
		{"wrong zone", iface + "[host.alpha.app.dns]\nzones = [\"wrong.zone\"]\n" + tap, []string{"lab.toml:6: host.alpha.app.dns.zones", "wrong.zone:2"}},
		{"no such root", iface + "[host.alpha.app.http]\nroot = \"none\"\n" + tap, []string{"lab.toml:6: host.alpha.app.http.root:", "none"}},
		{"unreadable certificate", iface + "[host.alpha.app.http]\ncertificate = \"none.pem\"\nkey = \"none.key\"\n" + tap, []string{"lab.toml:", "host.alpha.app.http.", "none."}},
		{"unknown app", iface + "[host.alpha.app.ecko]\n" + tap, []string{`lab.toml:5: host.alpha.app.ecko: unknown app "ecko"`, "echo"}},
		{"bad MAC", iface + "mac = \"02:00\"\n" + tap, []string{`lab.toml:5: host.alpha.interface[0].mac: "02:00" is no Ethernet address, like 02:00:5e:10:00:01`}},
		{"group's MAC", iface + "mac = \"01:00:5e:10:00:01\"\n" + tap, []string{"lab.toml:5: host.alpha.interface[0].mac:", "must be even"}},
		{"no such tap", head + "tap = \"tap9\"\naddress = [\"198.51.100.2/24\"]\n" + tap, []string{`lab.toml:3: host.alpha.interface[0].tap: there is no tap "tap9"`, "tap0"}},
		{"unknown device", iface + tap + "device = \"tun\"\n", []string{`lab.toml:7: tap.tap0.device: unknown device "tun"`}},
		{"MTU too small for IPv6", iface + "[tap.tap0]\nmtu = 1279\naddress = [\"198.51.100.1/24\", \"2001:db8:51::1/64\"]\n", []string{"lab.toml:6: tap.tap0.mtu: 1279 is outside of 1280"}},
		{"name of an interface too long", strings.ReplaceAll(iface+tap, "tap0", "a-name-too-long-0"), []string{"lab.toml:5: tap.a-name-too-long-0:", "15"}},
		{"existing in a namespace of its own", iface + tap + "existing = true\n", []string{"lab.toml:7: tap.tap0.existing:", `set netns = "host"`}},
		{"no host", tap, []string{"lab.toml:", "the lab has no host; add a table [host.NAME]"}},
	}
	files := map[string]string{"wrong.zone": "@ SOA ns host 1 2 3 4 5\nno type\n"}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := options{files: map[string]string{"lab.toml": tt.lab, "wrong.zone": files["wrong.zone"]}}
			stdout, stderr, err := newProcess(t, o, "check", "lab.toml").run(t)
			if status(err) != 1 || stdout != "" || !holdsLine(stderr, tt.want) {
				t.Errorf("check: %v, want status 1 and a line with %q; got:\n%s%s", err, tt.want, stdout, stderr)
			}
			stdout, stderr, err = newProcess(t, o, "run", "lab.toml", "--", "echo", "started").run(t)
			if status(err) != 125 || stdout != "" || !holdsLine(stderr, tt.want) {
				t.Errorf("run: %v, want status 125 and a line with %q; got:\n%s%s", err, tt.want, stdout, stderr)
			}
			stdout, _, err = newProcess(t, o, "run", "lab.toml").run(t)
			if status(err) != 2 || stdout != "" {
				t.Errorf("run without a command: %v, want status 2; got:\n%s", err, stdout)
			}
		})
	}
}

// holdsLine reports whether a line of text has all the parts.
func holdsLine(text string, parts []string) bool {
	for line := range strings.Lines(text) {
		all := true
		for _, p := range parts {
			all = all && strings.Contains(line, p)
		}
		if all {
			return true
		}
	}
	return false
}

// TestAllMistakesAtOnce holds that a user is told everything, in the order of the file, and not one mistake a run.
func TestAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	o := options{files: map[string]string{"lab.toml": `[tap.tap0]
address = ["198.51.100.0/24"]
device = "tun"
[host.alpha]
[[host.alpha.interface]]
tap = "tap1"
address = ["198.51.100.2"]
mac = "02"
[host.alpha.app.ecko]
`}}
	_, stderr, err := newProcess(t, o, "check", "lab.toml").run(t)
	last := -1
	for _, want := range []string{"lab.toml:2: ", "lab.toml:3: ", "lab.toml:6: ", "lab.toml:7: ", "lab.toml:8: ", "lab.toml:9: "} {
		i := strings.Index(stderr, want)
		if i <= last {
			t.Errorf("no %q, or not in order (%v):\n%s", want, err, stderr)
		}
		last = i
	}
}

// TestCheckTouchesNothing holds that check can be run beside the lab itself.
func TestCheckTouchesNothing(t *testing.T) {
	t.Parallel()
	o := options{files: map[string]string{"wire.pcapng": "precious\n", "lab.toml": captureLab + "[host.alpha.app.time]\n"}}
	p := newProcess(t, o, "check", "lab.toml")
	if stdout, stderr, err := p.run(t); err != nil {
		t.Fatalf("%v %s%s", err, stdout, stderr)
	}
	if b, err := os.ReadFile(filepath.Join(p.dir, "wire.pcapng")); string(b) != "precious\n" {
		t.Errorf("check wrote into the capture: %.40q %v", b, err)
	}
	if entries, err := os.ReadDir(p.dir); len(entries) != 2 {
		t.Errorf("check left %v %v", entries, err)
	}
}

// TestCheckCapture says that a capture has nowhere to go.
func TestCheckCapture(t *testing.T) {
	t.Parallel()
	o := options{files: map[string]string{"lab.toml": plainLab + `capture = "none/wire.pcapng"`}}
	stdout, stderr, err := newProcess(t, o, "check", "lab.toml").run(t)
	if status(err) == 0 || stdout != "" || !strings.Contains(stderr, "none/wire.pcapng") || !strings.Contains(stderr, "make the folder first") {
		t.Errorf("%v %s%s", err, stdout, stderr)
	}
}

// TestDefaultsAreALab checks what a user begins with, and what the documents show.
func TestDefaultsAreALab(t *testing.T) {
	t.Parallel()
	stdout, stderr, err := newProcess(t, options{}, "defaults").run(t)
	if err != nil {
		t.Fatal(err, stderr)
	}
	o := options{files: map[string]string{"lab.toml": stdout}}
	if stdout, stderr, err = newProcess(t, o, "check", "lab.toml").run(t); err != nil || !strings.HasPrefix(stdout, "lab.toml: lab default is fine") {
		t.Errorf("%v %s%s", err, stdout, stderr)
	}
}
