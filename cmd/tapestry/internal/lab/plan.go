package lab

import (
	"net/netip"
	"time"

	"tapestry/apps"
	"tapestry/link"
	"tapestry/stack"
	"tapestry/stack/spx"
)

// Plan is a lab's file after all checks that need nothing but the file.
type Plan struct {
	Name     string
	Domain   string
	Own      bool   // the lab has a network namespace of its own
	State    string // folder, absolute; empty: none
	Seed     int64  // of all impairments
	Procs    int    // processors that the program uses at a time; 0: as many as the load needs
	Segments []*SegmentPlan
	Wires    []*Wire
	Trunks   []*TrunkPlan
	Joints   []*JointPlan
	Hosts    []*HostPlan
	doc      *apps.Document
}

// Wire is a device whose other end is the kernel's.
type Wire struct {
	Name      string
	Table     string         // of the file: tap or xdp
	Addresses []netip.Prefix // of the kernel's side
	MTU       int
	Existing  bool
	Kind      string        // auto, tap, packet, water, xdp
	Interface string        // of kinds packet and xdp, if it exists
	XDP       *XDPPlan      // of kind xdp
	Off       link.Offload  // switched off
	Queues    int           // of a TAP; autoQueues: one for each processor
	NoSteer   bool          // the kernel chooses the queue of a flow
	Spin      time.Duration // how long a reader may go on trying; 0: the device's default, negative: not at all
	Filter    bool          // the kernel keeps back what the host has no use for
	Capture   CapturePlan
	At        *Port     // on a segment; nil: a host is straight on it
	host      *HostPlan // who that is
}

// CapturePlan is where frames are written to.
type CapturePlan struct {
	File     string // absolute; empty: nowhere
	MaxBytes int64
	Snaplen  int
}

// HostPlan is a host to be made.
type HostPlan struct {
	Name       string
	Interfaces []Interface
	DNS        []netip.AddrPort
	TCP        stack.TCPConfig
	IPX        *HostIPXPlan // nil: no interface has IPX
	SPX        spx.Config
	Apps       []AppPlan
	many       bool // interfaces
}

// Interface is a host's interface, on a wire or on a segment.
type Interface struct {
	Wire   *Wire
	At     *Port
	Config stack.InterfaceConfig
	IPX    []IPXPlan // one for each framing
}

// on names what the interface is on.
func (i *Interface) on() string {
	if i.At != nil {
		return i.At.Segment.Name
	}
	return i.Wire.Name
}

// AppPlan is an app to be started on a host.
type AppPlan struct {
	App  apps.App
	path string // of its table
}

// Addresses lists all static addresses of the host.
func (h *HostPlan) Addresses() []netip.Prefix {
	var all []netip.Prefix
	for _, p := range h.Interfaces {
		all = append(all, p.Config.Addresses...)
	}
	return all
}

// names gives every host's name with its addresses.
func (p *Plan) names() map[string][]netip.Addr {
	m := make(map[string][]netip.Addr)
	for _, h := range p.Hosts {
		for _, a := range h.Addresses() {
			m[h.Name] = append(m[h.Name], a.Addr())
		}
	}
	return m
}

// qualifiedNames are the lab's names as hosts look them up: with and without the domain.
func (p *Plan) qualifiedNames() map[string][]netip.Addr {
	m := p.names()
	for name, addrs := range p.names() {
		m[name+"."+p.Domain] = addrs
	}
	return m
}
