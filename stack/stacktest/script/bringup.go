package script

import (
	"net/netip"
	"testing/synctest"
	"time"

	"tapestry/stack"
)

// bringUp makes the host and lets it settle.
func (p *player) bringUp() {
	c := p.s.Host
	p.wire = newWire(c.MTU)
	cfg := stack.Config{Seed: 1, TCP: stack.TCPConfig{
		Congestion: c.Congestion, Backlog: c.Backlog, TimeWait: c.TimeWait,
		KeepaliveIdle: c.KeepaliveIdle, KeepaliveInterval: c.KeepaliveEvery, KeepaliveCount: c.KeepaliveCount,
		SendBuffer: buffer(c.SndBuf), ReceiveBuffer: buffer(c.RcvBuf),
	}}
	if p.config.Host != nil {
		p.config.Host(&cfg)
	}
	host, err := stack.New(cfg)
	if err != nil {
		p.t.Fatalf("%s: %v", p.s.Name, err)
	}
	p.host = host
	p.t.Cleanup(p.shutDown)
	ic := stack.InterfaceConfig{Addresses: []netip.Prefix{hostAddrs[c.IP]}, NoIPv6: c.IP == 4, NoSLAAC: true}
	if _, err := host.AddInterface(p.wire, ic); err != nil {
		p.t.Fatalf("%s: %v", p.s.Name, err)
	}
	if err := host.AddNeighbor(stack.Neighbor{Addr: peerAddrs[c.IP], Link: peerLink, Interface: "eth0"}); err != nil {
		p.t.Fatalf("%s: %v", p.s.Name, err)
	}
	time.Sleep(settle)
	synctest.Wait()
	p.wire.take()
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

// shutDown ends all goroutines of the run.
func (p *player) shutDown() {
	for _, f := range p.order {
		f.close()
	}
	if err := p.host.Close(); err != nil {
		p.t.Errorf("%s: closing the host: %v", p.s.Name, err)
	}
	synctest.Wait()
}

// counters are the host's by name.
func (p *player) counters() map[string]uint64 {
	m := map[string]uint64{}
	for _, s := range p.host.Stats() {
		m[s.Name] = s.Value
	}
	return m
}
