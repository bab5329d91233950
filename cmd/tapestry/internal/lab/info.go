package lab

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"tapestry/link/ethernet"
	"tapestry/stack"
)

// Info describes a running lab.
type Info struct {
	Lab       string          `json:"lab"`
	Domain    string          `json:"domain"`
	PID       int             `json:"pid"`
	User      bool            `json:"user_namespace"` // the namespace lies in a user namespace
	Own       bool            `json:"own_namespace"`  // the lab has a network namespace of its own
	Since     time.Time       `json:"since"`
	ReadyTime float64         `json:"ready_seconds"`
	Procs     int             `json:"procs"`       // processors that run the program's goroutines at the moment
	Fixed     bool            `json:"procs_fixed"` // by the lab's file
	Socket    string          `json:"socket"`
	CA        string          `json:"ca"`
	Segments  []SegmentStatus `json:"segments"`
	Wires     []WireInfo      `json:"wires"`
	Hosts     []HostInfo      `json:"hosts"`
}

// WireInfo describes a wire.
type WireInfo struct {
	Name      string         `json:"name"`
	Device    string         `json:"device"`
	Why       string         `json:"why"`
	MTU       int            `json:"mtu"`
	Offloads  string         `json:"offloads"`
	Addresses []netip.Prefix `json:"kernel_addresses"`
	Capture   string         `json:"capture,omitempty"`
	Segment   string         `json:"segment,omitempty"` // empty: a host is straight on it
	Queues    int            `json:"queues"`
	Mode      string         `json:"mode,omitempty"`     // of AF_XDP
	Stats     []stack.Stat   `json:"stats,omitempty"`    // of its queues, see tapestry stats
	Notes     []string       `json:"notes,omitempty"`    // what its user has to see to
	Steering  *AidInfo       `json:"steering,omitempty"` // of a TAP with several queues
	Filter    *AidInfo       `json:"filter,omitempty"`   // of a TAP
	Spin      string         `json:"spin,omitempty"`     // how long a reader may go on trying, or off
}

// HostInfo describes a host of ours.
type HostInfo struct {
	Name       string     `json:"name"`
	Domain     string     `json:"domain"`
	IP         bool       `json:"ip"` // an interface speaks it
	Interfaces []PortInfo `json:"interfaces"`
	IPX        []IPXPort  `json:"ipx,omitempty"`
	Router     bool       `json:"ipx_router,omitempty"`
	Apps       []AppInfo  `json:"apps"`
}

// PortInfo describes a host's interface.
type PortInfo struct {
	Name      string         `json:"name"`
	Wire      string         `json:"wire"`
	MAC       string         `json:"mac"`
	Addresses []netip.Prefix `json:"addresses"`
	Gateways  []netip.Addr   `json:"gateways,omitempty"`
}

// AppInfo describes an app of a host.
type AppInfo struct {
	Name      string     `json:"name"`
	Doc       string     `json:"doc"`
	Endpoints []Endpoint `json:"endpoints"`
}

// Place is what a lab does not know of itself.
type Place struct {
	User      bool
	Socket    string
	CA        string
	ReadyTime time.Duration
}

// Info describes the lab as it is.
func (l *Lab) Info(at Place) Info {
	i := Info{
		Lab: l.Plan.Name, Domain: l.Plan.Domain, PID: os.Getpid(), User: at.User, Own: l.Plan.Own, Since: l.since,
		ReadyTime: at.ReadyTime.Seconds(), Socket: at.Socket, CA: at.CA, Segments: l.segments(),
		Procs: runtime.GOMAXPROCS(0), Fixed: l.Plan.Procs > 0,
	}
	for _, w := range l.wires {
		i.Wires = append(i.Wires, w.info())
	}
	for _, h := range l.hosts {
		hi := HostInfo{Name: h.plan.Name, Domain: l.Plan.Domain, IP: h.speaksIP()}
		for _, p := range h.ports {
			cfg := p.plan.Config
			hi.Interfaces = append(hi.Interfaces, PortInfo{
				Name: cfg.Name, Wire: p.plan.on(), MAC: p.mac().String(), Addresses: cfg.Addresses, Gateways: cfg.Gateways,
			})
		}
		if h.plan.IPX != nil {
			hi.IPX, hi.Router = h.ipxPorts(), h.plan.IPX.Config.Router
		}
		for _, a := range h.apps {
			hi.Apps = append(hi.Apps, AppInfo{Name: a.plan.App.Name, Doc: a.plan.App.Doc, Endpoints: h.reachable(a.net.endpoints())})
		}
		i.Hosts = append(i.Hosts, hi)
	}
	return i
}

// mac is the interface's Ethernet address, which is the device's if the file gives none.
func (p *port) mac() ethernet.Addr {
	if a := p.plan.Config.Addr; !a.IsZero() {
		return a
	}
	return p.device.Info().Addr
}

func (w *openWire) info() WireInfo {
	d := w.device.Info()
	i := WireInfo{
		Name: w.plan.Name, Device: w.chosen.kind, Why: w.chosen.why, MTU: d.MTU, Offloads: offloads(d),
		Addresses: w.plan.Addresses, Capture: w.plan.Capture.File,
	}
	if w.plan.At != nil {
		i.Segment = w.plan.At.Segment.Name
	}
	i.addHelp(w)
	return i
}

func (r *recorder) endpoints() []Endpoint {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Endpoint(nil), r.opened...)
}

// WriteTable shows the lab to a person.
func (i Info) WriteTable(out io.Writer) error {
	w := bufio.NewWriter(out) // a tabwriter writes each cell
	where := "the caller's network namespace"
	if i.Own {
		where = "a network namespace of its own"
	}
	fmt.Fprintf(w, "lab %s runs in %s (process %d, ready in %.0f ms)\n\n", i.Lab, where, i.PID, 1000*i.ReadyTime)
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	if len(i.Segments) > 0 {
		fmt.Fprintln(t, "SEGMENT\tKIND\tMTU\tPORTS\tIMPAIRMENT")
		for _, s := range i.Segments {
			fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%s\n", s.Name, s.Kind, s.MTU, s.Ports, s.Impair)
		}
		fmt.Fprintln(t)
		t.Flush()
	}
	i.writeWires(t)
	fmt.Fprintln(t, "HOST\tINTERFACE\tADDRESSES\tMAC\tNAME")
	for _, h := range i.Hosts {
		for _, p := range h.Interfaces {
			fmt.Fprintf(t, "%s\t%s on %s\t%s\t%s\t%s.%s\n", h.Name, p.Name, p.Wire, list(p.Addresses), p.MAC, h.Name, h.Domain)
		}
	}
	t.Flush()
	i.writeIPX(t)
	t.Flush()
	if i.hasApps() {
		fmt.Fprintln(t, "\nHOST\tAPP\tPORTS\tWHAT IT DOES")
		i.writeApps(t)
	}
	fmt.Fprintln(t)
	i.writeHints(t)
	if err := t.Flush(); err != nil {
		return err
	}
	return w.Flush()
}

// writeWires shows the kernel's side, where there is one.
func (i Info) writeWires(t *tabwriter.Writer) {
	if len(i.Wires) == 0 {
		return
	}
	fmt.Fprintln(t, "WIRE\tDEVICE\tKERNEL'S SIDE\tMTU\tOFFLOADS\tWHY THIS DEVICE")
	for _, x := range i.Wires {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\n", x.on(), x.Device, list(x.Addresses), x.MTU, x.Offloads, x.Why)
	}
	t.Flush()
	i.writeHelp(t)
	t.Flush()
	fmt.Fprintln(t)
}

// writeHints says where things are, and which commands show more.
func (i Info) writeHints(t io.Writer) {
	for _, x := range i.Wires {
		if x.Capture != "" {
			fmt.Fprintf(t, "capture of %s\t%s\n", x.Name, x.Capture)
		}
	}
	for _, s := range i.Segments {
		if s.Capture != "" {
			fmt.Fprintf(t, "capture of %s\t%s\n", s.Name, s.Capture)
		}
	}
	fmt.Fprintf(t, "processors\t%s\n", i.processors())
	if slices.ContainsFunc(i.Hosts, func(h HostInfo) bool { return h.IP }) {
		fmt.Fprintf(t, "certificates\tcurl --cacert %s\n", i.CA)
	}
	fmt.Fprintf(t, "control socket\t%s\n", i.Socket)
	fmt.Fprintf(t, "a shell %s\ttapestry shell --lab %s\n", i.beside(), i.Lab)
	fmt.Fprintf(t, "from inside %s\ttapestry %s --lab %s%s\n", i.firstHost(), i.insideTools(), i.Lab, i.otherHosts())
	if h, ok := i.firstIPX(); ok {
		fmt.Fprintf(t, "over IPX\ttapestry ping %s, tapestry ipx ports|route|servers|sockets|stats --lab %s --host %s\n", i.ipxTarget(h), i.Lab, h.Name)
	}
	if len(i.Segments) > 0 {
		fmt.Fprintf(t, "the segments\ttapestry segments|ports|impair|mac|draw --lab %s\n", i.Lab)
	}
}

// hasApps reports whether a host has one.
func (i Info) hasApps() bool {
	return slices.ContainsFunc(i.Hosts, func(h HostInfo) bool { return len(h.Apps) > 0 })
}

// insideTools are the commands that have something to show in the first host.
func (i Info) insideTools() string {
	if len(i.Hosts) > 0 && !i.Hosts[0].IP {
		return "ping|netstat|stats|dump"
	}
	return "ping|arp|route|netstat|stats|dump"
}

// processors says how many run the program's goroutines.
func (i Info) processors() string {
	if i.Fixed {
		return fmt.Sprintf("%d, by procs in the lab's file", i.Procs)
	}
	return fmt.Sprintf("%d at the moment", i.Procs)
}

func (i Info) writeApps(w io.Writer) {
	for _, h := range i.Hosts {
		for _, a := range h.Apps {
			var ports []string
			for _, e := range a.Endpoints {
				ports = append(ports, e.String())
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", h.Name, a.Name, strings.Join(ports, ", "), a.Doc)
		}
	}
}

// WriteApps lists the apps alone.
func (i Info) WriteApps(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "HOST\tAPP\tPORTS\tWHAT IT DOES")
	i.writeApps(t)
	return t.Flush()
}

// beside is where a shell of the lab is.
func (i Info) beside() string {
	if len(i.Wires) == 0 {
		return "in its namespace"
	}
	return "beside " + i.Wires[0].Name
}

func (i Info) firstHost() string {
	if len(i.Hosts) == 0 {
		return "a host"
	}
	return i.Hosts[0].Name
}

// otherHosts tells how to act in another host than the first.
func (i Info) otherHosts() string {
	if len(i.Hosts) < 2 {
		return ""
	}
	return ", of others with --host " + i.Hosts[1].Name
}

// on names the wire, and the segment that it leads to.
func (w WireInfo) on() string {
	if w.Segment == "" {
		return w.Name
	}
	return w.Name + " on " + w.Segment
}

// String gives "tcp 80".
func (e Endpoint) String() string {
	switch {
	case e.Port == 0:
		return e.Network
	case e.Network == "ipx", e.Network == "spx":
		return fmt.Sprintf("%s %04x", e.Network, e.Port)
	}
	return fmt.Sprintf("%s %d", e.Network, e.Port)
}

func list[T fmt.Stringer](all []T) string {
	var s []string
	for _, a := range all {
		s = append(s, a.String())
	}
	if s == nil {
		return "-"
	}
	return strings.Join(s, ", ")
}

// Environ is what a command that runs beside the lab finds in its environment.
func (i Info) Environ() []string {
	env := []string{"TAPESTRY_LAB=" + i.Lab, "TAPESTRY_DOMAIN=" + i.Domain, "TAPESTRY_SOCKET=" + i.Socket, "TAPESTRY_CA=" + i.CA}
	for _, h := range i.Hosts {
		name := "TAPESTRY_HOST_" + strings.ToUpper(strings.ReplaceAll(h.Name, "-", "_"))
		v4, v6 := h.first()
		if v4 == "" {
			v4 = v6
		}
		env = append(env, name+"="+v4, name+"_NAME="+h.Name+"."+h.Domain)
		if v6 != "" {
			env = append(env, name+"_IPV6="+v6)
		}
		if len(h.IPX) > 0 {
			env = append(env, name+"_IPX="+h.ipxAddress())
		}
	}
	return env
}

// first gives the host's first address of each IP version, or nothing.
func (h HostInfo) first() (v4, v6 string) {
	for _, p := range h.Interfaces {
		for _, a := range p.Addresses {
			switch {
			case a.Addr().Is4() && v4 == "":
				v4 = a.Addr().String()
			case a.Addr().Is6() && v6 == "":
				v6 = a.Addr().String()
			}
		}
	}
	return v4, v6
}
