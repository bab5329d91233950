package stack

import (
	"fmt"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/raw"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

// protocols describes the engine to build.
func protocols(c Config, nd ipv6.NDPDispatcher) netstack.Options {
	return netstack.Options{
		NetworkProtocols: []netstack.NetworkProtocolFactory{
			ipv4.NewProtocolWithOptions(ipv4.Options{IGMP: ipv4.IGMPOptions{Enabled: true}}),
			ipv6.NewProtocolWithOptions(ipv6.Options{
				NDPConfigs:       ipv6.DefaultNDPConfigurations(),
				AutoGenLinkLocal: true, // RFC 4862 §5.3
				NDPDisp:          nd,
				MLD:              ipv6.MLDOptions{Enabled: true},
				DADConfigs:       netstack.DefaultDADConfigurations(), // RFC 4862 §5.4
			}),
			arp.NewProtocol,
		},
		TransportProtocols: []netstack.TransportProtocolFactory{
			tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4, icmp.NewProtocol6,
		},
		HandleLocal: true, // a host can reach its own addresses
		RawFactory:  raw.EndpointFactory{},
		Clock:       newEngineClock(c.Clock),
		RandSource:  newLockedSource(c.Seed),
		IPTables:    &netstack.IPTables{}, // never changed, so never looked into: the default ones take 7 KB
	}
}

func (c TCPConfig) withDefaults() (TCPConfig, error) {
	if c.Congestion == "" {
		c.Congestion = "cubic"
	}
	if c.Congestion != "cubic" && c.Congestion != "reno" {
		return c, fmt.Errorf("stack: congestion control %q: want cubic or reno", c.Congestion)
	}
	defaultTo(&c.Recovery, "sack")
	if _, ok := recoveries[c.Recovery]; !ok {
		return c, fmt.Errorf("stack: loss recovery %q: want sack or rack", c.Recovery)
	}
	c.SendBuffer = c.SendBuffer.withDefaults(Buffer{4 << 10, 1 << 20, 6 << 20})
	c.ReceiveBuffer = c.ReceiveBuffer.withDefaults(Buffer{4 << 10, 1 << 20, 8 << 20})
	for _, b := range []Buffer{c.SendBuffer, c.ReceiveBuffer} {
		if b.Min < 1 || b.Default < b.Min || b.Max < b.Default {
			return c, fmt.Errorf("stack: TCP buffer sizes %d, %d, %d: want 1 ≤ min ≤ default ≤ max", b.Min, b.Default, b.Max)
		}
	}
	defaultTo(&c.KeepaliveIdle, 2*time.Hour)
	defaultTo(&c.KeepaliveInterval, 75*time.Second)
	defaultTo(&c.KeepaliveCount, 9)
	if c.AckDelay >= maxAckDelay {
		return c, fmt.Errorf("stack: acknowledgements delayed by up to twice %v: want less than %v (RFC 9293 §3.8.6.3)",
			c.AckDelay, 2*maxAckDelay)
	}
	defaultTo(&c.TimeWait, 60*time.Second)
	defaultTo(&c.Backlog, 4096)
	return c, nil
}

func (b Buffer) withDefaults(d Buffer) Buffer {
	defaultTo(&b.Min, d.Min)
	defaultTo(&b.Default, d.Default)
	defaultTo(&b.Max, d.Max)
	return b
}

func defaultTo[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// recoveries are the values of TCPConfig.Recovery.
var recoveries = map[string]tcpip.TCPRecovery{
	"sack": 0,
	"rack": tcpip.TCPRACKLossDetection,
}

// setOptions applies the configuration of TCP to the engine.
func (h *Host) setOptions() error {
	c := h.cfg.TCP
	sack := tcpip.TCPSACKEnabled(true) // RFC 2018 §2
	recovery := recoveries[c.Recovery]
	moderate := tcpip.TCPModerateReceiveBufferOption(true)
	congestion := tcpip.CongestionControlOption(c.Congestion)
	timeWait := tcpip.TCPTimeWaitTimeoutOption(c.TimeWait)
	snd := tcpip.TCPSendBufferSizeRangeOption{Min: c.SendBuffer.Min, Default: c.SendBuffer.Default, Max: c.SendBuffer.Max}
	rcv := tcpip.TCPReceiveBufferSizeRangeOption{Min: c.ReceiveBuffer.Min, Default: c.ReceiveBuffer.Default, Max: c.ReceiveBuffer.Max}
	for _, o := range []tcpip.SettableTransportProtocolOption{&sack, &recovery, &moderate, &congestion, &timeWait, &snd, &rcv} {
		if e := h.ns.SetTransportProtocolOption(tcp.ProtocolNumber, o); e != nil {
			return fmt.Errorf("stack: TCP option %T: %s", o, e)
		}
	}
	return nil
}
