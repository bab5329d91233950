package segment

import (
	"encoding/json"
	"time"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/segment/stp"
)

// reason is why a frame was dropped.
type reason uint8

// The reasons. On the port that a frame came from:
const (
	dropNone     reason = iota
	forTree             // no drop: a BPDU
	dropShort           // no whole Ethernet header, or metadata that points out of the frame
	dropMTU             // longer than the port's MTU, either way
	dropSource          // sent by a group's address, or by none
	dropReserved        // sent to 01-80-C2-00-00-0x
	dropVLAN            // of a VLAN that the port is not in, either way
	dropSame            // the receiver is behind the port that the frame came from
	dropTree            // the spanning tree does not let the port forward, either way
	dropJabber          // more than PortConfig.Jabber.Frames allows
	dropFloods          // more to all ports than PortConfig.Jabber.Floods allows; taken before, so that they count as Rx as well
	dropBPDU            // a BPDU that cannot be read
	dropBPDURate        // more BPDUs than a bridge sends
	dropDown            // the port is shut or has no carrier, either way
	// On the port that it should have left by:
	dropFull   // the queue is full: the station is slow
	dropFit    // metadata that the frame's headers contradict, so that it cannot be finished for this station
	dropDevice // handed to the device behind the port, which dropped it; counts among the port's Tx as well
	numReasons
)

var reasonNames = [numReasons]string{
	"none", "for the tree", "short", "mtu", "source", "reserved", "vlan", "same port", "spanning tree", "jabber", "floods", "bpdu",
	"bpdu rate", "down", "queue full", "malformed", "device",
}

// String names the reason.
func (r reason) String() string { return reasonNames[r] }

// dropRx releases frames from the station that go nowhere.
func (p *Port) dropRx(f []link.Frame, why reason) {
	p.counters.DropRx(len(f))
	p.drops[why].Add(uint64(len(f)))
	link.ReleaseAll(f)
}

// dropTx releases frames that the station will not get.
func (p *Port) dropTx(f []link.Frame, why reason) {
	p.countTxDrops(len(f), why)
	link.ReleaseAll(f)
}

// countTxDrops counts frames that the station will not get.
func (p *Port) countTxDrops(n int, why reason) {
	p.counters.DropTx(n)
	p.drops[why].Add(uint64(n))
}

// Drops counts the frames that were dropped at the port by reason, those that happened.
func (p *Port) Drops() map[string]uint64 {
	all := map[string]uint64{}
	for r := range p.drops {
		if n := p.drops[r].Load(); n > 0 {
			all[reason(r).String()] = n
		}
	}
	return all
}

// PortInfo describes a port as it is now.
type PortInfo struct {
	Index     int               `json:"index"`
	Name      string            `json:"name"`
	Kind      string            `json:"kind"`  // who is behind it: device, attached, bridge, cable
	State     string            `json:"state"` // forwarding or what else the spanning tree says; no carrier, shut, "shut: jabber", "shut: floods", "shut: bpdu"
	Up        bool              `json:"up"`
	VLAN      string            `json:"vlan,omitempty"` // access 5, trunk 1-10 native 1
	Tree      *stp.PortInfo     `json:"tree,omitempty"` // the port's part in the spanning tree
	Addr      ethernet.Addr     `json:"-"`
	MTU       int               `json:"mtu"`
	Offload   link.Offload      `json:"-"`
	Addrs     int               `json:"addrs"`     // learned behind it
	Unlearned uint64            `json:"unlearned"` // frames whose sender was not learned because the port or the table was full
	Queued    int               `json:"queued"`    // frames that wait for the station
	Stats     link.Stats        `json:"stats"`     // as the segment sees them: Rx came from the station
	Drops     map[string]uint64 `json:"drops,omitempty"`
}

// MarshalJSON writes addresses and offloads as text.
func (i PortInfo) MarshalJSON() ([]byte, error) {
	type plain PortInfo
	return json.Marshal(struct {
		plain
		Addr    string `json:"addr"`
		Offload string `json:"offload"`
	}{plain(i), i.Addr.String(), i.Offload.String()})
}

// Info describes the port.
func (p *Port) Info() PortInfo {
	tree := p.segment.tree.portInfo(p)
	p.mu.Lock()
	defer p.mu.Unlock()
	i := PortInfo{
		Index: p.index, Name: p.config.Name, Kind: p.kind, State: p.state(), Up: p.has(modeUp), Addr: p.config.Addr,
		MTU: p.config.MTU, Offload: p.config.Offload, Addrs: int(p.addrs.Load()), Unlearned: p.unlearned.Load(), Queued: p.sink.queued(),
		Stats: p.Stats(), Drops: p.Drops(), Tree: tree,
	}
	if p.vlan.aware {
		i.VLAN = p.config.VLAN.String()
	}
	return i
}

// state is what an operator reads; p.mu is held.
func (p *Port) state() string {
	switch {
	case p.detached:
		return "detached"
	case p.shut != "":
		return p.shut
	case !p.hasCarrier:
		return "no carrier"
	}
	return p.treeState.String()
}

// Ports describes the ports in the order of their numbers.
func (s *Segment) Ports() []PortInfo {
	ports := *s.ports.Load()
	all := make([]PortInfo, len(ports))
	for i, p := range ports {
		all[i] = p.Info()
	}
	return all
}

// Port finds a port by its name.
func (s *Segment) Port(name string) (*Port, bool) {
	for _, p := range *s.ports.Load() {
		if p.config.Name == name {
			return p, true
		}
	}
	return nil, false
}

// AddrEntry is one line of a switch's table.
type AddrEntry struct {
	Addr   ethernet.Addr `json:"-"`
	VLAN   uint16        `json:"vlan,omitempty"`
	Port   string        `json:"port"`
	Index  int           `json:"index"` // of the port
	Static bool          `json:"static"`
	Idle   time.Duration `json:"-"` // since the station last sent
}

// MarshalJSON writes the address as text and the time in seconds.
func (e AddrEntry) MarshalJSON() ([]byte, error) {
	type plain AddrEntry
	return json.Marshal(struct {
		Addr string `json:"addr"`
		plain
		Idle float64 `json:"idle_seconds"`
	}{e.Addr.String(), plain(e), e.Idle.Seconds()})
}
