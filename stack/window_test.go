package stack

import (
	"fmt"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// tcpPeer is the other end of a connection to a listener of the host, segment by segment.
type tcpPeer struct {
	*station
	nxt, una uint32 // SND.NXT and SND.UNA (RFC 9293 §3.3.1)
	edge     uint32 // the first sequence number after all windows that the host has offered
	rcv      uint32 // RCV.NXT
	window   uint16 // what the peer offers, unscaled
	scale    int    // of the host's windows
}

const tcpPeerPort = 1000

// segment sends one.
func (p *tcpPeer) segment(flags header.TCPFlags, options, payload []byte) {
	p.t.Helper()
	b := make([]byte, header.TCPMinimumSize+len(options)+len(payload))
	copy(b[header.TCPMinimumSize:], options)
	copy(b[header.TCPMinimumSize+len(options):], payload)
	h := header.TCP(b)
	h.Encode(&header.TCPFields{
		SrcPort: tcpPeerPort, DstPort: 7, SeqNum: p.nxt, AckNum: p.rcv, Flags: flags, WindowSize: p.window,
		DataOffset: uint8(header.TCPMinimumSize + len(options)),
	})
	sum := header.PseudoHeaderChecksum(header.TCPProtocolNumber, toAddress(peer4), toAddress(host4), uint16(len(b)))
	h.SetChecksum(^checksum.Checksum(b, sum))
	p.sendBytes(ip4(peer4, host4, uint8(header.TCPProtocolNumber), b, 0, false))
	p.nxt += uint32(len(payload))
}

// await reads segments of the host until done says so. It checks each one's checksum and keeps what it acknowledges and
// offers.
func (p *tcpPeer) await(what string, done func(h header.TCP) bool) {
	p.t.Helper()
	p.expect(what, func(b []byte) bool {
		if len(b) < 14+header.IPv4MinimumSize+header.TCPMinimumSize || b[23] != uint8(header.TCPProtocolNumber) {
			return false
		}
		h := header.TCP(b[14+header.IPv4MinimumSize:])
		p.una = h.AckNumber()
		if h.Flags()&header.TCPFlagSyn == 0 {
			if e := p.una + uint32(h.WindowSize())<<p.scale; int32(e-p.edge) > 0 {
				p.edge = e
			}
		}
		return done(h)
	})
}

// connect makes the three-way handshake with a window scale of 0 for the peer's windows.
func (p *tcpPeer) connect() {
	p.t.Helper()
	p.segment(header.TCPFlagSyn, []byte{header.TCPOptionMSS, 4, 5, 0xb4, header.TCPOptionWS, 3, 0, header.TCPOptionNOP}, nil)
	p.nxt++
	p.await("SYN-ACK", func(h header.TCP) bool {
		p.rcv = h.SequenceNumber() + 1
		p.scale = header.ParseSynOptions(h.Options(), true).WS
		return h.Flags() == header.TCPFlagSyn|header.TCPFlagAck
	})
	p.edge = p.nxt
	p.segment(header.TCPFlagAck, nil, nil)
}

// TestWindowEdge holds that all data that fits a window once offered is taken, and acknowledgements behind it are
// heard, while the application does not read.
func TestWindowEdge(t *testing.T) {
	for _, size := range []int{801, 999, 1111, 1277, 1399, 1447} {
		t.Run(fmt.Sprint(size, " octets"), func(t *testing.T) {
			p := &tcpPeer{station: newStation(t, InterfaceConfig{}), nxt: 5000, window: 100}
			l, err := p.host.Listen("tcp", addrPortOf(host4, 7).String())
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			p.connect()
			c, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.(*TCPConn).SetReadBuffer(64 << 10); err != nil {
				t.Fatal(err)
			}
			// The first segment is large enough for the host to offer its whole window.
			for n := 1400; ; n = size {
				if left := int(int32(p.edge - p.nxt)); p.edge != 5001 && left < n {
					n = left
				}
				if n == 0 {
					break
				}
				p.segment(header.TCPFlagAck|header.TCPFlagPsh, nil, make([]byte, n))
				p.await("an acknowledgement of all", func(header.TCP) bool { return p.una == p.nxt })
			}
			// The peer takes 100 octets at a time: the host goes on only when it hears that it has.
			if _, err := c.Write(make([]byte, 300)); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				p.await("data", func(h header.TCP) bool { return h.SequenceNumber() == p.rcv && len(h.Payload()) == 100 })
				p.rcv += 100
				p.segment(header.TCPFlagAck, nil, nil)
			}
		})
	}
}

// TestTightWindows: a connection is known from the segment that offers too little until one that offers enough.
func TestTightWindows(t *testing.T) {
	var w tightWindows
	w.init(TCPConfig{ReceiveBuffer: Buffer{Max: 8 << 20}})
	offer := func(port, window uint16, flags header.TCPFlags) flowKey {
		h, pkt := outSegment(port, flags, 1, window, nil, 0)
		defer pkt.DecRef()
		w.sent(h, pkt, 1500)
		var k flowKey
		k.ofPacket(h, pkt)
		return k
	}
	segment := uint16(1460>>w.scale) + 1
	for _, tt := range []struct {
		name   string
		window uint16
		flags  header.TCPFlags
		want   bool
	}{
		{name: "a SYN", window: 0, flags: header.TCPFlagSyn},
		{name: "a segment", window: segment, flags: header.TCPFlagAck},
		{name: "less", window: segment - 1, flags: header.TCPFlagAck, want: true},
		{name: "nothing", window: 0, flags: header.TCPFlagAck, want: true},
		{name: "a segment again", window: segment, flags: header.TCPFlagAck},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if k := offer(1000, tt.window, tt.flags); w.has(k) != tt.want {
				t.Errorf("known: %v, want %v", w.has(k), tt.want)
			}
		})
	}
	for port := range uint16(maxTight + 100) {
		offer(port, 0, header.TCPFlagAck)
	}
	if n := w.count.Load(); n > maxTight {
		t.Errorf("%d connections known, want at most %d", n, maxTight)
	}
}

// TestWindowUpdate: who reads from a connection whose peer was offered too little has the peer told of the room, and the
// buffer goes on adapting.
func TestWindowUpdate(t *testing.T) {
	p := &tcpPeer{station: newStation(t, InterfaceConfig{}), nxt: 5000, window: 60000}
	l, err := p.host.Listen("tcp", addrPortOf(host4, 7).String())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p.connect()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := conn.(*TCPConn)
	p.segment(header.TCPFlagAck|header.TCPFlagPsh, nil, make([]byte, 100))
	p.await("an acknowledgement", func(header.TCP) bool { return p.una == p.nxt })
	tight := &p.host.tight
	tight.mu.Lock()
	tight.keys[c.flow()] = struct{}{}
	tight.count.Store(1)
	tight.mu.Unlock()
	if n, err := c.Read(make([]byte, 200)); n != 100 || err != nil {
		t.Fatalf("Read = %d, %v", n, err)
	}
	p.await("a window update", func(h header.TCP) bool {
		return h.Flags() == header.TCPFlagAck && p.una == p.nxt && len(h.Payload()) == 0
	})
	if tight.has(c.flow()) {
		t.Error("the connection is still known after the update")
	}
	if ep := c.ep.(*tcp.Endpoint); ep.RcvAutoParams.Disabled {
		t.Error("the receive buffer does not adapt any more")
	}
}

// TestWindowUpdateSetReadBuffer: a size that the user sets while somebody reads stays.
func TestWindowUpdateSetReadBuffer(t *testing.T) {
	_, far := connected(t, 0)
	ep := far.ep.(*tcp.Endpoint)
	for range 200 {
		ep.RcvAutoParams.Disabled = false
		started, end := make(chan struct{}), make(chan struct{})
		go func() { // ends after some updates
			defer close(end)
			for i := range 50 {
				far.read.Lock()
				far.offerWindow()
				far.read.Unlock()
				if i == 0 {
					close(started)
				}
			}
		}()
		<-started
		if err := far.SetReadBuffer(64 << 10); err != nil {
			t.Fatal(err)
		}
		<-end
		if !ep.RcvAutoParams.Disabled {
			t.Fatal("the receive buffer goes on adapting")
		}
	}
}
