package stack

import "tapestry/stack/ipx"

// output takes a packet of the node, which holds its lock. It leaves at the end of the call, or of the batch that was
// read.
func (x *ipxHost) output(id ipx.PortID, to ipx.NodeAddr, packet []byte) {
	p := x.adding // a port speaks before its number is known
	if int(id) < len(x.ports) && x.ports[id] != nil {
		p = x.ports[id]
	}
	if p == nil {
		x.drops.noPort.Add(1)
		return
	}
	n := p.nic
	mtu := n.info.Load().MTU
	if len(packet) > p.head.room(mtu) { // it has shrunk
		x.drops.tooLong.Add(1)
		return
	}
	if len(n.ipxOut) == 0 {
		x.dirty = append(x.dirty, n)
	}
	n.ipxOut = append(n.ipxOut, p.head.frame(to, packet, mtu))
	if len(n.ipxOut) >= maxOut {
		n.writeIPX()
	}
}

// flush sends what output collected. The node calls it before it gives up its lock, so frames leave in order.
func (x *ipxHost) flush() {
	for i, n := range x.dirty {
		n.writeIPX()
		x.dirty[i] = nil
	}
	x.dirty = x.dirty[:0]
}

// writeIPX sends what waits. IPX has one queue of the device: steering programs see no flows in it.
func (n *nic) writeIPX() {
	if len(n.ipxOut) == 0 {
		return
	}
	n.write(n.ipxOut, 0)
	clear(n.ipxOut)
	n.ipxOut = n.ipxOut[:0]
}
