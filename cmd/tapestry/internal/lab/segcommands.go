package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"tapestry/cmd/tapestry/internal/control"
	"tapestry/link/ethernet"
	"tapestry/link/impair"
)

// SegmentArgs name a segment; empty: all of them, or the only one.
type SegmentArgs struct {
	Segment string `json:"segment,omitempty"`
}

// ImpairArgs are those of impair and impair.set.
type ImpairArgs struct {
	Target    string `json:"target,omitempty"`    // segment, segment/port, or a port's name where it is unique; empty: all
	Direction string `json:"direction,omitempty"` // tx, rx; default both, of a segment tx
	Set       string `json:"set,omitempty"`       // keys to change, as impair.Config.With reads them
}

// PortArgs are those of ports.set.
type PortArgs struct {
	Target string `json:"target"` // segment/port, or a port's name where it is unique
	Up     bool   `json:"up"`
}

// MACArgs are those of mac.add and mac.delete.
type MACArgs struct {
	Segment string `json:"segment,omitempty"`
	MAC     string `json:"mac"`
	VLAN    uint16 `json:"vlan,omitempty"`
	Port    string `json:"port,omitempty"`
}

// batch is how many entries go into one line of an answer.
const batch = 128

// sendAll sends a list in lists that fit a line; one at least.
func sendAll[T any](send func(any) error, all []T) error {
	for first := true; first || len(all) > 0; first = false {
		n := min(len(all), batch)
		if err := send(append([]T{}, all[:n]...)); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

// segmentCommands are those about segments: segments, ports, impair, mac and draw only read.
func (l *Lab) segmentCommands() map[string]control.Handler {
	return map[string]control.Handler{
		"segments":   onLab(func(SegmentArgs) ([]SegmentStatus, error) { return l.segments(), nil }),
		"ports":      onLab(func(a SegmentArgs) ([]PortStatus, error) { return l.ports(a.Segment) }),
		"ports.set":  onLab(l.setPort),
		"impair":     onLab(func(a ImpairArgs) ([]PortStatus, error) { return l.impaired(a.Target) }),
		"impair.set": onLab(l.setImpairment),
		"mac":        onLab(func(a SegmentArgs) ([]MACEntry, error) { return l.macs(a.Segment) }),
		"mac.add":    onLab(l.addMAC),
		"mac.delete": onLab(l.deleteMAC),
		"mac.flush":  onLab(l.flushMACs),
		"draw":       l.sendDiagram,
	}
}

// onLab makes a handler of a function that gives a list.
func onLab[A, T any](f func(A) ([]T, error)) control.Handler {
	return func(_ context.Context, r control.Request, send func(any) error) error {
		var args A
		if err := r.DecodeArgs(&args); err != nil {
			return err
		}
		all, err := f(args)
		if err != nil {
			return err
		}
		return sendAll(send, all)
	}
}

// bus finds a segment; an empty name is that of the only one.
func (l *Lab) bus(name string) (*bus, error) {
	var known []string
	for _, p := range l.Plan.Segments {
		if p.Name == name || name == "" && len(l.Plan.Segments) == 1 {
			return l.buses[p], nil
		}
		known = append(known, p.Name)
	}
	switch {
	case len(known) == 0:
		return nil, fmt.Errorf("lab %s has no segment; add a table [segment.lan] to its file", l.Plan.Name)
	case name == "":
		return nil, fmt.Errorf("lab %s has %d segments; name one: %s", l.Plan.Name, len(known), strings.Join(known, ", "))
	}
	return nil, fmt.Errorf("lab %s has no segment %q%s", l.Plan.Name, name, didYouMean(name, known))
}

// places finds ports: all, those of a segment, a port by segment/port or by a name that is unique, or both ends of a trunk.
func (l *Lab) places(target string) ([]*place, error) {
	segmentName, portName, isOne := strings.Cut(target, "/")
	var found []*place
	var known []string
	for _, s := range l.Plan.Segments {
		b := l.buses[s]
		known = append(known, s.Name)
		for _, p := range b.ports {
			known = append(known, p.plan.Name)
			switch {
			case target == "", s.Name == target, isOne && s.Name == segmentName && p.plan.Name == portName:
				found = append(found, p)
			}
		}
	}
	if found != nil || target == "" {
		return found, nil
	}
	if found = l.portsNamed(target); len(found) == 1 || l.isTrunk(found) {
		return found, nil
	}
	if len(found) == 0 {
		slices.Sort(known)
		return nil, fmt.Errorf("lab %s has no segment and no port %q%s", l.Plan.Name, target, didYouMean(target, slices.Compact(known)))
	}
	var names []string
	for _, p := range found {
		names = append(names, p.bus.plan.Name+"/"+target)
	}
	return nil, fmt.Errorf("lab %s has several ports %s; name one: %s", l.Plan.Name, target, strings.Join(names, ", "))
}

func (l *Lab) portsNamed(name string) (found []*place) {
	for _, s := range l.Plan.Segments {
		for _, p := range l.buses[s].ports {
			if p.plan.Name == name {
				found = append(found, p)
			}
		}
	}
	return found
}

// isTrunk reports whether the ports are the two ends of one.
func (l *Lab) isTrunk(p []*place) bool {
	return len(p) == 2 && p[0].tx == p[1].rx && p[0].rx == p[1].tx
}

func (l *Lab) ports(segment string) ([]PortStatus, error) {
	if segment != "" && !strings.Contains(segment, "/") {
		if _, err := l.bus(segment); err != nil {
			return nil, err
		}
	}
	return l.impaired(segment)
}

func (l *Lab) impaired(target string) ([]PortStatus, error) {
	found, err := l.places(target)
	if err != nil {
		return nil, err
	}
	all := make([]PortStatus, len(found))
	for i, p := range found {
		all[i] = p.status()
	}
	return all, nil
}

// setPort cuts the cable of a port, or mends it.
func (l *Lab) setPort(a PortArgs) ([]PortStatus, error) {
	if _, err := l.bus(a.Target); err == nil {
		return nil, fmt.Errorf("%q is a segment; name one of its ports: %s/PORT", a.Target, a.Target)
	}
	found, err := l.places(a.Target)
	if err != nil {
		return nil, err
	}
	for _, p := range found {
		if a.Up {
			p.Reopen()
		} else {
			p.Shut()
		}
	}
	return l.impaired(a.Target)
}

// setImpairment changes the ports of a segment that have no impairment of their own, or one port, which has its own then.
func (l *Lab) setImpairment(a ImpairArgs) ([]PortStatus, error) {
	if a.Target == "" {
		return nil, errors.New("impair: name a segment, or a port of one")
	}
	if err := offIsFirst(a.Set); err != nil {
		return nil, err
	}
	lines, own, err := l.lines(a)
	if err != nil {
		return nil, err
	}
	if _, err := (impair.Config{}).With(a.Set); err != nil && len(lines) == 0 {
		return nil, err
	}
	next := make([]impair.Config, len(lines))
	for i, d := range lines { // nothing is changed if one cannot be
		if next[i], err = d.Config().With(a.Set); err != nil {
			return nil, err
		}
	}
	for i, d := range lines {
		if err := d.Set(next[i]); err != nil {
			return nil, err
		}
		d.own.Store(own)
	}
	return l.impaired(a.Target)
}

// offIsFirst refuses keys in front of off, which would take them away again.
func offIsFirst(set string) error {
	words := strings.FieldsFunc(set, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	if i := slices.IndexFunc(words, func(s string) bool { return strings.EqualFold(s, impair.Off) }); i > 0 {
		return fmt.Errorf("impair: off takes away %s in front of it; write off first, or alone", strings.Join(words[:i], " "))
	}
	return nil
}

// lines are what impair.set changes, and whether they are then the port's own.
func (l *Lab) lines(a ImpairArgs) (lines []*direction, own bool, err error) {
	if a.Direction != "" && a.Direction != "tx" && a.Direction != "rx" {
		return nil, false, fmt.Errorf("impair: direction %q is neither tx (from the station) nor rx (to it)", a.Direction)
	}
	if b, err := l.bus(a.Target); err == nil {
		return b.shared(a), false, b.change(a)
	}
	found, err := l.places(a.Target)
	if err != nil {
		return nil, false, err
	}
	p := found[0]
	tx, rx := p.tx, p.rx
	if len(found) > 1 { // a trunk: from the first of its segments to the second
		tx, rx = rx, tx
	}
	if a.Direction != "rx" {
		lines = append(lines, tx)
	}
	if a.Direction != "tx" {
		lines = append(lines, rx)
	}
	return lines, true, nil
}

// shared are the lines that follow the segment.
func (b *bus) shared(a ImpairArgs) (lines []*direction) {
	for _, p := range b.ports {
		d := p.tx
		if a.Direction == "rx" {
			if d = p.rx; p.plan.Kind == "trunk" {
				continue // leads into the other segment
			}
		}
		if !d.own.Load() {
			lines = append(lines, d)
		}
	}
	return lines
}

// change notes what the segment's impairment is.
func (b *bus) change(a ImpairArgs) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := &b.tx
	if a.Direction == "rx" {
		c = &b.rx
	}
	next, err := c.With(a.Set)
	if err == nil {
		*c = next
	}
	return err
}

func (l *Lab) macs(segment string) ([]MACEntry, error) {
	b, err := l.bus(segment)
	if err != nil {
		return nil, err
	}
	all := []MACEntry{}
	for _, e := range b.Addrs() {
		all = append(all, MACEntry{Addr: e.Addr.String(), VLAN: e.VLAN, Port: e.Port, Static: e.Static, Idle: e.Idle.Seconds()})
	}
	return all, nil
}

func (l *Lab) addMAC(a MACArgs) ([]MACEntry, error) {
	b, addr, err := l.macTarget(a)
	if err != nil {
		return nil, err
	}
	var known []string
	for _, p := range b.ports {
		if p.plan.Name == a.Port {
			return nil, b.SetStatic(addr, a.VLAN, p.Port)
		}
		known = append(known, p.plan.Name)
	}
	return nil, fmt.Errorf("segment %s has no port %q%s", b.plan.Name, a.Port, didYouMean(a.Port, known))
}

func (l *Lab) deleteMAC(a MACArgs) ([]MACEntry, error) {
	b, addr, err := l.macTarget(a)
	if err != nil {
		return nil, err
	}
	if !b.Forget(addr, a.VLAN) {
		return nil, fmt.Errorf("segment %s does not know %s; `tapestry mac %s` lists what it knows", b.plan.Name, addr, b.plan.Name)
	}
	return nil, nil
}

func (l *Lab) flushMACs(a SegmentArgs) ([]MACEntry, error) {
	b, err := l.bus(a.Segment)
	if err != nil {
		return nil, err
	}
	b.Flush()
	return nil, nil
}

func (l *Lab) macTarget(a MACArgs) (*bus, ethernet.Addr, error) {
	b, err := l.bus(a.Segment)
	if err != nil {
		return nil, ethernet.Addr{}, err
	}
	if b.plan.Kind == "hub" {
		return nil, ethernet.Addr{}, fmt.Errorf("segment %s is a hub, which has no table", b.plan.Name)
	}
	addr, err := ethernet.ParseAddr(a.MAC)
	return b, addr, err
}
