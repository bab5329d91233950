package segment

import (
	"time"

	"tapestry/link"
)

// flood gives f to all ports but p that it may leave by, in the order of their numbers.
func (p *Port) flood(is flow, f []link.Frame, now time.Duration) {
	s := p.segment
	if p.babbles(shutByFloods, &p.meter.floods, p.config.Jabber.Floods, len(f), now) {
		p.dropRx(f, dropFloods)
		return
	}
	k, _ := s.scratch.Get().(*floodScratch)
	if k == nil {
		k = &floodScratch{}
	}
	k.targets = k.targets[:0]
	for _, to := range *s.ports.Load() {
		if to != p && to.has(modeForward) && to.vlan.isMember(is.dst.vlan()) && to.isWanted(f) {
			k.targets = append(k.targets, to)
		}
	}
	switch len(k.targets) {
	case 0:
		link.ReleaseAll(f)
	case 1:
		k.targets[0].send(p.index, is, f)
	default:
		k.spread(p.index, is, f)
	}
	clear(k.targets)
	s.scratch.Put(k)
}

// floodScratch is the memory of one flood.
type floodScratch struct {
	targets []*Port
	classes []version // by class and form
	copies  []link.Frame
}

// version is what the ports of one class are sent in one form.
type version struct {
	users  int // targets that have not been served
	made   bool
	frames []link.Frame
	lost   [numReasons]int
}

// spread serves the targets. What a class needs done is done once; the last port of a class gets what was made, the
// others a second reference to it.
func (k *floodScratch) spread(from int, is flow, f []link.Frame) {
	for _, to := range k.targets {
		k.version(to, is).users++
	}
	for _, to := range k.targets {
		v := k.version(to, is)
		if !v.made {
			v.make(to, is, k.clone(f))
		}
		for why, n := range v.lost {
			if n > 0 {
				to.countTxDrops(n, reason(why))
			}
		}
		if v.users--; v.users > 0 {
			to.deliver(from, k.clone(v.frames))
			continue
		}
		to.deliver(from, v.frames)
		clear(v.frames)
		*v = version{frames: v.frames[:0]}
	}
	clear(k.copies[:cap(k.copies)])
	link.ReleaseAll(f)
}

// deliver gives the station what is ready for it.
func (p *Port) deliver(from int, f []link.Frame) {
	if len(f) > 0 {
		p.sink.deliver(from, f)
	}
}

// version finds the version for a port.
func (k *floodScratch) version(to *Port, is flow) *version {
	i := to.classID * 2
	if to.vlan.isTagged(is.dst.vlan()) {
		i++
	}
	for len(k.classes) <= i {
		k.classes = append(k.classes, version{})
	}
	return &k.classes[i]
}

// make makes the version that to needs of f, which it owns.
func (v *version) make(to *Port, is flow, f []link.Frame) {
	v.made = true
	want := to.vlan.leave(is.dst.vlan(), is.form)
	for i := range f {
		if want != is.form && !retag(&f[i], is.form, want, is.dst.vlan()) {
			v.lost[dropFit]++
			f[i].Release()
			continue
		}
		var why reason
		if v.frames, why = to.class.fit(v.frames, f[i]); why != dropNone {
			v.lost[why]++
		}
	}
}

// clone gives second owners of what is in f, until the next call.
func (k *floodScratch) clone(f []link.Frame) []link.Frame {
	k.copies = k.copies[:0]
	for i := range f {
		k.copies = append(k.copies, f[i].Clone())
	}
	return k.copies
}

// SetFilter has the segment leave out, of what goes to many stations, frames that wants is false for, without counting
// them. It is given the frame's headers, and called by whoever writes to the segment. A later call takes the place of it.
func (p *Port) SetFilter(wants func(head []byte) bool) { p.wants.Store(&wants) }

// isWanted reports whether the station has a use for any of f.
func (p *Port) isWanted(f []link.Frame) bool {
	wants := p.wants.Load()
	if wants == nil {
		return true
	}
	for i := range f {
		if (*wants)(f[i].Head()) {
			return true
		}
	}
	return false
}
