package vxlan

import (
	"net"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// batch is memory for one sendmmsg.
type batch struct {
	messages []ipv4.Message
	buffers  [][]byte
}

// batched is the outbox of the machine's own UDP socket: frames leave from their own memory, many a call. What is
// particular to IPv4 in package ipv4 is not used: its batches serve sockets of both families.
type batched struct {
	conn   *ipv4.PacketConn
	header []byte
	drops  *drops
}

func newOutbox(c Config, header []byte, dr *drops) outbox {
	if u, ok := c.Conn.(*net.UDPConn); ok {
		return &batched{ipv4.NewPacketConn(u), header, dr}
	}
	return newQueued(c, header, dr)
}

func (o *batched) close() {}

func (o *batched) send(w *writer) {
	b := &w.batch
	b.fill(w, o.header)
	for from := 0; from < len(b.messages); {
		n, err := o.conn.WriteBatch(b.messages[from:], unix.MSG_DONTWAIT)
		for i := range max(n, 0) {
			w.parts[w.datagrams[from+i].part].sent = true
		}
		from += max(n, 0)
		if err != nil || n <= 0 {
			o.drops.full.Add(1) // this one; the next may go elsewhere
			from++
		}
	}
	clear(b.buffers)
	clear(b.messages)
}

// maxChunks is how many pieces of memory a datagram may have; the kernel takes 1024 (IOV_MAX).
const maxChunks = 64

// fill describes each datagram: the header, then the frame's chunks.
func (b *batch) fill(w *writer, header []byte) {
	b.messages, b.buffers = b.messages[:0], b.buffers[:0]
	for _, g := range w.datagrams {
		start, f := len(b.buffers), &w.parts[g.part].frame
		b.buffers = f.Slices(append(b.buffers, header))
		if len(b.buffers)-start > maxChunks {
			b.buffers = append(b.buffers[:start], f.AppendTo(append([]byte(nil), header...)))
		}
		b.messages = append(b.messages, ipv4.Message{Buffers: b.buffers[start:len(b.buffers):len(b.buffers)], Addr: g.to.udp})
	}
}
