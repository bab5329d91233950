package ipxtunnel

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"tapestry/internal/ipxwire"
	"tapestry/internal/nstest"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/stack"
	"tapestry/stack/ipx"
)

// under is where the emulators and the server are, on the loopback interface of the test's namespace.
var under = netip.MustParseAddr("198.51.100.2")

// TestDOSBox has two DOSBoxes join a server: each pings our host, the second also the first, and our host pings both.
func TestDOSBox(t *testing.T) {
	program := needDOSBox(t)
	conn := listenUnder(t)
	s, err := NewServer(ServerConfig{Conn: conn, Wire: Wire{Addr: testAddr, Network: testNetwork}})
	if err != nil {
		t.Fatal(err)
	}
	h, own := host(t, s, ethernet.KindII)
	connect := fmt.Sprintf("ipxnet connect %v %d", under, portOf(conn))

	first := startDOSBox(t, program, connect, "ipxnet ping", "ipxnet status")
	first.prints(t, response(own))
	first.prints(t, "CONNECTED -- Server at "+under.String())
	nodes := confirmed(t, s, 1)

	second := startDOSBox(t, program, connect, "ipxnet ping")
	second.prints(t, response(own))
	second.prints(t, response(nodes[0]))
	for _, n := range confirmed(t, s, 2) {
		pings(t, h, n)
	}
	if d := s.Drops(); d != (Drops{Registers: 2, Destination: d.Destination, Other: d.Other}) {
		t.Errorf("drops %+v", d)
	}
}

// TestDOSBoxServer has two hosts of ours join a DOSBox that serves: one with the node that it gives, one translated.
func TestDOSBoxServer(t *testing.T) {
	program := needDOSBox(t)
	spare, err := listenLoopback()
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort(spare.LocalAddr().String())
	spare.Close()
	serve := fmt.Sprintf("ipxnet startserver %d", at.Port())
	server := startDOSBox(t, program, serve, "ipxnet status")
	server.prints(t, "Tunneling Server started")
	c := ClientConfig{Listen: listenLoopback, Server: at, Wire: Wire{Network: testNetwork, Frame: ethernet.KindLLC}}

	// The emulator's own station came to its server from 127.0.0.1, which gives it the address of a group.
	given := server.first(t)
	emulator := station(given)
	if !given.IsGroup() {
		t.Fatalf("the emulator has the node %v, want DOSBox's form of 127.0.0.1", given)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	single, err := Dial(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	h, own := host(t, single, ethernet.KindLLC)
	pings(t, h, emulator)

	c.Wire.Addr, c.Wire.Frame = ethernet.Addr(stationA), ethernet.KindRaw
	translated, err := NewClient(c)
	if err != nil {
		t.Fatal(err)
	}
	h, _ = host(t, translated, ethernet.KindRaw)
	pings(t, h, own) // which has the group bit in the tunnel, too
	pings(t, h, emulator)
}

func needDOSBox(t *testing.T) string {
	t.Helper()
	nstest.Require(t)
	return nstest.Tool(t, "dosbox")
}

// listenUnder opens a socket at under, which it gives to the loopback interface.
func listenUnder(t *testing.T) *net.UDPConn {
	t.Helper()
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	a := &netlink.Addr{IPNet: &net.IPNet{IP: under.AsSlice(), Mask: net.CIDRMask(32, 32)}}
	if err := netlink.AddrReplace(lo, a); err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(under, 0)))
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func portOf(c net.PacketConn) uint16 { return c.LocalAddr().(*net.UDPAddr).AddrPort().Port() }

// confirmed waits until so many clients have answered the server, and gives their nodes.
func confirmed(t *testing.T, s *Server, want int) (nodes []ipxwire.Node) {
	t.Helper()
	waitFor(t, fmt.Sprintf("%d confirmed clients", want), func() bool {
		nodes = nil
		for _, c := range s.Clients() {
			if c.Confirmed {
				nodes = append(nodes, c.Node)
			}
			if c.Node != nodeOf(c.Remote) {
				t.Errorf("client %+v, want the node %v", c, nodeOf(c.Remote))
			}
		}
		return len(nodes) == want
	})
	return nodes
}

// dosbox is an emulator whose commands have run; it goes on until the test ends.
type dosbox struct{ out string }

// first is the node of the first client in the status of an emulator that serves.
func (d dosbox) first(t *testing.T) (n ipxwire.Node) {
	t.Helper()
	const mark = "active connections:"
	_, after, _ := strings.Cut(d.out, mark)
	var port uint16
	_, err := fmt.Sscanf(strings.TrimSpace(after), "%d.%d.%d.%d from port %d", &n[0], &n[1], &n[2], &n[3], &port)
	if err != nil {
		t.Fatalf("no %q with a client in %q: %v", mark, d.out, err)
	}
	n[4], n[5] = byte(port>>8), byte(port)
	return n
}

// config is what the emulator starts with: a folder, and commands.
const config = `[sdl]
output=surface
[mixer]
nosound=true
[midi]
mpu401=none
[ipx]
ipx=true
[autoexec]
mount c "%s"
c:
%s
`

func startDOSBox(t *testing.T, program string, commands ...string) dosbox {
	t.Helper()
	dir := t.TempDir()
	var lines []string
	for i, c := range commands {
		lines = append(lines, fmt.Sprintf("%s > out%d.txt", c, i))
	}
	lines = append(lines, "echo done > done.txt") // then the others are whole
	conf := filepath.Join(dir, "dosbox.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, config, dir, strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-conf", conf)
	cmd.Dir = dir
	cmd.Env = []string{"HOME=" + dir, "SDL_VIDEODRIVER=dummy", "SDL_AUDIODRIVER=dummy", "PATH=" + os.Getenv("PATH")}
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("DOSBox:\n%s", log.String())
		}
	})
	waitFor(t, "the end of DOSBox's commands", func() bool {
		_, err := os.Stat(filepath.Join(dir, "DONE.TXT"))
		return err == nil
	})
	var d dosbox
	for i, c := range commands {
		b, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("OUT%d.TXT", i)))
		if err != nil {
			t.Fatal(err)
		}
		d.out += "> " + c + "\n" + string(b)
	}
	return d
}

// prints holds that the commands' output has a line.
func (d dosbox) prints(t *testing.T, want string) {
	t.Helper()
	if !regexp.MustCompile(want).MatchString(d.out) {
		t.Errorf("DOSBox printed %q, want %q", d.out, want)
	}
}

// response is how DOSBox shows that a node answered.
func response(n ipxwire.Node) string {
	port := int(n[4])<<8 | int(n[5])
	return fmt.Sprintf(`Response from %d\.%d\.%d\.%d, port %d time=\d+ms`, n[0], n[1], n[2], n[3], port)
}

// host makes a host of ours that speaks IPX on a device.
func host(t testing.TB, dev link.Device, kind ethernet.Kind) (*stack.Host, ipxwire.Node) {
	t.Helper()
	h, err := stack.New(stack.Config{Name: dev.Info().Name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	i, err := h.AddInterface(dev, stack.InterfaceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if err := i.AddIPX(stack.IPXConfig{Frame: kind, Network: testNetwork}); err != nil {
		t.Fatal(err)
	}
	return h, ipxwire.Node(dev.Info().Addr)
}

// pings holds that a node answers a host.
func pings(t *testing.T, h *stack.Host, n ipxwire.Node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	to := ipx.Addr{Net: testNetwork, Node: n}
	for { // an emulator that runs its own ping answers nobody
		r, err := h.IPX().Ping(ctx, to, ipx.PingOptions{Data: []byte("are you there?")})
		if err == nil {
			isOther := n != ipxwire.Broadcast && r.From.Node != n || r.From.Net != testNetwork
			if string(r.Data) != "are you there?" || isOther {
				t.Errorf("answer to a ping of %v: %+v", n, r)
			}
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("no answer from %v: %v", n, err)
		}
	}
}
