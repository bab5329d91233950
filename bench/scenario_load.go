//go:build linux

package bench

// loadScenarios are transfers of other kinds and under other conditions.
var loadScenarios = []scenario{
	{
		name: "latency_load", title: "TCP request and response beside a stream", unit: trips, client: tripsUnderLoad, service: "echo",
		doc: "as tcp_rr, while another connection writes as fast as it can; read the percentiles",
	},
	{
		name: "lossy", title: "TCP bulk, host to kernel, 1 % loss, 20 ms", unit: mbits, client: bulkFrom, service: "source-lossy",
		isFrom: true, paths: []string{"tap_lossy", "kernel_lossy"}, limit: "kernel_lossy",
		doc: "as tcp_from over link/impair (" + lossyWire + " each way), both senders with " + lossyCongestion,
	},
	{
		name: "udp_bulk_to", title: "UDP bulk, kernel to host", unit: gbits, client: blastBlocks, service: "uso-sink", isFar: true,
		limit: "raw_uso", aims: []aim{{path: "tap", to: "tap_plain", atLeast: 5}},
		doc: "blocks of 44 datagrams of 1400 octets by UDP_SEGMENT; a host of ours reads batches of them, stock gVisor datagrams",
	},
	{
		name: "udp_bulk_from", title: "UDP bulk, host to kernel", unit: gbits, client: collectBlocks, service: "uso-source", isFrom: true,
		limit: "raw_uso", aims: []aim{{path: "tap", to: "tap_plain", atLeast: 5}},
		doc: "a host of ours writes batches of such blocks, stock gVisor datagrams; the kernel reads with UDP_GRO",
	},
	{
		name: "tcp_to_writeto", title: "TCP bulk, kernel to host, WriteTo", unit: gbits, client: bulkTo, service: "sink-writeto",
		doc: "as tcp_to; the host's application takes the octets by io.WriterTo, without a copy where the stack can",
	},
	{
		name: "tcp_from_readfrom", title: "TCP bulk, host to kernel, ReadFrom", unit: gbits, client: bulkFrom, service: "source-readfrom",
		isFrom: true,
		doc:    "as tcp_from; the host's application gives the octets by io.ReaderFrom",
	},
}

// mbits are for lines that are slow.
var mbits = unit{name: "Mbit/s", scale: 8e-6, per: "GiB", perN: 1 << 30, alloc: 1 << 20}
