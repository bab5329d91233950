package report

import "time"

// sample is a report with a row of each kind. The figures are made up.
func sample() *Report {
	allocs := func(v float64) *float64 { return &v }
	place := "free, 2 cores, GOMAXPROCS 2"
	us := func(p50, p90, p99, p999, max int) *Latency {
		d := func(n int) time.Duration { return time.Duration(n) * time.Microsecond }
		return &Latency{d(p50), d(p90), d(p99), d(p999), d(max)}
	}
	return &Report{
		Started: time.Date(2026, 5, 17, 9, 30, 0, 0, time.UTC), Commit: "abc1234", Rounds: 3, Duration: 2 * time.Second,
		Machine: map[string]string{"cpu": "Example CPU 3000", "cores": "2", "kernel": "6.12.0", "go": "go1.26.8", "load": "0.10 0.20 0.30 1/200 4711"},
		Rows: []Row{
			{
				Scenario: "tcp_to", Title: "TCP bulk, kernel to host, 1 stream", Path: "veth", Place: place, Unit: "Gbit/s",
				Value: []float64{41.2, 42.7, 41.9}, Limit: &Ratio{"veth", 1}, Engine: &Ratio{"gvisor", 24.2},
				CPU: &CPU{0.12, 0.1, "GiB"}, Proof: []Counter{{"octets_per_frame", "43210"}},
			},
			{
				Scenario: "tcp_to", Title: "TCP bulk, kernel to host, 1 stream", Path: "tap", Place: place, Unit: "Gbit/s",
				Value: []float64{28.4, 27.1, 29.9}, Limit: &Ratio{"veth", 0.678}, Engine: &Ratio{"gvisor", 16.4},
				Aims:   []Aim{{Ratio{"veth", 0.678}, 0.65, 0}, {Ratio{"gvisor", 16.4}, 8, 0}, {Ratio{"gvisor_best", 1.4}, 1.25, 0}},
				CPU:    &CPU{0.2, 0.31, "GiB"},
				Allocs: allocs(0.4), Proof: []Counter{{"gso_frames", "12345"}, {"octets_per_frame", "62345"}, {"retransmissions", "0"}},
			},
			{
				Scenario: "tcp_to", Title: "TCP bulk, kernel to host, 1 stream", Path: "gvisor", Place: place, Unit: "Gbit/s",
				Value: []float64{1.73, 1.5, 1.8}, Limit: &Ratio{"veth", 0.041}, Engine: &Ratio{"gvisor", 1},
				CPU: &CPU{1.2, 3.31, "GiB"}, Proof: []Counter{{"octets_per_frame", "1514"}},
			},
			{
				Scenario: "tcp_to", Title: "TCP bulk, kernel to host, 1 stream", Path: "gvisor_best", Place: place, Unit: "Gbit/s",
				Value: []float64{20.3, 20.9, 19.1}, Limit: &Ratio{"veth", 0.484}, Engine: &Ratio{"gvisor", 11.7},
				CPU: &CPU{0.3, 0.5, "GiB"}, Proof: []Counter{{"octets_per_frame", "51514"}},
			},
			{
				Scenario: "tcp_rr", Title: "TCP request and response, 1 octet", Path: "veth", Place: place, Unit: "trips/s",
				Value: []float64{79312, 81200, 76100}, Limit: &Ratio{"veth", 1}, Engine: &Ratio{"gvisor", 3.3},
				CPU: &CPU{6.1, 6.3, "million trips"}, Latency: us(12, 14, 25, 80, 1900),
			},
			{
				Scenario: "tcp_rr", Title: "TCP request and response, 1 octet", Path: "tap", Place: place, Unit: "trips/s",
				Value: []float64{36020, 35100, 36800}, Limit: &Ratio{"veth", 0.454}, Engine: &Ratio{"gvisor", 1.5},
				Aims: []Aim{{Ratio{"veth", 0.454}, 0.5, 0}, {Ratio{"gvisor", 1.5}, 1.8, 0}},
				CPU:  &CPU{9.9, 14.2, "million trips"}, Allocs: allocs(0), Latency: us(26, 33, 71, 320, 4100),
				Proof: []Counter{{"queue_hits", "0:71234"}},
			},
			{
				Scenario: "tcp_rr", Title: "TCP request and response, 1 octet", Path: "gvisor", Place: place, Unit: "trips/s",
				Value: []float64{24034, 23100, 24800}, Limit: &Ratio{"veth", 0.303}, Engine: &Ratio{"gvisor", 1},
				CPU: &CPU{11, 22, "million trips"}, Latency: us(39, 49, 120, 640, 8400),
			},
			{
				Scenario: "udp_64_echo", Title: "UDP echo, 64 octets", Path: "raw_tap", Place: place, Unit: "packets/s",
				Value: []float64{312000, 310000, 315000},
			},
			{
				Scenario: "udp_64_echo", Title: "UDP echo, 64 octets", Path: "tap", Place: place, Unit: "packets/s",
				Value: []float64{252000, 251000, 259000}, Aims: []Aim{{Ratio{"raw_tap", 0.808}, 0.75, 0}}, Allocs: allocs(0),
				Proof: []Counter{{"inline_hits", "504000"}},
			},
			{
				Scenario: "idle", Title: "idle TCP connections, memory of one", Path: "tap", Place: place, Unit: "KiB", Less: true,
				Value: []float64{9.1, 9.2, 9.1}, Aims: []Aim{{Ratio{"", 9.1}, 0, 8}},
				Proof: []Counter{{"connections", "10000"}, {"goroutines_per_connection", "0.00"}},
			},
		},
		Skipped: []Skip{{"pasta", "not installed (apt install passt)"}, {"xdp/udp_64_echo", "the kernel refuses AF_XDP\noperation not permitted"}},
	}
}
