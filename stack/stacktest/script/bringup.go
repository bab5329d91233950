package script

import (
	"net/netip"
	"time"

	"tapestry/link/ethernet"
	"tapestry/stack"
	"tapestry/stack/stacktest"
)

// The addresses of a script's two stations, by IP version.
var (
	hostLink = ethernet.Addr{0x02, 0, 0, 0, 0, 0x01}
	peerLink = ethernet.Addr{0x02, 0, 0, 0, 0, 0x02}

	hostAddrs = map[int]netip.Prefix{4: netip.MustParsePrefix("198.51.100.1/24"), 6: netip.MustParsePrefix("2001:db8:51::1/64")}
	peerAddrs = map[int]netip.Addr{4: netip.MustParseAddr("198.51.100.2"), 6: netip.MustParseAddr("2001:db8:51::2")}
)

// bringUp makes the host and the peer, and lets the host settle.
func (p *player) bringUp() {
	c := p.s.Host
	cfg := stack.Config{TCP: stack.TCPConfig{
		Congestion: c.Congestion, Recovery: c.Recovery, Backlog: c.Backlog, TimeWait: c.TimeWait,
		KeepaliveIdle: c.KeepaliveIdle, KeepaliveInterval: c.KeepaliveEvery, KeepaliveCount: c.KeepaliveCount,
		SendBuffer: buffer(c.SndBuf), ReceiveBuffer: buffer(c.RcvBuf),
	}}
	if p.config.Host != nil {
		p.config.Host(&cfg)
	}
	p.host = p.net.AddHost(stacktest.HostConfig{
		Name: "host", Addr: hostLink, Addresses: []netip.Prefix{hostAddrs[c.IP]}, Stack: cfg,
		Interface: stack.InterfaceConfig{NoIPv6: c.IP == 4, NoSLAAC: true},
	})
	p.t.Cleanup(p.shutDown)
	peer := netip.PrefixFrom(peerAddrs[c.IP], hostAddrs[c.IP].Bits())
	p.peer = p.net.AddStation(stacktest.StationConfig{Name: "peer", Addr: peerLink, Addresses: []netip.Prefix{peer}, Raw: true})
	if err := p.host.AddNeighbor(stack.Neighbor{Addr: peerAddrs[c.IP], Link: peerLink, Interface: "eth0"}); err != nil {
		p.t.Fatalf("%s: %v", p.s.Name, err)
	}
	for end := time.Now().Add(settle); ; {
		if _, ok := p.next(end); !ok {
			break
		}
	}
	p.history = history{}
	p.counts = p.counters()
	p.start = time.Now()
	p.last = p.start
}

// buffer is a buffer of one size, or of the default ones.
func buffer(n int) stack.Buffer {
	if n == 0 {
		return stack.Buffer{}
	}
	return stack.Buffer{Min: min(n, 4<<10), Default: n, Max: n}
}

// shutDown closes what the script left open; the rig closes the host.
func (p *player) shutDown() {
	for _, f := range p.order {
		f.close()
	}
	if p.listener != nil {
		p.listener.Close() // one that the script has closed says so
	}
}

// counters are the host's by name.
func (p *player) counters() map[string]uint64 {
	m := map[string]uint64{}
	for _, s := range p.host.Stats() {
		m[s.Name] = s.Value
	}
	return m
}
