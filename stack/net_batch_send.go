package stack

import (
	"net/netip"
	"sync"

	"tapestry/link"
)

// batchWriter is the memory of one call of WriteBatch.
type batchWriter struct {
	conn  *UDPConn
	batch *udpBatch
	to    netip.AddrPort // where way leads
	way   *way           // nil: none was looked for yet

	one       [1]Datagram
	frames    [batchFrames]link.Frame
	count     int    // of frames
	datagrams uint64 // in frames
}

var batchWriters = sync.Pool{New: func() any { return &batchWriter{} }}

func (w *batchWriter) write(c *UDPConn, ms []Datagram) (n int, err error) {
	w.conn, w.batch = c, c.batch()
	for n < len(ms) && err == nil {
		if plain := w.plain(ms[n:]); plain > 0 {
			w.build(ms[n : n+plain])
			n += plain
			continue
		}
		w.flush()
		if err = c.writeEach(&ms[n]); err == nil {
			n++
		}
	}
	w.flush()
	w.conn, w.batch, w.way = nil, nil, nil
	return n, err
}

// writePlain sends one datagram as a batch of its own if the socket was used with batches before, and if the engine is
// not needed. It reports whether it did.
func (c *UDPConn) writePlain(data []byte, to netip.AddrPort) bool {
	if c.batched.Load() == nil {
		return false
	}
	w := batchWriters.Get().(*batchWriter)
	defer batchWriters.Put(w)
	w.conn, w.batch, w.one[0] = c, c.batch(), Datagram{Data: data, Addr: to}
	n := w.plain(w.one[:])
	if n > 0 {
		w.build(w.one[:])
		w.flush()
	}
	w.conn, w.batch, w.way, w.one[0] = nil, nil, nil, Datagram{}
	return n > 0
}

// plain is how many of ms, from the first on, go one way without the engine.
func (w *batchWriter) plain(ms []Datagram) (n int) {
	if !w.find(ms[0].Addr) || !w.fits(&ms[0]) {
		return 0
	}
	for n = 1; n < len(ms) && ms[n].Addr == ms[0].Addr && w.fits(&ms[n]); n++ {
	}
	return n
}

// fits reports whether the datagrams in m need no fragments.
func (w *batchWriter) fits(m *Datagram) bool {
	size := m.pieceSize()
	return m.SegmentSize >= 0 && size <= w.way.room && len(m.Data) <= min(maxSegments*size, w.way.longest())
}

// find makes w.way the way to a destination, which the caller gives as the user did. It is false for what the engine
// has to do itself, errors included.
func (w *batchWriter) find(to netip.AddrPort) bool {
	if w.way == nil || to != w.to {
		next := w.conn.way(to)
		if w.way != nil && !w.way.joins(next) {
			w.flush()
		}
		w.way, w.to = next, to
	}
	return w.way.nic != nil
}

// build makes frames of datagrams that go one way.
func (w *batchWriter) build(ms []Datagram) {
	for c := (cursor{ms: ms}); len(c.ms) > 0; {
		if w.count == batchFrames {
			w.flush()
		}
		run := w.way.measure(c)
		id := uint16(w.batch.ids.Add(uint32(run.pieces)) - uint32(run.pieces))
		w.frames[w.count] = w.way.frame(&c, run, id)
		w.count++
		w.datagrams += uint64(run.pieces)
	}
}

// flush hands the frames to their device, which counts those that it has no room for.
func (w *batchWriter) flush() {
	if w.count == 0 {
		return
	}
	w.batch.udpOut.IncrementBy(w.datagrams)
	w.batch.ipOut.IncrementBy(w.datagrams)
	w.way.nic.write(w.frames[:w.count], w.way.hash())
	clear(w.frames[:w.count])
	w.count, w.datagrams = 0, 0
}
