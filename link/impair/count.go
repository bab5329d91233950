package impair

import (
	"sync"

	"tapestry/link"
)

// counts are what makes the wrapped device's counters those of a device on the impaired wire.
type counts struct {
	written link.Counters // what the line of Tx was given
	taken   link.Counters // what the line of Rx had from the device
	given   link.Counters // what readers had from rings

	mu   sync.Mutex    // held while what comes off the line of Tx is sent: Stats finds it in both counters or in neither
	sent link.Counters // what came off the line of Tx and was sent
}

// Stats gives the wrapped device's counters, as they would be if it had the impaired wire: what is lost on the wire was sent
// by one end and is unknown to the other, and only the [Line] counts it. All are zero if the wrapped device does not count.
// That device must not ask for them while it is written to.
func (d *Device) Stats() link.Stats {
	dev, ok := d.dev.(link.StatsReader)
	if !ok {
		return link.Stats{}
	}
	c := &d.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	given, taken := c.given.Stats(), c.taken.Stats()
	s := dev.Stats() // after taken: it has counted all that was
	s.RxFrames += given.RxFrames - taken.RxFrames
	s.RxBytes += given.RxBytes - taken.RxBytes
	s.RxGSO += given.RxGSO - taken.RxGSO
	s.RxDropped += given.RxDropped
	written, sent := c.written.Stats(), c.sent.Stats()
	s.TxFrames += written.TxFrames - sent.TxFrames
	s.TxBytes += written.TxBytes - sent.TxBytes
	s.TxGSO += written.TxGSO - sent.TxGSO
	s.TxDropped += written.TxDropped
	return s
}

// write gives frames to the line of Tx.
func (c *counts) write(l *Line, f []link.Frame, queue int) int {
	frames, bytes, gso := sum(f)
	c.written.AddTx(frames, bytes, gso) // before a frame can be seen at the far end
	n := l.write(f, queue)
	if n < len(f) { // the line is closed and took none
		c.written.AddTx(-frames, -bytes, -gso)
		c.written.DropTx(len(f))
	}
	return n
}

// sent takes what comes out of the line of Tx.
func (d *Device) sent(queue int, f []link.Frame) {
	c := &d.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	frames, bytes, gso := sum(f)
	d.own[queue].dev.WriteFrames(f)
	c.sent.AddTx(frames, bytes, gso)
}

// received takes what comes out of the line of Rx.
func (d *Device) received(queue int, f []link.Frame) {
	n := d.own[queue].ring.put(f)
	d.counts.given.DropRx(len(f) - n)
	link.ReleaseAll(f[n:])
}

func sum(f []link.Frame) (frames, bytes, gso uint64) {
	for i := range f {
		bytes += uint64(f[i].Len())
		if f[i].GSO != link.GSONone {
			gso++
		}
	}
	return uint64(len(f)), bytes, gso
}
