package lab

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"tapestry/link/ethernet"
	"tapestry/link/impair"
	"tapestry/link/segment"
)

// Limits of segments.
const (
	defaultMTU      = 1500
	maxSegments     = 256
	minPriority     = 4096
	maxPriority     = 61440
	stepPriority    = 4096 // IEEE 802.1D-2004 §9.2.5
	maxCost         = 200_000_000
	maxQueue        = 1 << 16
	maxAddressTable = 1 << 20
)

// segmentKinds are what segment.NAME.kind may be.
var segmentKinds = []string{"switch", "hub"}

// memberNames are those of segments and of what is on them: no "/", which stands between the two in commands.
var memberNames = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*$`)

func (c *checker) memberName(path, name, what string) {
	if len(name) > maxLabel || !memberNames.MatchString(name) {
		c.bad(path, "%q is no name of a %s; use up to %d letters, digits, - and _", name, what, maxLabel)
	}
}

func (c *checker) segment(name string, f fileSegment) {
	path := "segment." + name
	c.memberName(path, name, "segment")
	s := &SegmentPlan{Name: name, Kind: f.Kind, MTU: f.MTU, Age: c.age(path+".age", f.Age)}
	if c.plan.Segments = append(c.plan.Segments, s); len(c.plan.Segments) == maxSegments+1 {
		c.bad(path, "a lab has %d segments at most", maxSegments)
	}
	if c.reach.taps[name] {
		c.bad(path, "a tap or xdp has this name; give the segment another one")
	}
	if s.Kind == "" {
		s.Kind = "switch"
	}
	if _, ok := find(segmentKinds, s.Kind); !ok {
		c.bad(path+".kind", "unknown kind %q%s", s.Kind, didYouMean(s.Kind, segmentKinds))
	}
	if s.MTU == 0 {
		s.MTU = c.reach.mtu[name]
	}
	c.between(path+".mtu", s.MTU, minMTU, maxMTU, "the usual one is 1500")
	c.switchKeys(path, s, f)
	s.Jabber = c.jabber(path, f)
	s.Impair, _ = c.impairment(path+".impair", f.Impair)
	s.Capture = c.capture(path, name, f.fileCapture)
}

// switchKeys checks what a hub has not.
func (c *checker) switchKeys(path string, s *SegmentPlan, f fileSegment) {
	if s.Kind == "hub" {
		for _, k := range []struct {
			key string
			set bool
		}{{"age", f.Age != ""}, {"max_addresses", f.MaxAddresses != 0}, {"max_port_addresses", f.MaxPortAddresses != 0}, {"stp", f.STP}} {
			if k.set {
				c.bad(path+"."+k.key, `a hub learns nothing; remove this key, or write kind = "switch"`)
			}
		}
		return
	}
	s.MaxAddresses, s.MaxPortAddresses = f.MaxAddresses, f.MaxPortAddresses
	for key, n := range map[string]int{"max_addresses": f.MaxAddresses, "max_port_addresses": f.MaxPortAddresses} {
		if n != 0 {
			c.between(path+"."+key, n, 1, maxAddressTable, "leave it out for the default")
		}
	}
	c.tree(path, s, f)
}

// tree reads the spanning tree's keys.
func (c *checker) tree(path string, s *SegmentPlan, f fileSegment) {
	if !f.STP {
		for key, set := range map[string]bool{"priority": f.Priority != 0, "hello": f.Hello != "", "max_age": f.MaxAge != "", "forward_delay": f.ForwardDelay != ""} {
			if set {
				c.bad(path+"."+key, "is for a spanning tree; add stp = true, or remove this key")
			}
		}
		return
	}
	if p := f.Priority; p != 0 && (p < minPriority || p > maxPriority || p%stepPriority != 0) {
		c.bad(path+".priority", "%d is no priority of a bridge; use %d to %d in steps of %d (IEEE 802.1D-2004 §9.2.5)", p, minPriority, maxPriority, stepPriority)
	}
	s.Tree = &segment.TreeConfig{Priority: uint16(f.Priority)}
	c.treeTimers(path, s.Tree, f)
}

// within reads a duration between so many seconds.
func (c *checker) within(path, s string, least, most time.Duration) time.Duration {
	d := c.age(path, s)
	if d != 0 && (d < least*time.Second || d > most*time.Second) {
		c.bad(path, "%v is outside of %d s to %d s (IEEE 802.1D-2004 §17.14)", d, least, most)
	}
	return d
}

// between checks a number. The remedy ends the error.
func (c *checker) between(path string, n, least, most int, remedy string) {
	if n < least || n > most {
		c.bad(path, "%d is outside of %d to %d; %s", n, least, most, remedy)
	}
}

// jabber reads what one station may send.
func (c *checker) jabber(path string, f fileSegment) segment.Jabber {
	for key, n := range map[string]int{"jabber": f.Jabber, "floods": f.Floods} {
		if n != 0 {
			c.between(path+"."+key, n, 1, math.MaxInt32, "leave it out for no bound")
		}
	}
	if f.JabberShut != "" && f.Jabber == 0 && f.Floods == 0 {
		c.bad(path+".jabber_shut", "is for a station that sends too much; add jabber or floods, or remove this key")
	}
	return segment.Jabber{Frames: f.Jabber, Floods: f.Floods, Shut: c.age(path+".jabber_shut", f.JabberShut)}
}

// impairment reads a text like "loss=5%,delay=10ms", or a table. given is false if there is none.
func (c *checker) impairment(path string, v any) (cfg impair.Config, given bool) {
	var err error
	switch v := v.(type) {
	case nil:
		return cfg, false
	case string:
		cfg, err = impair.Parse(v)
	case map[string]any:
		cfg, err = impair.FromMap(v)
	default:
		c.bad(path, `want text like "loss=5%%,delay=10ms", or a table like { loss = "5%%", delay = "10ms" }`)
		return cfg, false
	}
	if e, ok := err.(*impair.KeyError); ok {
		at, value := path, ""
		if _, isTable := v.(map[string]any); isTable {
			at += "." + e.Key
		} else {
			value = e.Key + ": "
		}
		if e.Value != "" {
			value += fmt.Sprintf("%q: ", e.Value)
		}
		c.bad(at, "%s%s", value, e.Problem)
	} else if err != nil {
		c.bad(path, "%v", err)
	}
	return cfg, true
}

// join puts a port on a segment; nil if there is no such segment.
func (c *checker) join(path, segment string, p Port, f filePort) *Port {
	var known []string
	for _, s := range c.plan.Segments {
		known = append(known, s.Name)
	}
	i, ok := find(known, segment)
	switch {
	case segment == "":
		c.bad(path, `it is on no segment; add segment = "lan" and a table [segment.lan]`)
		return nil
	case !ok && len(known) == 0:
		c.bad(path+".segment", "there is no segment %q; add a table [segment.%s]", segment, segment)
		return nil
	case !ok:
		c.bad(path+".segment", "there is no segment %q%s", segment, didYouMean(segment, known))
		return nil
	}
	s := c.plan.Segments[i]
	for _, other := range s.Ports {
		if other.Name == p.Name {
			c.bad(path, "segment %s has a port %s already, that of a %s; give one of them another name", segment, p.Name, other.Kind)
		}
	}
	p.Segment, p.Queue, p.Cost, p.Down = s, f.Queue, f.Cost, f.Down
	c.portKeys(path, &p, f)
	s.Ports = append(s.Ports, &p)
	return &p
}

func (c *checker) portKeys(path string, p *Port, f filePort) {
	c.vlans(path, p, f)
	if f.Queue != 0 {
		c.between(path+".queue", f.Queue, 1, maxQueue, "leave it out for the default")
	}
	if f.Cost != 0 {
		c.between(path+".cost", f.Cost, 1, maxCost, "leave it out for the default")
	}
	if f.Cost != 0 && p.Segment.Tree == nil {
		c.bad(path+".cost", "is for a spanning tree; add stp = true to segment.%s, or remove this key", p.Segment.Name)
	}
	both, all := c.impairment(path+".impair", f.Impair)
	p.Tx, p.Rx = Impairment{p.Segment.Impair, false}, Impairment{}
	if all {
		p.Tx, p.Rx = Impairment{both, true}, Impairment{both, true}
	}
	if tx, ok := c.impairment(path+".impair_tx", f.ImpairTx); ok {
		p.Tx = Impairment{tx, true}
	}
	if rx, ok := c.impairment(path+".impair_rx", f.ImpairRx); ok {
		p.Rx = Impairment{rx, true}
	}
}

// vlans reads the VLANs of a port; a segment has VLANs if one of its ports has.
func (c *checker) vlans(path string, p *Port, f filePort) {
	if f.VLAN == 0 && f.Tagged == nil {
		return
	}
	if p.Segment.Kind == "hub" {
		key := map[bool]string{true: ".vlan", false: ".tagged"}[f.VLAN != 0]
		c.bad(path+key, `%s is a hub, which knows no VLANs; remove this key, or write kind = "switch" there`, p.Segment.Name)
		return
	}
	p.Segment.VLANs = true
	if f.VLAN != 0 {
		c.between(path+".vlan", f.VLAN, 1, ethernet.MaxVID, "these are the VLANs that IEEE 802.1Q has")
	}
	if p.Kind == "host" && f.Tagged != nil {
		c.bad(path+".tagged", "a host speaks no tags; write vlan = 10, and for each other VLAN another [[%s]]", hostTable(path))
		return
	}
	p.VLAN = segment.VLAN{PVID: uint16(f.VLAN), Trunk: c.tagged(path+".tagged", f.Tagged)}
	if f.Tagged != "all" && slices.ContainsFunc(p.VLAN.Trunk, func(r segment.VLANRange) bool { return r.First <= p.VLAN.PVID && p.VLAN.PVID <= r.Last }) {
		c.bad(path+".vlan", "VLAN %d is among those of tagged; its frames leave either with a tag or without: remove it from one of the two keys", f.VLAN)
	}
}

// hostTable is the key of all interfaces in the path of one.
func hostTable(path string) string {
	table, _, _ := strings.Cut(path, "[")
	return table
}

// tagged reads a list of VLANs, a text like "10-19,30", or "all".
func (c *checker) tagged(path string, v any) (set segment.VLANSet) {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		if v == "all" {
			return segment.AllVLANs()
		}
		if set, err := segment.ParseVLANs(v); err == nil {
			return set
		}
	case []any:
		for i, e := range v {
			n, ok := e.(int64)
			if !ok || n < 1 || n > ethernet.MaxVID {
				c.bad(fmt.Sprintf("%s[%d]", path, i), "%v is no VLAN; IEEE 802.1Q has 1 to %d", e, ethernet.MaxVID)
				continue
			}
			set = append(set, segment.VLANRange{First: uint16(n), Last: uint16(n)})
		}
		return set
	}
	c.bad(path, `%v are no VLANs; write a list like [10, 20], text like "10-19,30", or "all"; IEEE 802.1Q has 1 to %d`, v, ethernet.MaxVID)
	return nil
}

// noPort says which keys are for a port of a segment, where there is none.
func (c *checker) noPort(path string, f filePort) {
	for _, k := range []struct {
		key string
		set bool
	}{
		{"vlan", f.VLAN != 0}, {"tagged", f.Tagged != nil}, {"impair", f.Impair != nil}, {"impair_tx", f.ImpairTx != nil},
		{"impair_rx", f.ImpairRx != nil}, {"queue", f.Queue != 0}, {"cost", f.Cost != 0}, {"down", f.Down},
	} {
		if k.set {
			c.bad(path+"."+k.key, `is for a port of a segment; add segment = "lan" and a table [segment.lan], or remove this key`)
		}
	}
}

// trunk joins two segments.
func (c *checker) trunk(name string, f fileTrunk) {
	path := "trunk." + name
	c.memberName(path, name, "trunk")
	switch {
	case len(f.Segments) != 2:
		c.bad(path, `a trunk joins two segments; write segments = ["lan", "core"]`)
		return
	case f.Segments[0] == f.Segments[1]:
		c.bad(path+".segments", "both ends are on segment %s; a trunk joins two different ones", f.Segments[0])
		return
	}
	t := &TrunkPlan{Name: name}
	keys := f.filePort
	keys.Impair, keys.ImpairTx, keys.ImpairRx = nil, nil, nil
	for i, s := range f.Segments {
		t.Ends[i] = c.joinEnd(path, i, s, name, keys)
	}
	c.dropRepeats(path)
	if t.Ends[0] == nil || t.Ends[1] == nil {
		return
	}
	c.trunkImpairment(path, t, f.filePort)
	if a, b := t.Ends[0].Segment, t.Ends[1].Segment; a.MTU != b.MTU {
		c.bad(path, "segment %s has an MTU of %d and %s of %d; give both the same", a.Name, a.MTU, b.Name, b.MTU)
	}
	c.plan.Trunks = append(c.plan.Trunks, t)
}

// trunkImpairment: what is from the first segment to the second goes into the second.
func (c *checker) trunkImpairment(path string, t *TrunkPlan, f filePort) {
	for _, k := range []struct {
		key  string
		v    any
		into []int
	}{{"impair", f.Impair, []int{0, 1}}, {"impair_tx", f.ImpairTx, []int{1}}, {"impair_rx", f.ImpairRx, []int{0}}} {
		if cfg, ok := c.impairment(path+"."+k.key, k.v); ok {
			for _, i := range k.into {
				t.Ends[i].Tx = Impairment{cfg, true}
			}
		}
	}
}

// joinEnd is join with the trunk's key in what is wrong.
func (c *checker) joinEnd(path string, i int, segment, name string, keys filePort) *Port {
	before := len(c.problems)
	p := c.join(path, segment, Port{Name: name, Kind: "trunk"}, keys)
	for _, e := range c.problems[before:] {
		if e.Key == path+".segment" {
			e.Key = fmt.Sprintf("%s.segments[%d]", path, i)
			e.Line = lineOf(c.doc, e.Key)
		}
	}
	return p
}

// dropRepeats removes what was said about a trunk's keys at its other end already.
func (c *checker) dropRepeats(path string) {
	seen := map[string]bool{}
	kept := c.problems[:0]
	for _, e := range c.problems {
		s := e.Error()
		if strings.HasPrefix(e.Key, path) && seen[s] {
			continue
		}
		seen[s] = true
		kept = append(kept, e)
	}
	c.problems = kept
}
