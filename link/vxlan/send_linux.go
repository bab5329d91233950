package vxlan

import (
	"encoding/binary"
	"errors"
	"net"
	"sync/atomic"
	"unsafe"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// batched is the outbox of the machine's own UDP socket: frames leave from their own memory, many a call. Datagrams of one
// length that go to one VTEP one after the other leave as one message, which the kernel takes apart late (UDP_SEGMENT of
// udp(7)): the segments of a super-frame, mostly. What is particular to IPv4 in package ipv4 is not used: its batches
// serve sockets of both families.
type batched struct {
	conn   *ipv4.PacketConn
	header []byte
	drops  *drops
	merges atomic.Bool // whether the kernel takes merged messages
}

func newOutbox(c Config, header []byte, dr *drops) outbox {
	u, ok := c.Conn.(*net.UDPConn)
	if !ok {
		return newQueued(c, header, dr)
	}
	o := &batched{conn: ipv4.NewPacketConn(u), header: header, drops: dr}
	o.merges.Store(!c.ZeroChecksum && knowsSegment(u)) // the kernel merges nothing without a checksum
	return o
}

// knowsSegment reports whether the kernel has UDP_SEGMENT (since 4.18).
func knowsSegment(u *net.UDPConn) bool {
	raw, err := u.SyscallConn()
	if err != nil {
		return false
	}
	if e := raw.Control(func(fd uintptr) { _, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT) }); e != nil {
		return false
	}
	return err == nil
}

func (o *batched) close() {}

func (o *batched) send(w *writer) {
	b := &w.batch
	for from := 0; from < len(w.datagrams); {
		b.fill(w, from, o.header, o.merges.Load() && from >= w.batch.alone)
		from = o.write(w)
	}
	clear(b.buffers)
	clear(b.messages)
	b.alone = 0
}

// write sends the messages and gives the first datagram for which they are to be made anew: after the last if there is
// none.
func (o *batched) write(w *writer) int {
	b := &w.batch
	for k := 0; k < len(b.messages); {
		n, err := o.conn.WriteBatch(b.messages[k:], unix.MSG_DONTWAIT)
		for i := b.firsts[k]; i < b.firsts[k+max(n, 0)]; i++ {
			w.parts[w.datagrams[i].part].sent = true
		}
		k += max(n, 0)
		if err == nil && n > 0 {
			continue
		}
		if b.messages[k].OOB != nil && o.refused(err) {
			b.alone = b.firsts[k+1] // up to there one by one
			return b.firsts[k]
		}
		o.drops.full.Add(uint64(b.firsts[k+1] - b.firsts[k])) // these; the next may go elsewhere
		k++
	}
	return len(w.datagrams)
}

// refused reports whether a merged message may succeed in parts: EINVAL and EMSGSIZE say that they are too long for the
// path, EIO that the interface cannot compute checksums, and will not the next time.
func (o *batched) refused(err error) bool {
	if errors.Is(err, unix.EIO) {
		o.merges.Store(false)
		return true
	}
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EMSGSIZE)
}

// batch is memory for one sendmmsg.
type batch struct {
	messages []ipv4.Message
	buffers  [][]byte
	control  []byte
	firsts   []int // the first datagram of each message, and one after the last
	alone    int   // the datagrams before this one are not merged
}

// Limits of a message.
const (
	maxChunks   = 64    // pieces of memory of one datagram; a message may have 1024 (IOV_MAX)
	maxMerged   = 64    // datagrams (UDP_MAX_SEGMENTS of older kernels)
	maxMessage  = 65000 // octets, with room for the headers of IP
	maxBuffers  = 900
	segmentSize = 2 // of UDP_SEGMENT's argument
)

// fill describes the datagrams after from: the header, then the frame's chunks.
func (b *batch) fill(w *writer, from int, header []byte, merge bool) {
	b.messages, b.buffers, b.firsts, b.control = b.messages[:0], b.buffers[:0], b.firsts[:0], b.control[:0]
	var m merging
	start := 0 // of the message's buffers
	for i := from; i < len(w.datagrams); i++ {
		g := w.datagrams[i]
		f := &w.parts[g.part].frame
		size := len(header) + f.Len()
		if !merge || !m.takes(g.to, size, len(b.buffers)-start) {
			b.end(start, m)
			start = len(b.buffers)
			b.firsts = append(b.firsts, i)
			b.messages = append(b.messages, ipv4.Message{Addr: g.to.udp})
			m = merging{to: g.to, size: size}
		}
		m.add(size)
		at := len(b.buffers)
		b.buffers = f.Slices(append(b.buffers, header))
		if len(b.buffers)-at > maxChunks {
			b.buffers = append(b.buffers[:at], f.AppendTo(append([]byte(nil), header...)))
		}
	}
	b.end(start, m)
	b.firsts = append(b.firsts, len(w.datagrams))
}

// end completes the last message, whose buffers are those from start on.
func (b *batch) end(start int, m merging) {
	if len(b.messages) == 0 {
		return
	}
	last := &b.messages[len(b.messages)-1]
	last.Buffers = b.buffers[start:len(b.buffers):len(b.buffers)]
	if m.count > 1 {
		at := len(b.control)
		b.control = appendSegment(b.control, m.size)
		last.OOB = b.control[at:len(b.control):len(b.control)]
	}
}

// merging is what is known of a message while datagrams are added to it.
type merging struct {
	to    *vtep
	size  int // of all datagrams but the last, which may be shorter
	total int
	count int
	ended bool // a shorter one was added
}

func (m *merging) takes(to *vtep, size, buffers int) bool {
	return m.to == to && size <= m.size && !m.ended && m.count < maxMerged && m.total+size <= maxMessage && buffers < maxBuffers
}

func (m *merging) add(size int) {
	m.total += size
	m.count++
	m.ended = size < m.size
}

// appendSegment appends a control message that has the kernel cut every size octets.
func appendSegment(b []byte, size int) []byte {
	at := len(b)
	b = append(b, make([]byte, unix.CmsgSpace(segmentSize))...)
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[at]))
	h.Level, h.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(segmentSize))
	binary.NativeEndian.PutUint16(b[at+unix.CmsgLen(0):], uint16(size))
	return b
}
