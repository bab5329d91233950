package spx

// pool keeps the memory of packets for reuse.
type pool struct{ free [][]byte }

// The memory that is kept: so many buffers, none of them longer than maxKeep.
const (
	maxFree = 2048
	maxKeep = 16 << 10
)

// take gives memory of length n.
func (p *pool) take(n int) []byte {
	if last := len(p.free) - 1; last >= 0 {
		b := p.free[last]
		p.free[last] = nil
		p.free = p.free[:last]
		if cap(b) >= n {
			return b[:n]
		}
	}
	return make([]byte, n, roundUp(n))
}

// roundUp keeps the number of different lengths small, so that what one connection frees serves the next.
func roundUp(n int) int {
	const ethernet = 1500
	switch {
	case n <= MaxPacket:
		return MaxPacket
	case n <= ethernet:
		return ethernet
	}
	return (n + 4095) &^ 4095
}

// give takes memory back.
func (p *pool) give(b []byte) {
	if b != nil && len(p.free) < maxFree && cap(b) <= maxKeep {
		p.free = append(p.free, b)
	}
}
