package simple

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"tapestry/apps"
	"tapestry/apps/apptest"
	"tapestry/internal/ipxwire"
)

const ipxAlone = "tcp = false\nudp = false\n"

func TestPacketLoops(t *testing.T) {
	tests := []struct {
		name      string
		from, own ipxwire.Socket
		want      bool
	}{
		{"client", 0x4003, 0x9007, false},
		{"no socket", 0, 0x9007, true},
		{"the node's echo", 2, 0x9007, true},
		{"echo", 0x9007, 0x9019, true},
		{"daytime", 0x9013, 0x9007, true},
		{"quote", 0x9017, 0x9007, true},
		{"chargen", 0x9019, 0x9007, true},
		{"time", 0x9037, 0x9007, true},
		{"discard never answers", 0x9009, 0x9007, false},
		{"the number of another registry", 0x0007, 0x9007, false},
		{"itself on another socket", 0x4007, 0x4007, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := packetLoops(tt.from, tt.own); got != tt.want {
				t.Errorf("packetLoops(%04x, %04x): got %v, want %v", uint16(tt.from), uint16(tt.own), got, tt.want)
			}
		})
	}
}

// TestPacketDrops has sources that no client has.
func TestPacketDrops(t *testing.T) {
	var set apps.CounterSet
	s := &Server{
		service: Service{Answer: func(reply, request []byte) []byte { return append(reply, request...) }},
		config:  Defaults(7), counters: set.Group("test"),
	}
	tests := []struct{ name, from, want string }{
		{"client", "0000cafe:020000000001:4003", "x"},
		{"another server", "0000cafe:020000000001:9019", ""},
		{"every node", "0000cafe:ffffffffffff:4003", ""},
		{"a group", "0000cafe:090000000001:4003", ""},
		{"no address", "198.51.100.1:4003", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := s.packet(nil, []byte("x"), textAddr(tt.from)); string(got) != tt.want {
				t.Errorf("from %s: got %q, want %q", tt.from, got, tt.want)
			}
		})
	}
	for name, want := range map[string]uint64{"in": 5, "out": 1} {
		if got := set.Value("test.ipx." + name); got != want {
			t.Errorf("ipx.%s: got %d, want %d", name, got, want)
		}
	}
	if loops, groups := set.Value("test.drop.loop"), set.Value("test.drop.group"); loops != 1 || groups != 3 {
		t.Errorf("got %d loops and %d groups, want 1 and 3", loops, groups)
	}
}

// TestPacketsToAll holds that only what was sent to this node alone is read.
func TestPacketsToAll(t *testing.T) {
	var set apps.CounterSet
	to := []textAddr{"0000cafe:ffffffffffff:9007", "0000cafe:090000000001:9007", "nobody", "0000cafe:020000000001:9007"}
	c := &singular{&toldConn{to: to}, set.Group("test")}
	b := make([]byte, 8)
	n, from, err := c.ReadFrom(b)
	if err != nil || string(b[:n]) != "3" || from != textAddr("peer") {
		t.Errorf("got %q from %v, %v; want the last datagram", b[:n], from, err)
	}
	if _, _, err := c.ReadFrom(b); !errors.Is(err, net.ErrClosed) {
		t.Errorf("then: got %v, want net.ErrClosed", err)
	}
	if in, groups := set.Value("test.ipx.in"), set.Value("test.drop.group"); in != 3 || groups != 3 {
		t.Errorf("got %d datagrams and %d groups, want 3 and 3", in, groups)
	}
	c.PacketConn = plainConn{}
	if n, _, err := c.ReadFrom(b); n != 5 || err != nil {
		t.Errorf("a socket that cannot tell: got %d octets, %v", n, err)
	}
}

// toldConn is a socket with one datagram, its number, to each address.
type toldConn struct {
	net.PacketConn
	to   []textAddr
	next int
}

func (c *toldConn) ReadFromTo(b []byte) (int, net.Addr, net.Addr, error) {
	if c.next == len(c.to) {
		return 0, nil, nil, net.ErrClosed
	}
	c.next++
	return copy(b, strconv.Itoa(c.next-1)), textAddr("peer"), c.to[c.next-1], nil
}

// plainConn is a socket that does not tell where a datagram was sent to.
type plainConn struct{ net.PacketConn }

func (plainConn) ReadFrom(b []byte) (int, net.Addr, error) {
	return copy(b, "plain"), textAddr("peer"), nil
}

// textAddr is an address of IPX.
type textAddr string

func (textAddr) Network() string  { return "ipx" }
func (a textAddr) String() string { return string(a) }

func TestIPX(t *testing.T) {
	tests := []struct {
		name, config     string
		streams, packets int // sockets; 0: none
	}{
		{"both", ipxAlone + "spx = true\nipx = true", 0x8007, 0x9007},
		{"chosen sockets", ipxAlone + "spx = \"4001\"\nipx = \"4002\"", 0x4001, 0x4002},
		{"streams beside IP", "spx = true", 0x8007, 0},
		{"datagrams alone", ipxAlone + "ipx = true", 0, 0x9007},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			apptest.TestServer(t, apptest.Case{App: testApp, Config: tt.config}, func(t *testing.T, s *apptest.Server) {
				for network, socket := range map[string]int{"spx": tt.streams, "ipx": tt.packets} {
					if socket == 0 {
						continue
					}
					c := s.Dial(t, network, socket)
					if _, err := c.Write([]byte(network)); err != nil {
						t.Fatal(err)
					}
					b := make([]byte, 3)
					if _, err := io.ReadFull(c, b); err != nil || string(b) != network {
						t.Errorf("%s: got %q, %v", network, b, err)
					}
				}
				if got, want := s.Counters.Value("test.spx.sessions"), uint64(min(tt.streams, 1)); got != want {
					t.Errorf("spx.sessions: got %d, want %d", got, want)
				}
			})
		})
	}
}

// TestSPXEnds holds that a session ends with its client, whether that ends one direction or both, and makes room for
// the next one.
func TestSPXEnds(t *testing.T) {
	c := apptest.Case{App: testApp, Config: ipxAlone + "spx = true\nmax_sessions = 1"}
	apptest.TestServer(t, c, func(t *testing.T, s *apptest.Server) {
		want := bytes.Repeat([]byte("0123456789abcdef"), 1000)
		for _, end := range []func(net.Conn) error{apps.CloseWrite, net.Conn.Close, apps.CloseWrite} {
			apptest.Eventually(t, "a session", func() bool {
				c := s.Dial(t, "spx", 0x8007)
				defer c.Close()
				if _, err := c.Write(want); err != nil {
					return false
				}
				got := make([]byte, len(want))
				if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
					return false
				}
				err := end(c)
				if errors.Is(err, errors.ErrUnsupported) { // SPX ends both directions at once, SPX II not
					err = c.Close()
				}
				if err != nil {
					t.Fatal(err)
				}
				if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil && !errors.Is(err, net.ErrClosed) {
					t.Errorf("after the end: got %d octets, %v", len(rest), err)
				}
				return true
			})
		}
	})
}

// TestIPXErrors holds that the key of the socket that cannot be had is named, and that nothing stays open.
func TestIPXErrors(t *testing.T) {
	tests := []struct{ name, config, want string }{
		{"one socket for both", "spx = \"4001\"\nipx = \"4001\"", "config:2: ipx: 4001 is the socket of spx, too; choose another one"},
		{"no SPX", "udp = false\nspx = true", "config:2: spx: test: listen spx: the machine's own sockets have no IPX"},
		{"no IPX", "tcp = false\nudp = false\nipx = true", "config:3: ipx: test: listen ipx: the machine's own sockets have no IPX"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := apps.TableConfig(tt.config)
			if err != nil {
				t.Fatal(err)
			}
			fake := new(tcpAlone)
			_, err = testApp.New(apps.NewEnv(apps.EnvConfig{Net: fake}), cfg)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			for _, l := range fake.opened {
				if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
					t.Errorf("a listener that was opened before: got %v, want net.ErrClosed", err)
				}
			}
		})
	}
}

// tcpAlone is a network that has TCP, on any port.
type tcpAlone struct {
	apps.System
	opened []net.Listener
}

func (n *tcpAlone) Listen(network, address string) (net.Listener, error) {
	if network != "tcp" {
		return n.System.Listen(network, address)
	}
	l, err := n.System.Listen(network, "127.0.0.1:0")
	if err == nil {
		n.opened = append(n.opened, l)
	}
	return l, err
}
