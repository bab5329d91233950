package link

import "sync/atomic"

// Stats are a device's counters since it was made.
type Stats struct {
	RxFrames  uint64 `json:"rx_frames"`
	RxBytes   uint64 `json:"rx_bytes"`
	RxGSO     uint64 `json:"rx_gso"`     // super-frames among RxFrames
	RxDropped uint64 `json:"rx_dropped"` // lost before a reader had them
	TxFrames  uint64 `json:"tx_frames"`
	TxBytes   uint64 `json:"tx_bytes"`
	TxGSO     uint64 `json:"tx_gso"`
	TxDropped uint64 `json:"tx_dropped"` // given to WriteFrames and lost
}

// StatsReader is a device that counts.
type StatsReader interface{ Stats() Stats }

// Counters count for a device that embeds them, and make it a [StatsReader]. The zero value is ready.
type Counters struct {
	rxFrames, rxBytes, rxGSO, rxDropped atomic.Uint64
	txFrames, txBytes, txGSO, txDropped atomic.Uint64
}

// CountRx counts frames that a reader was given. Call it once a batch.
func (c *Counters) CountRx(f []Frame) {
	c.AddRx(sum(f))
}

// AddRx counts frames that a reader was given, for a device that knows the sums already.
func (c *Counters) AddRx(frames, bytes, gso uint64) {
	c.rxFrames.Add(frames)
	c.rxBytes.Add(bytes)
	if gso > 0 {
		c.rxGSO.Add(gso)
	}
}

// CountTx counts frames that left. Call it once a batch, before they are released.
func (c *Counters) CountTx(f []Frame) { c.AddTx(sum(f)) }

// AddTx counts frames that left, for a device that knows the sums already.
func (c *Counters) AddTx(frames, bytes, gso uint64) {
	c.txFrames.Add(frames)
	c.txBytes.Add(bytes)
	if gso > 0 {
		c.txGSO.Add(gso)
	}
}

// DropRx counts n frames lost on the way in.
func (c *Counters) DropRx(n int) { c.rxDropped.Add(uint64(n)) }

// DropTx counts n frames lost on the way out.
func (c *Counters) DropTx(n int) { c.txDropped.Add(uint64(n)) }

// Stats reads the counters.
func (c *Counters) Stats() Stats {
	return Stats{
		RxFrames: c.rxFrames.Load(), RxBytes: c.rxBytes.Load(), RxGSO: c.rxGSO.Load(), RxDropped: c.rxDropped.Load(),
		TxFrames: c.txFrames.Load(), TxBytes: c.txBytes.Load(), TxGSO: c.txGSO.Load(), TxDropped: c.txDropped.Load(),
	}
}

func sum(f []Frame) (frames, bytes, gso uint64) {
	for i := range f {
		bytes += uint64(f[i].Len())
		if f[i].GSO != GSONone {
			gso++
		}
	}
	return uint64(len(f)), bytes, gso
}

// ReleaseAll releases every frame of f.
func ReleaseAll(f []Frame) {
	for i := range f {
		f[i].Release()
	}
}
