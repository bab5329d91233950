package ipx

// Stat is one counter of a node.
type Stat struct {
	Name  string `json:"name"`
	Value uint64 `json:"value"`
}

// counters are those of a node. The names are those of Novell's IPX MIB where it has them.
type counters struct {
	inReceives, inDelivers                             uint64
	outRequests, outPackets, outMalformed, outDiscards uint64
	noRoutes, openSocketFails                          uint64
	echoes, inlineHits, inlineReplies                  uint64
	drop                                               drops
}

// drops are packets that went nowhere, by reason.
type drops struct {
	port, short, length, tooLong, checksum, source uint64
	notOurs, noSocket, loop, queue, inline         uint64
}

// Stats lists the counters, always in the same order.
func (n *Node) Stats() []Stat {
	c, d := &n.stats, &n.stats.drop
	return []Stat{
		{"ipxBasicSysInReceives", c.inReceives},
		{"ipxBasicSysInHdrErrors", d.short + d.length + d.tooLong},
		{"ipxBasicSysInUnknownSockets", d.noSocket},
		{"ipxBasicSysInBadChecksums", d.checksum},
		{"ipxBasicSysInDelivers", c.inDelivers},
		{"ipxBasicSysNoRoutes", c.noRoutes},
		{"ipxBasicSysOutRequests", c.outRequests},
		{"ipxBasicSysOutMalformedRequests", c.outMalformed},
		{"ipxBasicSysOutDiscards", c.outDiscards},
		{"ipxBasicSysOutPackets", c.outPackets},
		{"ipxBasicSysOpenSocketFails", c.openSocketFails},
		{"ipx.echo", c.echoes},
		{"ipx.inline.hits", c.inlineHits},
		{"ipx.inline.replies", c.inlineReplies},
		{"ipx.drop.port", d.port},
		{"ipx.drop.short", d.short},
		{"ipx.drop.length", d.length},
		{"ipx.drop.toolong", d.tooLong},
		{"ipx.drop.checksum", d.checksum},
		{"ipx.drop.source", d.source},
		{"ipx.drop.notours", d.notOurs},
		{"ipx.drop.nosocket", d.noSocket},
		{"ipx.drop.loop", d.loop},
		{"ipx.drop.queue", d.queue},
		{"ipx.drop.inline", d.inline},
	}
}
