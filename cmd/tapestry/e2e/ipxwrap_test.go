package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const ipxWrapLab = `
name = "ipxwrap"
[segment.lan]
kind = "hub"
[tap.tap0]
segment = "lan"
[[host.alpha.interface]]
segment = "lan"
mac = "02:00:00:00:00:bb"
ipx = { network = "0000cafe", frame = "ethernet-ii" }
[host.alpha.app.echo]
spx = true
`

// ipxWrapScript has ipx_wrap be the kernel's end of the wire, and connections of both kinds go both ways. It takes no
// frame that is longer than its packet, so that what is sent to it has an even number of octets.
const ipxWrapScript = `
begin() { "$@" & pids="$pids $!"; }
pids=
trap 'kill $pids 2>/dev/null || true' EXIT
us=0000cafe.0200000000bb it=0000cafe.0200000000aa at=fdaa:bbbb:0:cafe:200:ff:fe00:aa
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
ip link set tap0 address 02:00:00:00:00:aa
ip addr add $at/64 dev tap0 nodad
ethtool -K tap0 tx off gso off sg off >/dev/null
begin "$IPXWRAP/ipx_wrap_ifd" tap0 $at >ifd 2>&1
begin "$IPXWRAP/ipx_wrap_mux" 0xfdaabbbb >mux 2>&1
timeout 10 sh -c 'until grep -q ipxw_mux_ctrl /proc/net/unix; do sleep 0.05; done'
head -c 1000000 /dev/urandom >data
head -c 8192 data >sent
for kind in -1 -d532; do
	# It calls, and ends the connection.
	{ printf 'hello world\n'; until [ -s "called$kind" ]; do sleep 0.05; done; } |
		timeout 20 stdbuf -o0 "$IPXWRAP/ipxcat" -s $kind $it.0000 $us.8007 >"called$kind"
	# We call, and get a million octets.
	"$IPXWRAP/ipxcat" -v -l -s $kind $it.6001 <data >answer 2>"listen$kind" & pids="$pids $!"
	timeout 10 sh -c "until grep -q bound 'listen$kind'; do sleep 0.05; done"
	"$PROGRAM" ipx connect 0000cafe:0200000000aa:6001 </dev/null >"got$kind"
	cmp data "got$kind"
done
# We call, send, and get it back.
begin "$IPXWRAP/spxinetd" -v -d 532 $it.6003 -- /bin/cat >inetd 2>&1
timeout 10 sh -c 'until grep -q bound inetd; do sleep 0.05; done'
"$PROGRAM" ipx connect 0000cafe:0200000000aa:6003 <sent >back
cmp sent back
cat called-1 called-d532
"$PROGRAM" netstat -a | grep -c established || true
`

// TestIPXWrap has a host of ours speak SPX and SPX II with ipx_wrap, which does both on Linux's own interfaces. It puts
// its sockets in a map of the kernel before it binds them, which Linux 6.18.44 refuses: there it needs to bind first.
func TestIPXWrap(t *testing.T) {
	t.Parallel()
	needRoot(t) // for its programs in the kernel
	need(t, "ip", "ethtool", "timeout", "stdbuf", "cmp")
	dir := os.Getenv("TAPESTRY_IPXWRAP")
	if dir == "" {
		t.Skip("needs ipx_wrap, which no package has: set TAPESTRY_IPXWRAP to the folder of its programs")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := mustRun(t, ipxWrapLab, ipxWrapScript, options{env: []string{"IPXWRAP=" + dir}})
	if !strings.HasSuffix(out, "hello world\nhello world\n0\n") {
		t.Errorf("what was called, and what is left:\n%s", out)
	}
}
