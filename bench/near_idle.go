//go:build linux

package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"tapestry/bench/internal/lean"
	"tapestry/bench/report"

	"golang.org/x/sys/unix"
)

// How many connections are idle: as many as a kernel has ports for with room to spare, and more where both ends are
// hosts of ours.
const (
	idleKernel = 10_000
	idleHosts  = 100_000
	idleWhole  = time.Second // a measurement shorter than this has fewer, in proportion
)

// idleMemory opens connections, lets them be, and asks the far end what that cost it. One stream runs for half of the
// time without them and for half of the time beside them.
func idleMemory(c *call) (r result, err error) {
	i := &idler{call: c, count: idleKernel}
	_, i.isKernel = c.net.(kernelDialer)
	if !i.isKernel {
		i.count = idleHosts
	}
	if c.duration < idleWhole {
		i.count = max(100, int(int64(i.count)*int64(c.duration)/int64(idleWhole)))
	}
	start := time.Now()
	defer i.close()
	if err := i.measure(); err != nil {
		return r, err
	}
	r.Elapsed, r.Count = time.Since(start), uint64(i.count)
	r.Value, r.Proof = i.each(), i.proof()
	return r, nil
}

// idler is one measurement.
type idler struct {
	*call
	isKernel bool
	count    int
	control  conn
	conns    []conn

	empty, full      census
	streamed, beside float64 // Gbit/s of the stream, without and with them
}

func (i *idler) measure() (err error) {
	if i.control, err = i.net.dial("tcp", i.to); err != nil {
		return err
	}
	if err := i.control.SetPatience(i.duration + 2*time.Minute); err != nil {
		return err
	}
	if i.streamed, err = i.stream(); err != nil {
		return err
	}
	if i.empty, err = i.ask('x'); err != nil {
		return err
	}
	if err := i.open(); err != nil {
		return err
	}
	if err := i.settle(); err != nil {
		return err
	}
	i.beside, err = i.stream()
	return err
}

// stream measures one bulk transfer.
func (i *idler) stream() (float64, error) {
	to, err := i.other("sink")
	if err != nil {
		return 0, err
	}
	load := *i.call
	load.to, load.streams, load.duration = to, 1, i.duration/2
	r, err := bulkTo(&load)
	return gbits.value(r), err
}

func (i *idler) open() error {
	a, err := netip.ParseAddrPort(i.to)
	if err != nil {
		return err
	}
	i.conns = make([]conn, 0, i.count)
	for n := range i.count {
		to := netip.AddrPortFrom(a.Addr(), a.Port()+1+uint16(n%holdPorts))
		s, err := i.net.dial("tcp", to.String())
		if err != nil {
			return fmt.Errorf("connection %d of %d: %w", n+1, i.count, err)
		}
		i.conns = append(i.conns, s)
	}
	return nil
}

// settle waits until the far end has accepted all of them.
func (i *idler) settle() (err error) {
	for range 50 {
		if i.full, err = i.ask('c'); err != nil {
			return err
		}
		if i.full.Held == i.count {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("the far end holds %d connections, want %d", i.full.Held, i.count)
}

func (i *idler) ask(what byte) (n census, err error) {
	if _, err := i.control.Write([]byte{what}); err != nil {
		return n, err
	}
	line := make([]byte, 0, 512)
	for b := make([]byte, 512); len(line) < cap(line); {
		got, err := i.control.Read(b[:cap(line)-len(line)])
		if err != nil {
			return n, err
		}
		line = append(line, b[:got]...)
		if line[len(line)-1] == '\n' {
			return n, json.Unmarshal(line, &n)
		}
	}
	return n, errors.New("a census without an end")
}

// each is what one end of a connection costs in KiB: two of them are in one process if both hosts are ours.
func (i *idler) each() float64 {
	return i.share(i.full.Live+i.full.Stacks, i.empty.Live+i.empty.Stacks)
}

func (i *idler) share(after, before uint64) float64 {
	ends := i.count
	if !i.isKernel {
		ends *= 2
	}
	return (float64(after) - float64(before)) / float64(ends) / 1024
}

func (i *idler) proof() []report.Counter {
	return []report.Counter{
		{Name: "connections", Value: fmt.Sprint(i.count)},
		{Name: "goroutines_per_connection", Value: fmt.Sprintf("%.4f", float64(i.full.Goroutines-i.empty.Goroutines)/float64(i.count))},
		{Name: "resident_each", Value: fmt.Sprintf("%.1f KiB", i.share(i.full.Resident, i.empty.Resident))},
		{Name: "stream_alone", Value: fmt.Sprintf("%.1f Gbit/s", i.streamed)},
		{Name: "stream_beside", Value: fmt.Sprintf("%.1f Gbit/s", i.beside)},
	}
}

// close resets the connections, so that none of them waits in TIME-WAIT for the next measurement (RFC 9293 §3.10.7.5),
// and has the far end forget them.
func (i *idler) close() {
	for _, s := range i.conns {
		abort(s)
	}
	if i.control != nil {
		i.ask('x') // what cannot be dropped shows in the next census
		i.control.Close()
	}
}

func abort(s conn) {
	switch k := s.(type) {
	case lean.Socket:
		unix.SetsockoptLinger(int(k), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	case hostConn:
		if l, ok := k.Conn.(interface{ SetLinger(int) error }); ok {
			l.SetLinger(0)
		}
	}
	s.Close()
}
