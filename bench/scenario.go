//go:build linux

package bench

import (
	"slices"
	"strings"
	"time"

	"tapestry/bench/report"
)

// To add a scenario: write its client (near_*.go), or take one; write the service that it talks to (service_*.go), or
// take one; add a line to the table below. It is measured on every path whose far end has the service. A scenario that
// changes what a path's octets look like says so in its proof.

// scenario is one thing to measure.
type scenario struct {
	name  string
	title string // in a few words
	doc   string // for the list: what is sent, what is counted
	unit  unit
	quick bool // measured in a quick run, too

	client  client
	service string   // at the far end: one of services
	streams int      // at a time; default 1
	size    int      // octets of a datagram
	paths   []string // the only ones; default: all whose far end has the service

	isFrom bool          // the data comes from the far end
	isFar  bool          // what arrived is counted at the far end
	rawIs  bool          // the limit of a device is the raw loop on it, else the kernel over veth
	limit  string        // the path to compare with instead of these
	longer time.Duration // that a measurement may take beyond its duration
	inline bool          // shows datagrams that were answered where they were received
	aims   []aim
}

// unit is what a scenario counts.
type unit struct {
	name  string
	less  bool    // smaller values are better
	scale float64 // the unit's value of a count of one a second
	per   string  // what processor time is told for
	perN  float64 // and how many counts that is
	alloc float64 // counts that allocations are told for: a MiB, a trip, a packet
	bulk  bool    // counts are octets
}

var (
	gbits     = unit{name: "Gbit/s", scale: 8e-9, per: "GiB", perN: 1 << 30, alloc: 1 << 20, bulk: true}
	requests  = unit{name: "requests/s", scale: 1, per: "million requests", perN: 1e6, alloc: 1}
	kibibytes = unit{name: "KiB", less: true, scale: 1, per: "thousand connections", perN: 1e3, alloc: 1}
	trips     = unit{name: "trips/s", scale: 1, per: "million trips", perN: 1e6, alloc: 1}
	packets   = unit{name: "packets/s", scale: 1, per: "million packets", perN: 1e6, alloc: 1}
)

// value is what a result is in this unit.
func (u unit) value(r result) float64 {
	if r.Value != 0 {
		return r.Value
	}
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Count) * u.scale / r.Elapsed.Seconds()
}

// counts names what is counted.
func (u unit) counts() string {
	if u.bulk {
		return "octets"
	}
	name, _, _ := strings.Cut(u.name, "/")
	return name
}

// aim is what a path is to reach in a scenario: a multiple of another path's value, or a value that is to be reached
// or not to be passed.
type aim struct {
	path, to string
	atLeast  float64 // of the other path's value; in the scenario's unit where there is no other
	atMost   float64 // in the scenario's unit
}

// client is a near end's part of a scenario.
type client func(c *call) (result, error)

// call is one run of a client.
type call struct {
	net      dialer
	network  string
	to       string // address and port
	duration time.Duration
	streams  int
	size     int
}

// result is what one run of a client gave.
type result struct {
	Count   uint64        `json:"count"` // octets, round trips or datagrams
	Elapsed time.Duration `json:"elapsed"`
	Lost    uint64        `json:"lost,omitempty"` // datagrams without an answer
	CPU     time.Duration `json:"cpu"`            // of the near end's process meanwhile
	Times   *sparse       `json:"times,omitempty"`

	Value float64          `json:"value,omitempty"` // in the scenario's unit, where that is no rate
	Proof []report.Counter `json:"proof,omitempty"` // what the client has to show
}

var (
	bulkAims = []aim{
		{path: "tap", to: "veth", atLeast: 0.65}, {path: "tap", to: "gvisor", atLeast: 8}, {path: "tap", to: "gvisor_best", atLeast: 1.25}, {path: "tap", to: "pasta", atLeast: 1}, {path: "tap", to: "slirp4netns", atLeast: 1},
		{path: "tap_ipx", to: "tap", atLeast: idleIPX},
	}
	tripAims = []aim{
		{path: "tap", to: "veth", atLeast: 0.50}, {path: "tap", to: "gvisor", atLeast: 1.8}, {path: "tap", to: "gvisor_best", atLeast: 1.8},
		{path: "tap_ipx", to: "tap", atLeast: idleIPX},
	}
)

// idleIPX is what IP keeps beside IPX that does nothing: all, as far as can be measured.
const idleIPX = 0.95

// scenarios are all there is to measure. "to" and "from" are as the measured host sees it: to it, from it.
var scenarios = slices.Concat(streamScenarios, appScenarios, idleScenarios, loadScenarios, ipxScenarios)

var streamScenarios = []scenario{
	{
		name: "tcp_to", title: "TCP bulk, kernel to host", unit: gbits, quick: true, client: bulkTo, service: "sink", aims: bulkAims,
		doc: "one connection, written in blocks of 128 KiB; what the host has read counts, until its last octet",
	},
	{
		name: "tcp_from", title: "TCP bulk, host to kernel", unit: gbits, quick: true, client: bulkFrom, service: "source", isFrom: true, aims: bulkAims,
		doc: "one connection, read in blocks of 128 KiB",
	},
	{
		name: "tcp_to_8", title: "TCP bulk, kernel to host, 8 streams", unit: gbits, client: bulkTo, service: "sink", streams: 8,
		doc: "as tcp_to, on 8 connections",
	},
	{
		name: "tcp_from_8", title: "TCP bulk, host to kernel, 8 streams", unit: gbits, client: bulkFrom, service: "source", streams: 8, isFrom: true,
		doc: "as tcp_from, on 8 connections",
	},
	{
		name: "tcp_to_64", title: "TCP bulk, kernel to host, 64 streams", unit: gbits, client: bulkTo, service: "sink", streams: 64,
		doc: "as tcp_to, on 64 connections",
	},
	{
		name: "tcp_from_64", title: "TCP bulk, host to kernel, 64 streams", unit: gbits, client: bulkFrom, service: "source", streams: 64, isFrom: true,
		doc: "as tcp_from, on 64 connections",
	},
	{
		name: "tcp_rr", title: "TCP request and response", unit: trips, quick: true, client: roundTrips, service: "echo", aims: tripAims,
		doc: "one octet there and back on one connection, one at a time",
	},
	{
		name: "tcp_crr", title: "TCP connect, request, response", unit: trips, quick: true, client: connectTrips, service: "crr",
		aims: []aim{{path: "tap", to: "gvisor", atLeast: 1.5}, {path: "tap", to: "gvisor_best", atLeast: 1.5}, {path: "tap", to: "veth", atLeast: 0.70}},
		doc:  "a connection for each octet there and back, closed by the client, one at a time",
	},
	{
		name: "udp_rr", title: "UDP request and response, sockets", unit: trips, client: roundTrips, service: "udp-echo",
		doc: "one octet there and back, one at a time; the host answers from a goroutine that reads a socket",
	},
	{
		name: "udp_inline_rr", title: "UDP request and response, inline", unit: trips, quick: true, client: roundTrips, service: "udp-inline",
		rawIs: true, inline: true, aims: []aim{{path: "tap", to: "raw_tap", atLeast: 0.75}, {path: "xdp", to: "raw_xdp", atLeast: 0.75}, {path: "tap_ipx", to: "tap", atLeast: idleIPX}},
		doc: "as udp_rr; the host answers on the goroutine that received the frame, others as in udp_rr",
	},
	{
		name: "udp_64_echo", title: "UDP echo of 64 octets", unit: packets, quick: true, client: windowEcho, service: "udp-inline", size: 64,
		rawIs: true, inline: true, aims: []aim{{path: "tap", to: "raw_tap", atLeast: 0.75}, {path: "xdp", to: "raw_xdp", atLeast: 0.75}},
		doc: "64 datagrams in flight, answers counted; the host answers as in udp_inline_rr",
	},
	{
		name: "udp_1400_echo", title: "UDP echo of 1400 octets", unit: packets, client: windowEcho, service: "udp-inline", size: 1400,
		rawIs: true, inline: true,
		doc: "as udp_64_echo with 1400 octets",
	},
	{
		name: "udp_64_in", title: "UDP of 64 octets, kernel to host", unit: packets, client: blast, service: "udp-sink", size: 64, isFar: true,
		doc: "sent as fast as the kernel can; what a socket of the host has read counts (ReadBatch on ours, a datagram a call on stock gVisor)",
	},
	{
		name: "udp_64_out", title: "UDP of 64 octets, host to kernel", unit: packets, client: collect, service: "udp-source", size: 64, isFrom: true,
		doc: "sent as fast as a socket of the host can (WriteBatch on ours, UDP_SEGMENT on the kernel, a datagram a call on stock gVisor); what a socket of the kernel has read counts",
	},
	{
		name: "udp_1400_in", title: "UDP of 1400 octets, kernel to host", unit: packets, client: blast, service: "udp-sink", size: 1400, isFar: true,
		doc: "as udp_64_in with 1400 octets",
	},
	{
		name: "udp_1400_out", title: "UDP of 1400 octets, host to kernel", unit: packets, client: collect, service: "udp-source", size: 1400, isFrom: true,
		doc: "as udp_64_out with 1400 octets",
	},
	{
		name: "pipe_bulk", title: "TCP bulk, two hosts in one process", unit: gbits, quick: true, client: bulkTo, service: "sink",
		paths: []string{"veth", "pipe", "pipe_ipx"}, aims: []aim{{path: "pipe", to: "veth", atLeast: 0.85}, {path: "pipe_ipx", to: "pipe", atLeast: idleIPX}},
		doc: "as tcp_to, between two hosts on a cable in memory; on veth it is tcp_to",
	},
}
