package spx

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx"
)

const testNet ipxwire.Network = 0xcafe

var testNodes = [2]ipxwire.Node{{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}}

// rig is two stacks on a cable in memory. A frame that the cable has no room for is lost.
type rig struct {
	stacks [2]*ipx.Stack
	spx    [2]*Transport
	out    [2]outbox
	stop   func()
}

// outbox collects what a stack sends in one entry.
type outbox struct {
	batch *batch
	ch    chan *batch
	pool  sync.Pool
}

// batch is packets, one behind the other.
type batch struct {
	b    []byte
	ends []int
}

func newRig(t testing.TB, maxPacket int, c Config) *rig {
	t.Helper()
	return newRigs(t, maxPacket, c, c)
}

func newRigs(t testing.TB, maxPacket int, configs ...Config) *rig {
	t.Helper()
	r := &rig{}
	var wg sync.WaitGroup
	for i := range r.stacks {
		o := &r.out[i]
		o.pool.New = func() any { return &batch{} }
		o.ch = make(chan *batch, 64)
		s, err := ipx.NewStack(ipx.StackConfig{
			Node: ipx.Config{
				Random: rand.Uint32,
				Output: func(_ ipx.PortID, _ ipx.NodeAddr, p []byte) { o.add(p) },
			},
			Flush: o.flush,
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Do(func(now time.Time, n *ipx.Node) {
			_, err = n.AddPort(now, ipx.PortConfig{Name: "eth0", Network: testNet, Node: testNodes[i], MaxPacket: maxPacket})
		})
		if err != nil {
			t.Fatal(err)
		}
		r.stacks[i] = s
		if r.spx[i], err = New(s, configs[i]); err != nil {
			t.Fatal(err)
		}
	}
	for i := range r.stacks {
		ch := r.out[i].ch
		wg.Go(func() { r.out[i].pump(ch, r.stacks[1-i]) })
	}
	r.stop = sync.OnceFunc(func() {
		for i := range r.stacks {
			_ = r.spx[i].Close()
			_ = r.stacks[i].Close()
		}
		for i := range r.stacks {
			o := &r.out[i]
			r.stacks[i].Do(func(time.Time, *ipx.Node) { close(o.ch); o.ch = nil })
		}
		wg.Wait()
	})
	t.Cleanup(r.stop)
	return r
}

func (o *outbox) add(p []byte) {
	if o.batch == nil {
		o.batch = o.pool.Get().(*batch)
		o.batch.b, o.batch.ends = o.batch.b[:0], o.batch.ends[:0]
	}
	o.batch.b = append(o.batch.b, p...)
	o.batch.ends = append(o.batch.ends, len(o.batch.b))
}

func (o *outbox) flush() {
	if o.batch == nil || o.ch == nil {
		return
	}
	select {
	case o.ch <- o.batch:
	default:
		o.pool.Put(o.batch)
	}
	o.batch = nil
}

// pump carries frames to the other stack until the channel is closed.
func (o *outbox) pump(ch <-chan *batch, to *ipx.Stack) {
	for b := range ch {
		to.Begin()
		start := 0
		for _, end := range b.ends {
			to.DeliverLocked(0, ipx.NodeAddr{}, b.b[start:end])
			start = end
		}
		to.End()
		o.pool.Put(b)
	}
}

// pair connects the first stack to a socket of the second.
func (r *rig) pair(t testing.TB) (caller, called *Conn) {
	t.Helper()
	l, err := r.spx[1].Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	caller, err = r.dial(l)
	if err != nil {
		t.Fatal(err)
	}
	if called, err = l.AcceptSPX(); err != nil {
		t.Fatal(err)
	}
	return caller, called
}

func (r *rig) dial(l *Listener) (*Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return r.spx[0].Dial(ctx, r.addr(1, l))
}

// addr is how a listener of stack i is called.
func (r *rig) addr(i int, l *Listener) ipxwire.Addr {
	return ipxwire.Addr{Net: testNet, Node: testNodes[i], Socket: l.Addr().(ipx.NetAddr).Socket}
}
