package segment

import "tapestry/link"

// floodScratch is the memory of one flood.
type floodScratch struct {
	copies []link.Frame
}

// flood gives f to all ports but p, in the order of their numbers.
func (p *Port) flood(f []link.Frame) {
	s := p.segment
	k, _ := s.scratch.Get().(*floodScratch)
	if k == nil {
		k = &floodScratch{}
	}
	var last *Port // gets f itself
	for _, to := range *s.ports.Load() {
		if to == p || !to.up.Load() {
			continue
		}
		if last != nil {
			last.send(p.index, k.clone(f))
		}
		last = to
	}
	if last == nil {
		link.ReleaseAll(f)
	} else {
		last.send(p.index, f)
	}
	s.scratch.Put(k)
}

// clone gives second owners of what is in f, until the next call.
func (k *floodScratch) clone(f []link.Frame) []link.Frame {
	k.copies = k.copies[:0]
	for i := range f {
		k.copies = append(k.copies, f[i].Clone())
	}
	return k.copies
}
