package stack

import "sync/atomic"

// drops counts frames that the adapter did not deliver, by reason.
type drops struct {
	otherHost, short, tooLong, unknown, malformed, vlan, chain, segment atomic.Uint64
	icmpSequence, icmpMTU, icmpFragment                                 atomic.Uint64
}

// each visits the counters under the names that stats shows.
func (d *drops) each(visit func(name string, v uint64)) {
	visit("ethernet.drop.short", d.short.Load())
	visit("ethernet.drop.toolong", d.tooLong.Load())
	visit("ethernet.drop.otherhost", d.otherHost.Load())
	visit("ethernet.drop.unknownprotocol", d.unknown.Load())
	visit("ethernet.drop.malformed", d.malformed.Load())
	visit("ethernet.drop.vlan", d.vlan.Load())
	visit("ethernet.drop.segment", d.segment.Load())
	visit("ipv6.drop.chain", d.chain.Load())
	visit("icmp.drop.sequence", d.icmpSequence.Load())
	visit("icmp.drop.mtu", d.icmpMTU.Load())
	visit("icmp.drop.fragment", d.icmpFragment.Load())
}
