package ipxtunnel

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/internal/wire"
	"tapestry/link/linktest"
)

// carrier makes a tunnel's end a wire for any frame, as the contract's tests need it: a frame crosses as the data of an
// IPX packet. What is no frame is given to the tunnel as it is, which has to drop it.
type carrier struct {
	link.Device
	from, to ethernet.Addr
}

// carried is what the MTU of the tunnel exceeds that of what it carries by.
const carried = 10 + ipxwire.HeaderLen + ethernet.HeaderLen + ethernet.TagLen

// Stats are the tunnel's, less what it adds to each frame.
func (c *carrier) Stats() link.Stats {
	const added = ethernet.HeaderLen + ipxwire.HeaderLen
	s := c.Device.(link.StatsReader).Stats()
	s.RxBytes -= s.RxFrames * added
	s.TxBytes -= s.TxFrames * added
	return s
}

func (c *carrier) Info() link.Info {
	i := c.Device.Info()
	i.MTU -= carried
	return i
}

func (c *carrier) Queues() []link.Queue { return []link.Queue{c} }

func (c *carrier) ReadFrames(f []link.Frame) (int, error) {
	n, err := c.Device.Queues()[0].ReadFrames(f)
	for i := range f[:n] {
		b := f[i].AppendTo(nil)
		f[i].Release()
		h, err := ipxwire.ParseHeader(b[ethernet.HeaderLen:])
		if err != nil {
			return 0, err
		}
		f[i] = link.NewFrame(h.Data())
	}
	return n, err
}

func (c *carrier) WriteFrames(f []link.Frame) (sent int) {
	for _, fr := range f {
		if !wire.Carries(c.Info().MTU, &fr) {
			sent += c.Device.Queues()[0].WriteFrames([]link.Frame{fr.Clone()})
			fr.Release()
			continue
		}
		parts, err := link.Fit(nil, fr, 0)
		ok := err == nil
		for i := range parts {
			ok = c.Device.Queues()[0].WriteFrames([]link.Frame{c.pack(&parts[i])}) == 1 && ok
			parts[i].Release()
		}
		if ok {
			sent++
		}
	}
	return sent
}

func (c *carrier) pack(f *link.Frame) link.Frame {
	to, from := ipxwire.Addr{Node: ipxwire.Node(c.to)}, ipxwire.Addr{Node: ipxwire.Node(c.from)}
	return ipxFrame(ethernet.KindII, to, from, f.AppendTo(nil))
}

func TestDevice(t *testing.T) {
	w := Wire{Addr: testAddr, MTU: 2000, MaxPacket: 1990}
	linktest.TestDevice(t, func(t testing.TB) (dev, peer link.Device) {
		s, c := serverAndStation(t, w)
		return &carrier{s, testAddr, c.Info().Addr}, &carrier{c, c.Info().Addr, testAddr}
	})
	linktest.TestDevice(t, func(t testing.TB) (dev, peer link.Device) {
		s, c := serverAndStation(t, w)
		return &carrier{c, c.Info().Addr, testAddr}, &carrier{s, testAddr, c.Info().Addr}
	})
}

// newServer makes a server on the loopback interface.
func newServer(t testing.TB, c ServerConfig) *Server {
	t.Helper()
	conn, err := listenLoopback()
	if err != nil {
		t.Fatal(err)
	}
	c.Conn = conn
	s, err := NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func addrOf(s *Server) netip.AddrPort { return s.sock.LocalAddr().(*net.UDPAddr).AddrPort() }

// serverAndStation makes a server and a station that took its node, without a wait for the first ping.
func serverAndStation(t testing.TB, w Wire) (*Server, *Client) {
	t.Helper()
	s := newServer(t, ServerConfig{Wire: w})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	w.Addr = ethernet.Addr{}
	c, err := Dial(ctx, ClientConfig{Listen: listenLoopback, Server: addrOf(s), Wire: w})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	s.mu.Lock()
	s.confirm(time.Now(), s.clients.order[0]) // what the first ping is for
	s.mu.Unlock()
	return s, c
}

func TestNoAllocation(t *testing.T) {
	w := Wire{Addr: testAddr}
	for _, kind := range []ethernet.Kind{ethernet.KindII, ethernet.KindRaw, ethernet.KindLLC, ethernet.KindSNAP} {
		w.Frame, w.Network = kind, testNetwork
		s, c := serverAndStation(t, w)
		a := ipxwire.Addr{Node: ipxwire.Node(testAddr), Socket: 0x4001}
		b := ipxwire.Addr{Node: ipxwire.Node(c.Info().Addr), Socket: 0x4001}
		f, g := ipxFrame(kind, b, a, make([]byte, 500)), ipxFrame(kind, a, b, make([]byte, 500))
		t.Run(kind.String()+" to a client", func(t *testing.T) { linktest.NoAllocation(t, s, c, f.AppendTo(nil)) })
		t.Run(kind.String()+" from a client", func(t *testing.T) { linktest.NoAllocation(t, c, s, g.AppendTo(nil)) })
		f.Release()
		g.Release()
	}
}
