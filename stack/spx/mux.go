package spx

import (
	"maps"
	"slices"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx"
)

// network is what a mux needs of the node below it.
type network interface {
	// Send sends the octets behind a header of IPX.
	Send(now time.Time, f ipxwire.Fields, data []byte) error
	// Bind has the mux receive what comes to a socket; zero is a free one.
	Bind(s ipxwire.Socket) (ipxwire.Socket, error)
	Unbind(s ipxwire.Socket)
	// Limit is the longest packet that a port sends.
	Limit(p ipx.PortID) int
}

// mux is SPX of one node: the connections by identifier, the sockets that they share, and the timers. It is plain code;
// who calls it holds the stack's lock.
type mux struct {
	c   Config
	net network

	now     time.Time // of the call underway
	byID    map[uint16]*session
	byPeer  map[peer]*session // accepted ones, for repeated requests
	sockets map[ipxwire.Socket]*socket
	timers  timers
	pool    pool
	scratch []byte     // a system packet
	linger  []*session // those that only answer repetitions, the oldest first

	stats counters
}

// peer is what makes a connection request a repetition of an earlier one.
type peer struct {
	addr  ipxwire.Addr
	id    uint16
	local ipxwire.Socket
}

// socket is a socket that connections or a listener have.
type socket struct {
	users    int // connections, and the listener
	listener *listener
}

func newMux(c Config, n network) *mux {
	return &mux{
		c: c, net: n,
		byID: map[uint16]*session{}, byPeer: map[peer]*session{}, sockets: map[ipxwire.Socket]*socket{},
	}
}

// receive takes a packet up. Source and destination have the numbers of their networks.
func (m *mux) receive(now time.Time, port ipx.PortID, b ipxwire.Header, from, to ipxwire.Addr) {
	m.now = now
	m.stats.in++
	h, err := ParseHeader(b)
	switch {
	case err == ErrType:
		m.stats.dropType++
	case err != nil:
		m.stats.dropShort++
	case from.Node.IsGroup() || to.Node.IsGroup():
		m.stats.dropBroadcast++
	case !isID(h.SourceID()):
		m.stats.dropID++
	case h.DestinationID() == UnknownID:
		m.recvRequest(port, h, from, to)
	default:
		m.dispatch(port, h, from, to)
	}
}

// unreachable takes back a packet of this node's that had no route. It ends a call; a connection had a route and may
// have one again, until it is given up for its own reasons.
func (m *mux) unreachable(now time.Time, b ipxwire.Header) {
	m.now = now
	h, err := ParseHeader(b)
	if err != nil {
		return
	}
	if s := m.byID[h.SourceID()]; s != nil && s.state == stateRequesting && s.remote == b.Destination() {
		s.fail(ipx.ErrNoRoute)
	}
}

// dispatch gives a packet to its connection. Identifiers are random, and the addresses must be those of the connection:
// who cannot see its packets has to guess 32 bits.
func (m *mux) dispatch(port ipx.PortID, h Header, from, to ipxwire.Addr) {
	s := m.byID[h.DestinationID()]
	switch {
	case s == nil:
		m.stats.dropConn++
	case s.state == stateRequesting:
		s.recvRequesting(port, h, from, to)
	case !isSame(s.remote, from) || !isSame(s.local, to) || h.SourceID() != s.peerID:
		m.stats.dropConn++
	default:
		s.take(h)
	}
}

// isSame reports whether a packet's address is that of the connection. A port that did not know the number of its
// network when the connection was made may have learned it.
func isSame(have, got ipxwire.Addr) bool {
	return have == got || have.Net == 0 && have.Node == got.Node && have.Socket == got.Socket
}

// isID reports whether an identifier may be one of a connection. Zero and FFFF are nobody's: NWLink drops them, too.
func isID(id uint16) bool { return id != 0 && id != UnknownID }

// newID gives an identifier that no connection has, or zero.
func (m *mux) newID() uint16 {
	if len(m.byID) >= m.c.MaxConns {
		return 0
	}
	id := uint16(m.c.Random())
	for range 1 << 16 {
		if isID(id) && m.byID[id] == nil {
			return id
		}
		id = id*5 + 1 + uint16(m.c.Random())<<2 // any walk will do: half of them are free
	}
	return 0
}

// use counts a user of a socket, which is bound for the first.
func (m *mux) use(s ipxwire.Socket) (ipxwire.Socket, error) {
	if p := m.sockets[s]; p != nil {
		p.users++
		return s, nil
	}
	s, err := m.net.Bind(s)
	if err == nil {
		m.sockets[s] = &socket{users: 1}
	}
	return s, err
}

// release takes a user of a socket back, which is given back after the last.
func (m *mux) release(s ipxwire.Socket) {
	p := m.sockets[s]
	if p == nil {
		return
	}
	if p.users--; p.users == 0 {
		delete(m.sockets, s)
		m.net.Unbind(s)
	}
}

// add makes a connection in its first state, or gives nil if there are too many.
func (m *mux) add(local, remote ipxwire.Addr) *session {
	id := m.newID()
	if id == 0 {
		m.dropOldest()
		if id = m.newID(); id == 0 {
			m.stats.full++
			return nil
		}
	}
	s := &session{m: m, id: id, local: local, remote: remote, heard: m.now, rtt: newEstimator(&m.c), at: -1}
	m.byID[id] = s
	return s
}

// remove forgets a connection: what comes for it now is dropped.
func (m *mux) remove(s *session) {
	if m.byID[s.id] != s {
		return
	}
	delete(m.byID, s.id)
	if k := s.peer(); m.byPeer[k] == s {
		delete(m.byPeer, k)
	}
	m.timers.remove(s)
	m.release(s.local.Socket)
	s.freeOut()
}

// maxLinger bounds the connections that are over and only answer repetitions.
const maxLinger = 1024

// keep has a connection that is over answer repetitions for a while.
func (m *mux) keep(s *session) {
	if len(m.linger) >= maxLinger {
		m.dropOldest()
	}
	m.linger = append(m.linger, s)
}

// dropOldest forgets the connection that has been over for longest.
func (m *mux) dropOldest() {
	for len(m.linger) > 0 {
		s := m.linger[0]
		m.linger[0] = nil
		m.linger = m.linger[1:]
		if m.byID[s.id] == s {
			m.remove(s)
			return
		}
	}
}

// tick does what is due.
func (m *mux) tick(now time.Time) {
	m.now = now
	for range maxConns {
		s := m.timers.due(now)
		if s == nil {
			return
		}
		s.expire()
		s.arm()
	}
}

// next is when tick is to be called; zero: never. It may be too early: a deadline that moves away stays where it is.
func (m *mux) next() time.Time { return m.timers.next() }

// close ends all connections and listeners.
func (m *mux) close(err error) {
	for _, sock := range slices.Sorted(maps.Keys(m.sockets)) {
		if p := m.sockets[sock]; p != nil && p.listener != nil {
			p.listener.close()
		}
	}
	for _, id := range slices.Sorted(maps.Keys(m.byID)) {
		s := m.byID[id]
		if s.err == nil {
			s.err = err
		}
		s.abort()
	}
	m.linger = nil
}
