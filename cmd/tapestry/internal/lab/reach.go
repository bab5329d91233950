package lab

import (
	"fmt"
	"slices"
)

// amongKernel are the stations that the kernel hears: on a TAP, or on a segment that leads to one.
const amongKernel = "kernel"

// reach tells which segments hear each other over trunks.
type reach struct {
	parent map[string]string
	kernel map[string]bool // whom the kernel hears: stations in one VLAN of a group, or the whole group
	taps   map[string]bool // names of wires
	mtu    map[string]int  // of segments that do not say
}

// newReach reads the file before it is checked: what is wrong in it is said later.
func newReach(f file) reach {
	r := reach{parent: map[string]string{}, kernel: map[string]bool{}, taps: map[string]bool{}, mtu: map[string]int{}}
	for _, name := range slices.Sorted(slices.Values(keys(f.Trunk))) {
		if s := f.Trunk[name].Segments; len(s) == 2 {
			r.parent[r.group(s[0])] = r.group(s[1])
		}
	}
	for name := range f.XDP {
		r.taps[name] = true
	}
	for name, t := range f.Tap {
		r.taps[name] = true
		if g := r.group(t.Segment); t.Tagged != nil {
			r.kernel[g] = true // its VLAN interfaces are in any of them
		} else {
			r.kernel[inVLAN(g, t.VLAN)] = true
		}
	}
	groups := map[string]int{}
	for _, v := range f.VXLAN {
		g := r.group(v.Segment)
		groups[g] = min(groups[g], v.overMTU()-defaultMTU)
	}
	for s := range f.Segment {
		r.mtu[s] = defaultMTU + groups[r.group(s)]
	}
	return r
}

// group names the segments that hear each other after one of them.
func (r reach) group(segment string) string {
	for {
		p, ok := r.parent[segment]
		if !ok || p == segment {
			return segment
		}
		segment = p
	}
}

// among names the stations that hear one on that segment; an empty one is straight on a TAP.
func (r reach) among(segment string, vlan int) string {
	g := r.group(segment)
	all := inVLAN(g, vlan)
	if segment == "" || r.kernel[g] || r.kernel[all] {
		return amongKernel
	}
	return all
}

// inVLAN names the stations of a group that are in a VLAN.
func inVLAN(group string, vlan int) string {
	return fmt.Sprintf("segment %s, VLAN %d", group, max(vlan, 1))
}

// loops finds trunks that close a loop which nobody breaks: one frame to all would circle in it for ever.
func (c *checker) loops() {
	parent := reach{parent: map[string]string{}}
	for _, t := range c.plan.Trunks {
		a, b := t.Ends[0].Segment, t.Ends[1].Segment
		ga, gb := parent.group(a.Name), parent.group(b.Name)
		if ga != gb {
			parent.parent[ga] = gb
			continue
		}
		path := "trunk." + t.Name
		if bad := c.unguarded(ga); len(bad) > 0 {
			c.bad(path, "the trunk closes a loop, in which frames would circle for ever; add stp = true to %s, or remove it", quoted("segment.", bad))
		} else if !c.hasSwitch(ga) {
			c.bad(path, `the trunk closes a loop of hubs, in which frames would circle for ever; make one a switch with stp = true, or remove it`)
		}
	}
}

// unguarded lists the switches of a group that have no spanning tree.
func (c *checker) unguarded(group string) (names []string) {
	for _, s := range c.plan.Segments {
		if c.reach.group(s.Name) == c.reach.group(group) && s.Kind == "switch" && s.Tree == nil {
			names = append(names, s.Name)
		}
	}
	return names
}

func (c *checker) hasSwitch(group string) bool {
	return slices.ContainsFunc(c.plan.Segments, func(s *SegmentPlan) bool {
		return c.reach.group(s.Name) == c.reach.group(group) && s.Kind == "switch"
	})
}

func quoted(prefix string, names []string) string {
	var s string
	for i, n := range names {
		switch {
		case i == 0:
		case i == len(names)-1:
			s += " and "
		default:
			s += ", "
		}
		s += prefix + n
	}
	return s
}
