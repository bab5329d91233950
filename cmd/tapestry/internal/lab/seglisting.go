package lab

import (
	"fmt"
	"io"
	"strconv"

	"tapestry/link"
	"tapestry/link/impair"
)

// SegmentStatus is a running segment with its counters.
type SegmentStatus struct {
	Name      string `json:"name"`
	Kind      string `json:"kind"`
	MTU       int    `json:"mtu"`
	Ports     int    `json:"ports"`
	Up        int    `json:"up"` // ports that frames cross
	Addresses int    `json:"addresses"`
	Frames    uint64 `json:"frames"` // that came in
	Bytes     uint64 `json:"bytes"`
	Dropped   uint64 `json:"dropped"` // by the segment: queues that were full, bad frames, ports that are down
	Lost      uint64 `json:"lost"`    // by impairments
	Impair    string `json:"impair"`  // of ports without an own one, from the station
	ImpairRx  string `json:"impair_rx"`
	Capture   string `json:"capture,omitempty"`
}

// PortStatus is a port of a running segment with its counters.
type PortStatus struct {
	Segment   string            `json:"segment"`
	Name      string            `json:"name"`
	Kind      string            `json:"kind"`
	State     string            `json:"state"`
	Up        bool              `json:"up"`
	VLAN      string            `json:"vlan,omitempty"` // "access 5", "trunk 1-10,20 native 1"
	Addresses int               `json:"addresses"`      // learned behind it
	Queued    int               `json:"queued"`
	Counters  link.Stats        `json:"counters"` // rx came from the station, tx went to it
	Drops     map[string]uint64 `json:"drops,omitempty"`
	Tx        LineStatus        `json:"impair_tx"` // from the station
	Rx        LineStatus        `json:"impair_rx"` // to the station
}

// LineStatus is an impairment with its counters.
type LineStatus struct {
	Impair   string       `json:"impair"`
	Own      bool         `json:"own"` // not the segment's
	Counters impair.Stats `json:"counters"`
}

// MACEntry is a line of a switch's table.
type MACEntry struct {
	Addr   string  `json:"mac"`
	VLAN   uint16  `json:"vlan,omitempty"`
	Port   string  `json:"port"`
	Static bool    `json:"static"`
	Idle   float64 `json:"idle_seconds"` // since the station last sent
}

func (l *Lab) segments() []SegmentStatus {
	all := []SegmentStatus{}
	for _, p := range l.Plan.Segments {
		all = append(all, l.buses[p].status())
	}
	return all
}

func (b *bus) status() SegmentStatus {
	s := SegmentStatus{Name: b.plan.Name, Kind: b.plan.Kind, MTU: b.plan.MTU, Addresses: len(b.Addrs()), Capture: b.plan.Capture.File}
	for _, p := range b.ports {
		i := p.Info()
		s.Ports++
		if i.Up {
			s.Up++
		}
		s.Frames += i.Stats.RxFrames
		s.Bytes += i.Stats.RxBytes
		s.Dropped += i.Stats.RxDropped + i.Stats.TxDropped
		s.Lost += p.tx.Stats().Drops.Total()
		if p.plan.Kind != "trunk" { // leads into the other segment
			s.Lost += p.rx.Stats().Drops.Total()
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s.Impair, s.ImpairRx = b.tx.String(), b.rx.String()
	return s
}

func (p *place) status() PortStatus {
	i := p.Info()
	s := PortStatus{
		Segment: p.bus.plan.Name, Name: p.plan.Name, Kind: p.plan.Kind, State: i.State, Up: i.Up,
		Addresses: i.Addrs, Queued: i.Queued, Counters: i.Stats, Drops: i.Drops, Tx: p.tx.status(), Rx: p.rx.status(),
	}
	if p.bus.plan.VLANs {
		s.VLAN = p.plan.VLAN.String()
	}
	return s
}

func (d *direction) status() LineStatus {
	return LineStatus{d.Config().String(), d.own.Load(), d.Stats()}
}

// WriteSegments lists segments.
func WriteSegments(w io.Writer, all []SegmentStatus) error {
	t := table(w, "SEGMENT\tKIND\tMTU\tPORTS\tUP\tADDRESSES\tFRAMES\tOCTETS\tDROPPED\tLOST\tIMPAIRMENT")
	for _, s := range all {
		impairment := s.Impair
		if s.ImpairRx != impair.Off {
			impairment += ", to stations " + s.ImpairRx
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", s.Name, s.Kind, s.MTU, s.Ports, s.Up, s.Addresses, s.Frames, s.Bytes, s.Dropped, s.Lost, impairment)
	}
	return t.Flush()
}

// WritePorts lists ports with their counters.
func WritePorts(w io.Writer, all []PortStatus) error {
	t := table(w, "SEGMENT\tPORT\tKIND\tSTATE\tVLAN\tFROM IT\tOCTETS\tTO IT\tOCTETS\tDROPPED\tLOST\tADDRESSES\tIMPAIR TX\tIMPAIR RX")
	for _, p := range all {
		c := p.Counters
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\n", p.Segment, p.Name, p.Kind, p.State, orDash(p.VLAN),
			c.RxFrames, c.RxBytes, c.TxFrames, c.TxBytes, c.RxDropped+c.TxDropped, p.lost(), p.Addresses, p.Tx.Impair, p.Rx.Impair)
	}
	return t.Flush()
}

func (p PortStatus) lost() uint64 { return p.Tx.Counters.Drops.Total() + p.Rx.Counters.Drops.Total() }

// WriteImpairments lists ports with what their lines did.
func WriteImpairments(w io.Writer, all []PortStatus) error {
	t := table(w, "SEGMENT\tPORT\tWAY\tIMPAIRMENT\tWHOSE\tFRAMES\tPASSED\tHELD\tLOST\tQUEUE FULL\tCUT\tDUPLICATED\tREORDERED\tCORRUPTED")
	for _, p := range all {
		for _, d := range []struct {
			way  string
			line LineStatus
		}{{"tx", p.Tx}, {"rx", p.Rx}} {
			whose, c := "segment's", d.line.Counters
			if d.line.Own {
				whose = "own"
			}
			other := c.Drops.Queue + c.Drops.CoDel + c.Drops.Limit
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", p.Segment, p.Name, d.way, d.line.Impair, whose,
				c.Frames, c.Passed, c.Held, c.Drops.Loss+c.Drops.MTU, other, c.Drops.Cut, c.Duplicated, c.Reordered, c.Corrupted)
		}
	}
	return t.Flush()
}

// WriteMACs lists a switch's table.
func WriteMACs(w io.Writer, all []MACEntry) error {
	t := table(w, "MAC\tVLAN\tPORT\tKIND\tIDLE")
	for _, e := range all {
		kind, vlan, idle := "learned", "-", fmt.Sprintf("%.0f s", e.Idle)
		if e.Static {
			kind, idle = "static", "-"
		}
		if e.VLAN != 0 {
			vlan = strconv.Itoa(int(e.VLAN))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", e.Addr, vlan, e.Port, kind, idle)
	}
	return t.Flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
