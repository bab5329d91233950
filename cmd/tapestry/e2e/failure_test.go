package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// plainLab has one host on a wire; keys of the wire follow.
const plainLab = `
[host.alpha]
  [[host.alpha.interface]]
  tap     = "tap0"
  address = ["198.51.100.2/24", "2001:db8:51::2/64"]
  [host.alpha.app.http]
  [host.alpha.app.discard]
  [host.alpha.app.chargen]
[tap.tap0]
address = ["198.51.100.1/24", "2001:db8:51::1/64"]
`

// deviceKinds are those that a lab in a namespace of its own can have.
var deviceKinds = []string{"tap", "packet", "water"}

// TestDeviceGone takes the device away under a lab. One line says so, sends are counted drops, the tools answer, and
// run ends with the status of its command.
func TestDeviceGone(t *testing.T) {
	t.Parallel()
	needRoot(t) // for the TAPs
	need(t, "ip", "ping")
	for _, kind := range deviceKinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, err := runLab(t, plainLab+fmt.Sprintf("device = %q", kind), `
ping -q -c1 198.51.100.2 >&2
ip link del tap0
until "$PROGRAM" netstat -i | grep -q false; do sleep 0.02; done
"$PROGRAM" ping -c1 -W1 198.51.100.1 && exit 1
"$PROGRAM" netstat -a >/dev/null
echo alive
exit 7`, options{})
			if status(err) != 7 || !strings.HasSuffix(stdout, "alive\n") {
				t.Errorf("%v, want status 7 and the tools working\n%s\n%s", err, stdout, stderr)
			}
			if strings.Count(stderr, "level=ERROR") != 1 || !strings.Contains(stderr, "is gone: it was removed or detached") {
				t.Errorf("want one line that says what happened:\n%s", stderr)
			}
		})
	}
}

// TestDeviceGoneEndsLab does so to a lab that runs until it is stopped: its end says why.
func TestDeviceGoneEndsLab(t *testing.T) {
	t.Parallel()
	needLab(t)
	needRoot(t)
	need(t, "ip")
	p := newProcess(t, options{files: map[string]string{"lab.toml": "name = \"doomed\"\n" + plainLab}}, "run", "--quiet", "lab.toml")
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	script := newProcess(t, options{wrap: []string{"sh", "-c", `until "$0" shell --lab doomed -- ip link del tap0 2>/dev/null; do sleep 0.05; done`}})
	script.cmd.Env = p.cmd.Env
	if _, stderr, err := script.run(t); err != nil {
		t.Error(err, stderr)
	}
	err := p.wait(t)
	if status(err) != 2 || !strings.Contains(p.stderr.String(), "tapestry: lab: wire tap0 is gone") {
		t.Errorf("%v, want status 2 and the reason; got:\n%s", err, p.stderr.String())
	}
}

// TestLinkDownAndUp holds that a wire which was down for a while works again.
func TestLinkDownAndUp(t *testing.T) {
	t.Parallel()
	needRoot(t)
	need(t, "ip", "ping")
	for _, kind := range deviceKinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			mustRun(t, plainLab+fmt.Sprintf("device = %q", kind), `ping -q -c1 198.51.100.2
ip link set tap0 down; sleep 0.1; ip link set tap0 up
ping -q -c1 -W2 198.51.100.2`, options{})
		})
	}
}

// TestFullDisk has the disk of the capture fill up: one line says so at once, the traffic goes on, and what was captured
// can be read. The status tells that the lab did not do all it should, although the command succeeded.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	needRoot(t)
	need(t, "unshare", "nc", "ping", "tcpdump")
	o := options{wrap: inMountNamespace("mount -t tmpfs -o size=64k tmpfs /mnt")}
	stdout, stderr, err := runLab(t, plainLab+`capture = "/mnt/wire.pcapng"`, `
head -c 3000000 /dev/zero | nc -N 198.51.100.2 9
nc 2001:db8:51::2 19 </dev/null | head -c 3000000 | wc -c
ping -q -c2 -i0.05 198.51.100.2 >&2
ls -s /mnt >&2
tcpdump -nr /mnt/wire.pcapng`, o)
	if status(err) != 125 || !strings.HasPrefix(stdout, "3000000\n") || !strings.Contains(stdout, "198.51.100.2.9") {
		t.Errorf("%v: the traffic does not go on, or the capture cannot be read:\n%.2000s\n%s", err, stdout, stderr)
	}
	if strings.Count(stderr, "level=") != 1 || !strings.Contains(stderr, "no space left on device") || !strings.Contains(stderr, "level=ERROR") {
		t.Errorf("want one line about the disk:\n%s", stderr)
	}
}

// TestFullDiskAtStart holds that a capture which cannot be begun starts nothing.
func TestFullDiskAtStart(t *testing.T) {
	t.Parallel()
	stdout, stderr, err := runLab(t, plainLab+`capture = "/dev/full"`, "echo started", options{})
	if status(err) != 125 || stdout != "" || !strings.Contains(stderr, "/dev/full: no space left on device") {
		t.Errorf("%v, want status 125 and the reason:\n%s%s", err, stdout, stderr)
	}
}

// TestSignals ends a lab in each way that a user can, also with a busy command: nothing is left, and the status tells.
func TestSignals(t *testing.T) {
	t.Parallel()
	needLab(t)
	for _, sig := range []string{"INT", "TERM", "HUP"} {
		t.Run(sig, func(t *testing.T) {
			t.Parallel()
			p := newProcess(t, options{}, "run")
			if err := p.cmd.Start(); err != nil {
				t.Fatal(err)
			}
			script := newProcess(t, options{wrap: []string{"sh", "-c", fmt.Sprintf(
				`until "$0" labs | grep -q default && "$0" info >/dev/null; do sleep 0.02; done; kill -%s %d`, sig, p.cmd.Process.Pid)}})
			script.cmd.Env = p.cmd.Env
			if _, stderr, err := script.run(t); err != nil {
				t.Error(err, stderr)
			}
			if err := p.wait(t); err != nil {
				t.Errorf("%v, want status 0; %s", err, p.stderr.String())
			}
		})
	}
}
