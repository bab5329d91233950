package stack

import (
	"gvisor.dev/gvisor/pkg/tcpip"
)

// Stat is one counter of a host.
type Stat struct {
	Name  string `json:"name"`
	Value uint64 `json:"value"`
}

// Stats lists the host's counters, always in the same order. Names are those of MIB-II (RFC 1213 §6) where it has them,
// for both IP versions together; ipv4… and icmp6… tell versions apart. Those of IPX are there where the host has it.
// Reasons for drops are named layer.drop.reason.
func (h *Host) Stats() []Stat {
	s := &statList{}
	all := h.ns.Stats()
	s.ip(&all)
	s.icmp4(&all.ICMP.V4)
	s.icmp6(&all.ICMP.V6)
	s.tcp(&all.TCP)
	s.udp(&all.UDP)
	s.arp(&all.ARP)
	s.counter("transport.drop.malformed", all.NICs.MalformedL4RcvdPackets)
	s.add("ipInUnknownProtos", total(all.NICs.UnknownL4ProtocolRcvdPacketCounts))
	hits, replies, lost := h.inlineStats()
	s.add("inline.hits", hits)
	s.add("inline.replies", replies)
	s.add("inline.drop", lost)
	s.add("shortcut.in", h.shortcuts.taken.Load())
	s.add("shortcut.out", h.shortcuts.answered.Load())
	s.add("ndp.drop.queuefull", h.ndp.dropped.Load())
	h.ipxStats(s)
	h.addInterfaceStats(s)
	return s.stats
}

type statList struct{ stats []Stat }

func (s *statList) add(name string, v uint64) { s.stats = append(s.stats, Stat{name, v}) }

func (s *statList) counter(name string, c *tcpip.StatCounter) { s.add(name, c.Value()) }

// total adds up the counters of a map.
func total(m *tcpip.IntegralStatCounterMap) (n uint64) {
	for _, k := range m.Keys() {
		if c, ok := m.Get(k); ok {
			n += c.Value()
		}
	}
	return n
}

func (s *statList) ip(all *tcpip.Stats) {
	ip := &all.IP
	s.counter("ipInReceives", ip.PacketsReceived)
	s.counter("ipInHdrErrors", ip.MalformedPacketsReceived)
	s.counter("ipInAddrErrors", ip.InvalidDestinationAddressesReceived)
	s.counter("ipInDelivers", ip.PacketsDelivered)
	s.counter("ipOutRequests", ip.PacketsSent)
	s.counter("ipOutDiscards", ip.OutgoingPacketErrors)
	s.counter("ip.drop.source", ip.InvalidSourceAddressesReceived)
	s.counter("ip.drop.fragment", ip.MalformedFragmentsReceived)
}

func (s *statList) icmp4(c *tcpip.ICMPv4Stats) {
	in, out := &c.PacketsReceived, &c.PacketsSent
	s.counter("icmpInEchos", in.EchoRequest)
	s.counter("icmpInEchoReps", in.EchoReply)
	s.counter("icmpInDestUnreachs", in.DstUnreachable)
	s.counter("icmpInTimeExcds", in.TimeExceeded)
	s.counter("icmpInParmProbs", in.ParamProblem)
	s.counter("icmpInSrcQuenchs", in.SrcQuench)
	s.counter("icmpInRedirects", in.Redirect)
	s.counter("icmpInErrors", in.Invalid)
	s.counter("icmpOutEchos", out.EchoRequest)
	s.counter("icmpOutEchoReps", out.EchoReply)
	s.counter("icmpOutDestUnreachs", out.DstUnreachable)
	s.counter("icmpOutTimeExcds", out.TimeExceeded)
	s.counter("icmp.drop.ratelimit", out.RateLimited)
}

func (s *statList) icmp6(c *tcpip.ICMPv6Stats) {
	in, out := &c.PacketsReceived, &c.PacketsSent
	s.counter("icmp6InEchos", in.EchoRequest)
	s.counter("icmp6InEchoReplies", in.EchoReply)
	s.counter("icmp6InDestUnreachs", in.DstUnreachable)
	s.counter("icmp6InPktTooBigs", in.PacketTooBig)
	s.counter("icmp6InTimeExcds", in.TimeExceeded)
	s.counter("icmp6InRouterAdvertisements", in.RouterAdvert)
	s.counter("icmp6InNeighborSolicits", in.NeighborSolicit)
	s.counter("icmp6InNeighborAdvertisements", in.NeighborAdvert)
	s.counter("icmp6InErrors", in.Invalid)
	s.counter("icmp6OutEchos", out.EchoRequest)
	s.counter("icmp6OutEchoReplies", out.EchoReply)
	s.counter("icmp6OutDestUnreachs", out.DstUnreachable)
	s.counter("icmp6OutNeighborSolicits", out.NeighborSolicit)
	s.counter("icmp6OutNeighborAdvertisements", out.NeighborAdvert)
}

func (s *statList) tcp(c *tcpip.TCPStats) {
	s.counter("tcpActiveOpens", c.ActiveConnectionOpenings)
	s.counter("tcpPassiveOpens", c.PassiveConnectionOpenings)
	s.counter("tcpAttemptFails", c.FailedConnectionAttempts)
	s.counter("tcpEstabResets", c.EstablishedResets)
	s.counter("tcpCurrEstab", c.CurrentEstablished)
	s.counter("tcpInSegs", c.ValidSegmentsReceived)
	s.counter("tcpOutSegs", c.SegmentsSent)
	s.counter("tcpRetransSegs", c.Retransmits)
	s.counter("tcpInErrs", c.InvalidSegmentsReceived)
	s.counter("tcpOutRsts", c.ResetsSent)
	s.counter("tcpInRsts", c.ResetsReceived)
	s.counter("tcpFastRetrans", c.FastRetransmit)
	s.counter("tcpSackRecovery", c.SACKRecovery)
	s.counter("tcpTimeouts", c.Timeouts)
	s.counter("tcp.drop.checksum", c.ChecksumErrors)
	s.counter("tcp.drop.synqueue", c.ListenOverflowSynDrop)
	s.counter("tcp.drop.backlog", c.ListenOverflowAckDrop)
}

func (s *statList) udp(c *tcpip.UDPStats) {
	s.counter("udpInDatagrams", c.PacketsReceived)
	s.counter("udpNoPorts", c.UnknownPortErrors)
	s.counter("udpInErrors", c.MalformedPacketsReceived)
	s.counter("udpOutDatagrams", c.PacketsSent)
	s.counter("udp.drop.checksum", c.ChecksumErrors)
	s.counter("udp.drop.buffer", c.ReceiveBufferErrors)
	s.counter("udp.drop.send", c.PacketSendErrors)
}

func (s *statList) arp(c *tcpip.ARPStats) {
	s.counter("arpInRequests", c.RequestsReceived)
	s.counter("arpInReplies", c.RepliesReceived)
	s.counter("arpOutRequests", c.OutgoingRequestsSent)
	s.counter("arpOutReplies", c.OutgoingRepliesSent)
	s.counter("arp.drop.malformed", c.MalformedPacketsReceived)
	s.counter("arp.drop.othertarget", c.RequestsReceivedUnknownTargetAddress)
}

// addInterfaceStats adds the adapter's reasons, summed over interfaces, and each device's counters.
func (h *Host) addInterfaceStats(s *statList) {
	is := h.sortedInterfaces()
	sums, order := map[string]uint64{}, []string{}
	for _, i := range is {
		i.nic.drops.each(func(name string, v uint64) {
			if _, ok := sums[name]; !ok {
				order = append(order, name)
			}
			sums[name] += v
		})
		sums["address.conflicts"] += i.nic.conflicts.seen.Load()
	}
	for _, name := range order {
		s.add(name, sums[name])
	}
	s.add("address.conflicts", sums["address.conflicts"])
	for _, i := range is {
		d := i.info().Device
		s.add("ifInPkts."+i.name, d.RxFrames)
		s.add("ifInOctets."+i.name, d.RxBytes)
		s.add("ifInDiscards."+i.name, d.RxDropped)
		s.add("ifInGSO."+i.name, d.RxGSO)
		s.add("ifOutPkts."+i.name, d.TxFrames)
		s.add("ifOutOctets."+i.name, d.TxBytes)
		s.add("ifOutDiscards."+i.name, d.TxDropped)
		s.add("ifOutGSO."+i.name, d.TxGSO)
	}
}
