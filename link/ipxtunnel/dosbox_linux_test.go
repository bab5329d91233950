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
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"tapestry/internal/ipxwire"
	"tapestry/internal/nstest"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// under is where the emulators and the server are, on the loopback interface of the test's namespace.
var under = netip.MustParseAddr("198.51.100.2")

// TestDOSBox has two DOSBoxes join a server: each pings our node, the second also the first, and our node pings both.
func TestDOSBox(t *testing.T) {
	program := needDOSBox(t)
	conn := listenUnder(t)
	s, err := NewServer(ServerConfig{Conn: conn, Wire: Wire{Addr: testAddr, Network: testNetwork}})
	if err != nil {
		t.Fatal(err)
	}
	n := newEchoNode(t, s)
	connect := fmt.Sprintf("ipxnet connect %v %d", under, portOf(conn))

	first := startDOSBox(t, program, connect, "ipxnet ping", "ipxnet status")
	first.prints(t, response(n.node))
	first.prints(t, "CONNECTED -- Server at "+under.String())
	nodes := confirmed(t, s, 1)

	second := startDOSBox(t, program, connect, "ipxnet ping")
	second.prints(t, response(n.node))
	second.prints(t, response(nodes[0]))
	n.pings(t, confirmed(t, s, 2)...)
	if d := s.Drops(); d != (Drops{Registers: 2, Destination: d.Destination}) {
		t.Errorf("drops %+v", d)
	}
}

// TestDOSBoxServer has a station of ours, and then a segment with two, join a DOSBox that serves.
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
	c := ClientConfig{Listen: listenLoopback, Server: at, Wire: Wire{Network: testNetwork}}

	// The emulator's own station is behind the server too, and came there from 127.0.0.1.
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	station, err := Dial(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	newEchoNode(t, station).pingsFirst(t, 127)

	segment, err := NewClient(c)
	if err != nil {
		t.Fatal(err)
	}
	n := newEchoNode(t, segment)
	for _, last := range []byte{7, 8} {
		n.node = ipxwire.Node{2, 0, 0, 0, 0, last}
		n.pingsFirst(t, 127)
	}
	if got := segment.Sessions(); len(got) != 2 || got[0].Node == got[1].Node {
		t.Errorf("sessions %+v, want two, with a node each", got)
	}
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
	return fmt.Sprintf(`Response from %d\.%d\.%d\.%d, port %d time=\d+ms`, n[0], n[1], n[2], n[3], int(n[4])<<8|int(n[5]))
}

// echoNode answers pings as a node does, and notes who answers its own.
type echoNode struct {
	dev  link.Device
	node ipxwire.Node
	pong chan ipxwire.Addr
}

func newEchoNode(t testing.TB, dev link.Device) *echoNode {
	n := &echoNode{dev, ipxwire.Node(dev.Info().Addr), make(chan ipxwire.Addr, 64)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f := make([]link.Frame, 8)
		for {
			k, err := dev.Queues()[0].ReadFrames(f)
			if err != nil {
				return
			}
			for i := range f[:k] {
				n.receive(f[i].AppendTo(nil))
				f[i].Release()
			}
		}
	}()
	t.Cleanup(func() {
		dev.Close()
		<-done
	})
	return n
}

func (n *echoNode) receive(b []byte) {
	e, err := ethernet.Parse(b)
	if err != nil {
		return
	}
	h, err := ipxwire.ParseHeader(e.Payload())
	if err != nil {
		return
	}
	switch {
	case isPing(h):
		n.send(h.Source(), ipxwire.Addr{Net: testNetwork, Node: n.node, Socket: ipxwire.SocketEcho})
	case h.Destination().Node == n.node && h.Destination().Socket == ipxwire.SocketEcho:
		select {
		case n.pong <- h.Source():
		default:
		}
	}
}

// send sends a packet of nothing but a header.
func (n *echoNode) send(to, from ipxwire.Addr) {
	n.dev.Queues()[0].WriteFrames([]link.Frame{ipxFrame(ethernet.KindII, to, from, nil)})
}

// ask has all nodes answer.
func (n *echoNode) ask() {
	n.send(ipxwire.Addr{Net: testNetwork, Node: ipxwire.Broadcast, Socket: ipxwire.SocketEcho},
		ipxwire.Addr{Net: testNetwork, Node: n.node, Socket: ipxwire.SocketEcho})
}

// next is the next answer.
func (n *echoNode) next(t *testing.T) ipxwire.Node {
	t.Helper()
	select {
	case a := <-n.pong:
		if a.Net != testNetwork {
			t.Errorf("an answer from %v, want network %v", a, testNetwork)
		}
		return a.Node
	case <-time.After(patience):
		t.Fatal("no answer to a ping")
	}
	return ipxwire.Node{}
}

// pings asks all nodes and waits for those that are wanted.
func (n *echoNode) pings(t *testing.T, want ...ipxwire.Node) {
	t.Helper()
	n.ask()
	for left := slices.Clone(want); len(left) > 0; {
		got := n.next(t)
		left = slices.DeleteFunc(left, func(w ipxwire.Node) bool { return w == got })
	}
}

// pingsFirst asks all nodes and waits for one whose first octet is that.
func (n *echoNode) pingsFirst(t *testing.T, first byte) {
	t.Helper()
	for n.ask(); n.next(t)[0] != first; {
	}
}
