//go:build linux

package bench

// ipxScenarios measure IPX and SPX. The kernel speaks neither, so that there is no limit of its own: datagrams are held
// against those of UDP that the same generator sends the same host in the same way, streams against what they are to
// reach.
var ipxScenarios = []scenario{
	{
		name: "ipx_rr", title: "IPX request and response, inline", unit: trips, client: roundTrips, service: "ipx-inline",
		paths: framePaths, limit: "tap_udp", inline: true, aims: []aim{{path: "tap_ipx", to: "tap_udp", atLeast: 1}},
		doc: "one octet there and back in frames that the near end makes itself, one at a time; on tap_udp the same with UDP",
	},
	{
		name: "ipx_64_echo", title: "IPX echo of 64 octets", unit: packets, client: windowEcho, service: "ipx-inline", size: 64,
		paths: framePaths, limit: "tap_udp", inline: true, aims: []aim{{path: "tap_ipx", to: "tap_udp", atLeast: 1}},
		doc: "64 datagrams in flight, answers counted; on tap_udp the same with UDP",
	},
	{
		name: "ipx_1400_echo", title: "IPX echo of 1400 octets", unit: packets, client: windowEcho, service: "ipx-inline", size: 1400,
		paths: framePaths, limit: "tap_udp", inline: true,
		doc: "as ipx_64_echo with 1400 octets",
	},
	{
		name: "ipx_64_in", title: "IPX of 64 octets to a socket of the host", unit: packets, client: blast, service: "ipx-sink", size: 64,
		paths: framePaths, limit: "tap_udp", isFar: true,
		doc: "sent as fast as the near end can; what a socket of the host has read counts; on tap_udp the same with UDP (ReadBatch)",
	},
	{
		name: "spx_bulk", title: "SPX bulk, host to host", unit: gbits, quick: true, client: bulkTo, service: "spx-sink",
		paths: streamPaths, aims: []aim{{path: "pipe_ipx", atLeast: 1}, {path: "tap_spx", atLeast: 0.5}},
		doc: "one connection of SPX II, written in blocks of 128 KiB, in packets of 1500 octets; what was read counts, until its last octet",
	},
	{
		name: "spx_rr", title: "SPX request and response, host to host", unit: trips, client: roundTrips, service: "spx-echo",
		paths: streamPaths,
		doc:   "one octet there and back on one connection, one at a time",
	},
}

var (
	framePaths  = []string{"tap_ipx", "tap_udp"}
	streamPaths = []string{"tap_spx", "pipe_ipx"}
)
