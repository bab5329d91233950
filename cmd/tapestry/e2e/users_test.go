package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// nobody is an ordinary user that every system has.
const nobody = 65534

// asNobody has the program run as that user.
func asNobody(t testing.TB) options {
	t.Helper()
	needRoot(t)
	need(t, "setpriv")
	return options{uid: nobody, wrap: setpriv}
}

var setpriv = []string{"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"}

// inMountNamespace starts what follows in a mount namespace in which this script changed the mounts.
func inMountNamespace(script string) []string {
	return []string{"unshare", "--mount", "sh", "-euc", script + "\n" + `exec "$0" "$@"`}
}

// tunNode puts a device node with these permissions where the program looks for it.
func tunNode(mode string) string {
	return fmt.Sprintf("mount -t tmpfs tmpfs /mnt\nmknod /mnt/tun c 10 200\nchmod %s /mnt/tun\nmount --bind /mnt/tun /dev/net/tun", mode)
}

// TestOrdinaryUser holds that no privileges are needed, and that run says which device it took and why.
func TestOrdinaryUser(t *testing.T) {
	t.Parallel()
	need(t, "ping", "curl", "dig", "unshare")
	tests := []struct{ name, mounts, device, why string }{
		{"node is closed", tunNode("600"), "packet", "veth pair and AF_PACKET: /dev/net/tun is closed to this user"},
		{"node is open", tunNode("666"), "tap", "/dev/net/tun is open to this user"},
		{"no node", "mount -t tmpfs tmpfs /dev/net", "packet", "veth pair and AF_PACKET: this system has no /dev/net/tun"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := asNobody(t)
			if _, err := os.Stat("/dev/net/tun"); err != nil {
				t.Skip("needs /dev/net/tun: ", err)
			}
			o.wrap = append(inMountNamespace(tt.mounts), o.wrap...)
			o.flags = []string{"--table"}
			stdout, stderr, err := runLab(t, "", reachAll+" && "+reachAll6, o)
			if err != nil {
				t.Fatalf("%v\n%s\n%s", err, stdout, stderr)
			}
			line := lineWith(stderr, "198.51.100.1/24")
			if f := strings.Fields(line); len(f) < 2 || f[1] != tt.device || !strings.HasSuffix(strings.TrimSpace(line), tt.why) {
				t.Errorf("the table says %q, want device %s, because %s", line, tt.device, tt.why)
			}
		})
	}
}

// lineWith gives the first line of text that holds part.
func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return strings.TrimSuffix(line, "\n")
		}
	}
	return ""
}
