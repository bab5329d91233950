package vnet

// maxLone is the longest run of calls that do not look for a second frame.
const maxLone = 16

// burst decides whether a reader that found a frame at once looks for a second one. Where a peer answers before the
// reader looks, each frame is alone, and looking for another costs a call in vain; after a few of those it is done less
// often, at least once in 17 times, until it finds one.
type burst struct {
	skip, back int
}

// looks reports whether to look for a second frame.
func (b *burst) looks() bool {
	if b.skip > 0 {
		b.skip--
		return false
	}
	return true
}

// found notes whether a second frame was there.
func (b *burst) found(ok bool) {
	if ok {
		b.back = 0
		return
	}
	b.back = min(2*b.back+1, maxLone)
	b.skip = b.back
}
