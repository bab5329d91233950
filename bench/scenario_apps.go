//go:build linux

package bench

// appScenarios talk to servers.
var appScenarios = []scenario{
	{
		name: "http_small", title: "HTTP, files of 128 octets", unit: requests, client: httpGet("small.txt"), service: "http", streams: 16,
		limit: "veth_go",
		doc:   "16 connections that are kept, a request at a time on each; apps/http on hosts of ours, net/http's file server elsewhere",
	},
	{
		name: "http_1m", title: "HTTP, files of 1 MiB", unit: requests, client: httpGet("large.bin"), service: "http", streams: 4,
		isFrom: true, limit: "veth_go",
		doc: "as http_small, on 4 connections; the kernel's server sends with sendfile",
	},
	{
		name: "dns", title: "DNS, answers from memory", unit: unit{name: "queries/s", scale: 1, per: "million queries", perN: 1e6, alloc: 1},
		client: dnsQueries, service: "dns", limit: "veth_go", inline: true,
		doc: "64 questions for one address in flight; apps/dns on hosts of ours, where frames are received, miekg/dns elsewhere",
	},
	{
		name: "icmp_rr", title: "ICMP echo", unit: trips, client: echoTrips, service: "icmp",
		doc: "an echo request of 64 octets from a raw socket and its reply, one at a time",
	},
}
