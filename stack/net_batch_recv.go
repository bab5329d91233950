package stack

import (
	"gvisor.dev/gvisor/pkg/tcpip"
)

// ReadBatch reads at least one datagram, for which it waits as the other ways of reading do, and as many more as are
// there and as ms has room for. It returns how many elements of ms it filled. A datagram longer than Data is cut.
//
// The first call has the socket take its plain datagrams before the engine, without a copy and a lock each; after
// [UDPConn.SetCoalescing] one element holds several of them. The other methods that read can still be used.
func (c *UDPConn) ReadBatch(ms []Datagram) (int, error) {
	c.read.Lock()
	defer c.read.Unlock()
	b, n := c.openBatch(), 0
	if len(ms) == 0 && !c.read.IsClosed() {
		return 0, nil
	}
	err := c.read.do("recvmmsg", func() (e tcpip.Error) {
		n, e = c.readMany(b, ms)
		return e
	})
	if err != nil {
		return 0, c.opError("read", c.peer, err)
	}
	return n, nil
}

// SetCoalescing says whether ReadBatch may put several datagrams of equal size from one station into one element of its
// batch, whose SegmentSize it sets then. It takes room for as many: 64 KiB hold any super-frame. The default is no.
func (c *UDPConn) SetCoalescing(on bool) error {
	return c.set(func() tcpip.Error {
		c.batch().coalesces.Store(on)
		return nil
	})
}

// readMany reads what is there. An error is told when nothing is.
func (c *UDPConn) readMany(b *udpBatch, ms []Datagram) (n int, e tcpip.Error) {
	q, several := &b.queue, b.coalesces.Load()
	if q.failed.Swap(false) {
		if e := c.ep.LastError(); e != nil {
			return 0, e
		}
	}
	isEngineNext := !q.isEngineDrained() // asked first: what is put from here on may be older
	for ; n < len(ms); n++ {
		m := &ms[n]
		a := q.front()
		if a == nil {
			break
		}
		m.Addr = a.from
		m.N, m.SegmentSize = q.read(a, m.Data, several)
	}
	for ; n < len(ms) && isEngineNext && !(n > 0 && q.failed.Load()); n++ {
		r, e := c.readEngine(b, ms[n].Data)
		if e != nil {
			return n, whenNothing(n, e)
		}
		ms[n].N, ms[n].SegmentSize, ms[n].Addr = r.Count, 0, c.host.addrPort(r.RemoteAddr)
	}
	if n == 0 {
		return 0, &tcpip.ErrWouldBlock{}
	}
	return n, nil
}

func whenNothing(n int, e tcpip.Error) tcpip.Error {
	if n > 0 {
		return nil
	}
	return e
}

// readEngine reads from the engine's queue, and notes that it is empty.
func (c *UDPConn) readEngine(b *udpBatch, into []byte) (tcpip.ReadResult, tcpip.Error) {
	events := b.queue.events.Load()
	r, e := c.readOne(into)
	if _, empty := e.(*tcpip.ErrWouldBlock); empty {
		b.queue.drained.Store(events)
	}
	return r, e
}

// receive reads one datagram, the older queue first.
func (c *UDPConn) receive(call string, b []byte) (int, received, error) {
	c.read.Lock()
	defer c.read.Unlock()
	var m received
	n := 0
	err := c.read.do(call, func() (e tcpip.Error) {
		n, e = c.readSingle(b, &m)
		return e
	})
	return n, m, err
}

// received is where one datagram was found.
type received struct {
	own    arrival // without data, if it was in the socket's own queue
	engine tcpip.ReadResult
}

func (c *UDPConn) readSingle(b []byte, m *received) (int, tcpip.Error) {
	batch := c.batched.Load()
	if batch == nil || !batch.queue.isOpen {
		var e tcpip.Error
		m.engine, e = c.readOne(b)
		return m.engine.Count, e
	}
	q := &batch.queue
	if q.failed.Swap(false) {
		if e := c.ep.LastError(); e != nil {
			return 0, e
		}
	}
	isEngineNext := !q.isEngineDrained()
	if a := q.front(); a != nil {
		m.own = arrival{from: a.from, to: a.to, nic: a.nic, ttl: a.ttl}
		n, _ := q.read(a, b, false)
		return n, nil
	}
	if !isEngineNext {
		return 0, &tcpip.ErrWouldBlock{}
	}
	var e tcpip.Error
	m.engine, e = c.readEngine(batch, b)
	return m.engine.Count, e
}
