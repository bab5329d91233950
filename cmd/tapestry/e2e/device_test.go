package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestDeviceKinds has each device that a file may ask for do the same.
func TestDeviceKinds(t *testing.T) {
	t.Parallel()
	needRoot(t) // for the TAPs
	need(t, "ping", "nc", "curl")
	for _, kind := range append([]string{"auto"}, deviceKinds...) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			o := options{flags: []string{"--table"}}
			stdout, stderr, err := runLab(t, plainLab+fmt.Sprintf("device = %q", kind), stillThere+`
head -c 5000000 /dev/zero | nc -N 198.51.100.2 9
nc 2001:db8:51::2 19 </dev/null | head -c 5000000 | wc -c`, o)
			if err != nil || !strings.HasSuffix(stdout, "\n5000000\n") {
				t.Errorf("%v\n%s\n%s", err, stdout, stderr)
			}
			want := map[string]string{"auto": "tap", "tap": "tap", "packet": "packet", "water": "water"}[kind]
			if f := strings.Fields(lineWith(stderr, "198.51.100.1/24")); len(f) < 2 || f[1] != want {
				t.Errorf("the table shows no device %s:\n%s", want, stderr)
			}
		})
	}
}

// inOwnNetwork starts what follows in a network namespace of the test's own, after the script.
func inOwnNetwork(script string) []string {
	return []string{"unshare", "--net", "sh", "-euc", "ip link set lo up\n" + script + "\n" + `"$0" "$@"`}
}

const hostNetns = `netns = "host"
`

// TestExisting attaches what is there already, and leaves it as it was.
func TestExisting(t *testing.T) {
	t.Parallel()
	needRoot(t)
	need(t, "ip", "unshare", "ping", "curl")
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skip("needs /dev/net/tun: ", err)
	}
	tests := []struct{ name, setUp, keys, after string }{
		{"TAP", "ip tuntap add dev tap0 mode tap", "existing = true", "ip link show tap0; ip -br addr show tap0; ip tuntap show"},
		{"TAP with addresses", "ip tuntap add dev tap0 mode tap; ip addr add 198.51.100.1/24 dev tap0; ip addr add 2001:db8:51::1/64 dev tap0 nodad; ip link set tap0 up",
			"existing = true", "ip -br addr show tap0 | grep 198.51.100.1/24 | grep 2001:db8:51::1/64"},
		{"end of a veth pair", "ip link add tap0 type veth peer name far; ip link set far up; ip addr add 198.51.100.1/24 dev tap0; ip addr add 2001:db8:51::1/64 dev tap0 nodad; ip link set tap0 up",
			"device = \"packet\"\ninterface = \"far\"", "ip link show far; ip -br addr show tap0 | grep 198.51.100.1/24"},
		{"new TAP", "true", "", "! ip link show tap0 2>/dev/null"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := options{wrap: inOwnNetwork(tt.setUp), flags: []string{"--table"}}
			o.wrap[4] += "\n" + tt.after + "\necho left as it was"
			lab := hostNetns + plainLab + tt.keys
			if strings.Contains(tt.keys, "packet") {
				lab = strings.Replace(lab, `address = ["198.51.100.1/24", "2001:db8:51::1/64"]`+"\n", "", 1)
			}
			stdout, stderr, err := runLab(t, lab, stillThere, o)
			if err != nil || !strings.HasSuffix(stdout, "left as it was\n") {
				t.Errorf("%v\n%s\n%s", err, stdout, stderr)
			}
		})
	}
}

// TestExistingMissing holds that nothing starts half when what should be there is not.
func TestExistingMissing(t *testing.T) {
	t.Parallel()
	needRoot(t)
	need(t, "ip", "unshare")
	tests := []struct{ name, setUp, keys, want string }{
		{"no TAP", "true", "existing = true", "no interface tap0 here to attach to: make it with"},
		{"not a TAP", "ip link add tap0 type veth peer name other", "existing = true", "tap0 is not a TAP device that fits"},
		{"TAP is there already", "ip link add tap0 type veth peer name other", "", "an interface tap0 exists already: choose another name"},
		{"no interface", "true", "device = \"packet\"\ninterface = \"far\"", "no interface \"far\" in this network namespace"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, err := runLab(t, hostNetns+plainLab+tt.keys, "echo started", options{wrap: inOwnNetwork(tt.setUp)})
			if status(err) != 125 || stdout != "" || !strings.Contains(stderr, tt.want) {
				t.Errorf("%v, want status 125 and a reason\n%s\n%s", err, stdout, stderr)
			}
		})
	}
}

// TestHostNetnsNeedsPrivileges says what to do instead.
func TestHostNetnsNeedsPrivileges(t *testing.T) {
	t.Parallel()
	need(t, "unshare")
	o := asNobody(t)
	o.wrap = append([]string{"unshare", "--net"}, o.wrap...)
	stdout, stderr, err := runLab(t, hostNetns+plainLab, "echo started", o)
	if status(err) != 125 || stdout != "" || !strings.Contains(stderr, "CAP_NET_ADMIN; run as root, or remove the key") {
		t.Errorf("%v, want status 125 and the remedy\n%s\n%s", err, stdout, stderr)
	}
}
