package ipx

// Stat is one counter of a node.
type Stat struct {
	Name  string `json:"name"`
	Value uint64 `json:"value"`
}

// counters are those of a node.
type counters struct {
	inReceives, inDelivers, inTooManyHops uint64

	outRequests, outPackets, outMalformed, outDiscards uint64
	noRoutes, openSocketFails, conflicts               uint64
	forwarded, netbiosIn, netbiosOut                   uint64
	echoes, inlineHits, inlineReplies                  uint64
	errorsIn, errorsOut, diagnostics                   uint64

	drop drops
}

// drops are packets that went nowhere, by reason.
type drops struct {
	port, short, length, tooLong, checksum, source                         uint64
	notOurs, noSocket, loop, queue                                         uint64
	echo, answer, inline, errors, errorRate, rip, sap, netbios, diagnostic uint64
}

// Stats lists the counters, always in the same order. The names are those of Novell's IPX MIB where it has them;
// reasons for drops are named ipx.drop.reason.
func (n *Node) Stats() []Stat {
	c, d, r, s := &n.stats, &n.stats.drop, n.rip.Stats(), n.sap.Stats()
	out := []Stat{
		{"ipxBasicSysInReceives", c.inReceives},
		{"ipxBasicSysInHdrErrors", d.short + d.length + d.tooLong},
		{"ipxBasicSysInUnknownSockets", d.noSocket},
		{"ipxBasicSysInDiscards", d.queue + d.port},
		{"ipxBasicSysInBadChecksums", d.checksum},
		{"ipxBasicSysInDelivers", c.inDelivers},
		{"ipxBasicSysNoRoutes", c.noRoutes},
		{"ipxBasicSysOutRequests", c.outRequests},
		{"ipxBasicSysOutMalformedRequests", c.outMalformed},
		{"ipxBasicSysOutDiscards", c.outDiscards},
		{"ipxBasicSysOutPackets", c.outPackets},
		{"ipxBasicSysOpenSocketFails", c.openSocketFails},
		{"ipxAdvSysInTooManyHops", c.inTooManyHops},
		{"ipxAdvSysForwPackets", c.forwarded},
		{"ipxAdvSysNETBIOSPackets", c.netbiosIn},
	}
	return append(out, []Stat{
		{"ipx.netbios.propagated", c.netbiosOut},
		{"ipx.network.conflict", c.conflicts},
		{"ipx.echo", c.echoes},
		{"ipx.inline.hits", c.inlineHits},
		{"ipx.inline.replies", c.inlineReplies},
		{"ipx.diagnostic", c.diagnostics},
		{"ipx.error.in", c.errorsIn},
		{"ipx.error.out", c.errorsOut},
		{"ipx.rip.in", r.In},
		{"ipx.rip.out", r.Sent},
		{"ipx.rip.questions", r.Questions},
		{"ipx.rip.answers", r.Answers},
		{"ipx.rip.expired", r.Expired},
		{"ipx.sap.in", s.In},
		{"ipx.sap.out", s.Sent},
		{"ipx.sap.questions", s.Questions},
		{"ipx.sap.answers", s.Answers},
		{"ipx.sap.expired", s.Expired},
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
		{"ipx.drop.echo", d.echo},
		{"ipx.drop.answer", d.answer},
		{"ipx.drop.inline", d.inline},
		{"ipx.drop.error", d.errors},
		{"ipx.drop.errorrate", d.errorRate},
		{"ipx.drop.rip", d.rip + r.Malformed + r.Strangers},
		{"ipx.drop.rip.full", r.Full + r.Refused},
		{"ipx.drop.sap", d.sap + s.Malformed + s.Strangers},
		{"ipx.drop.sap.full", s.Full + s.Refused},
		{"ipx.drop.netbios", d.netbios},
		{"ipx.drop.diagnostic", d.diagnostic},
	}...)
}
