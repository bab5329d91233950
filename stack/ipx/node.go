package ipx

import (
	"slices"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/rip"
	"tapestry/stack/ipx/sap"
)

// Node is one node of IPX: plain code, called from one goroutine at a time; see [Stack].
type Node struct {
	cfg   Config
	ports []*port // by PortID; nil: removed
	now   time.Time

	sockets map[SocketNumber]Receiver
	dynamic SocketNumber // where the search for the next free socket starts

	rip           *rip.Router
	sap           *sap.Agent
	routesChanged bool
	pending       pending
	errors        bucket
	diagnostic    diagnostic
	seekers       []*seeker // who waits for the nearest service of a type

	scratch []byte // a packet under construction
	reply   []byte // the answer of an inline service under construction
	copied  []byte // a packet that is forwarded
	in      []byte // a packet from this node to itself, as it is delivered
	local   ring   // packets from this node to itself
	localAt time.Time
	arrived arrival

	answering bool // what is sent is the answer of a service
	closed    bool

	stats counters
}

// arrival is where the packet that is delivered came from: what is sent to its network meanwhile finds back that way
// where there is no other. A host that knows no router answers so, and is not made to ask for one by any stranger.
type arrival struct {
	port PortID
	from NodeAddr // zero: from this node
	net  Network  // of the source

	isAnswer bool // of a service of this node: no other service answers it
}

// Receiver takes the packets of a socket. The header and its data are borrowed. It may send, bind and unbind.
type Receiver interface {
	Receive(now time.Time, p PortID, h ipxwire.Header)
}

// New makes a node without ports.
func New(c Config) (*Node, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	n := &Node{cfg: c, sockets: map[SocketNumber]Receiver{}}
	n.dynamic = ipxwire.SocketDynamic + SocketNumber(c.Random()%(uint32(ipxwire.SocketStatic-ipxwire.SocketDynamic)))
	n.local.max = localOctets
	n.newTables()
	n.sockets[ipxwire.SocketEcho] = &echo{n: n}
	n.sockets[ipxwire.SocketError] = &errorSocket{n}
	n.sockets[ipxwire.SocketDiagnostic] = &n.diagnostic
	n.diagnostic.n = n
	return n, nil
}

// Name is that of the configuration.
func (n *Node) Name() string { return n.cfg.Name }

// Tick does what is due. Calling it early does nothing.
func (n *Node) Tick(now time.Time) {
	n.now = now
	n.rip.Tick(now)
	n.sap.Tick(now)
	n.pending.tick(now, n)
	n.diagnostic.tick(now)
	n.drain(now)
}

// Next is when Tick is to be called; the zero time is never.
func (n *Node) Next() time.Time {
	next := earlier(n.rip.Next(), n.sap.Next())
	next = earlier(next, earlier(n.pending.next(), n.diagnostic.next()))
	if n.local.len() > 0 {
		next = earlier(next, n.localAt)
	}
	return next
}

// earlier gives the earlier of two deadlines, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Close says farewell to the routers and servers of all networks, and takes all ports down for good.
func (n *Node) Close(now time.Time) {
	if n.closed {
		return
	}
	n.now, n.closed = now, true
	n.sap.Close(now)
	n.rip.Close(now)
	for _, p := range n.ports {
		if p != nil {
			p.up = false
		}
	}
	n.local.clear()
	n.pending, n.diagnostic.waiting = pending{}, nil
}

// SocketInfo describes a bound socket.
type SocketInfo struct {
	Socket SocketNumber `json:"socket"`
	Owner  string       `json:"owner"`            // echo, rip, datagram, spx, …
	Remote Addr         `json:"remote,omitzero"`  // of a connected one
	Queued int          `json:"queued,omitempty"` // octets that wait to be read
	Drops  uint64       `json:"drops,omitempty"`  // packets for which there was no room
}

// describer is a Receiver that can tell more of itself than that it exists.
type describer interface{ Describe() SocketInfo }

// Sockets lists the bound sockets by number.
func (n *Node) Sockets() []SocketInfo {
	out := make([]SocketInfo, 0, len(n.sockets))
	for s, r := range n.sockets {
		var i SocketInfo
		if d, ok := r.(describer); ok {
			i = d.Describe()
		}
		i.Socket = s
		out = append(out, i)
	}
	slices.SortFunc(out, func(a, b SocketInfo) int { return int(a.Socket) - int(b.Socket) })
	return out
}
