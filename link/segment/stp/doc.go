// Package stp is the spanning tree protocol of IEEE 802.1D-1998 §8 and §9: bridges that are joined in loops agree on
// which of their ports forward, so that there is one way between any two stations, and on another one when a link fails.
//
// It is plain code. A [Bridge] is told what happens, with the time; it says what to send, which state a port is in and
// whether addresses are to age fast through the functions of its [Config], and by [Bridge.Next] when it wants to be
// called again. It has no lock: its owner calls it from one goroutine at a time, and a function of Config must
// not call back.
//
// # Theory of operation
//
// Each bridge believes to be the root until it hears of a bridge with a lower identifier. The root sends configuration
// BPDUs every hello time; a bridge that receives them at its root port, the one with the cheapest path to the root,
// sends its own at the ports where it offers the best path: those are designated. A port that is neither is blocked.
// What a port heard last is kept for max age less the age of the message.
//
//	           link up            root or designated     forward delay      forward delay
//	disabled ──────────► blocking ──────────────────► listening ───────► learning ───────► forwarding
//	    ▲                  ▲                              │                  │                  │
//	    └─ link down ──    └──────────── neither ─────────┴──────────────────┴──────────────────┘
//
// An edge port has a station behind it and forwards from the start; the first BPDU that it hears makes it an ordinary
// port, blocked at first, until its link was down (as the automatic edge of IEEE 802.1D-2004 §17.25).
//
// Timers of the bridge: hello (the root sends), TCN (a topology change is reported again until the bridge towards the
// root acknowledges it), topology change (the root tells everybody for max age and forward delay together, and addresses
// age within a forward delay meanwhile). Of a port: message age (what it heard is old: the bridge behind it is gone),
// forward delay, hold (no two configuration BPDUs within a second).
//
// # Limits
//
// Classic spanning tree alone: convergence takes two forward delays, up to 50 s with max age. A rapid bridge
// (IEEE 802.1D-2004 §17) falls back to it when it hears our BPDUs (§17.4); its own, of type 2, are refused with [ErrType].
// One tree for all VLANs. Deviates: times that a root announces outside the ranges that it may be
// configured with are taken as the nearest value inside, so that no frame can make ports forward at once or never.
package stp
