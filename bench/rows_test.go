//go:build linux

package bench

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"tapestry/bench/report"
	"tapestry/link"
)

func TestRatio(t *testing.T) {
	medians := map[string]float64{"tap": 20, "veth": 40, "nothing": 0}
	more, less := &scenario{}, &scenario{unit: unit{less: true}}
	for _, tt := range []struct {
		name  string
		s     *scenario
		other string
		want  *report.Ratio
	}{
		{"more is better", more, "veth", &report.Ratio{Path: "veth", Value: 0.5}},
		{"less is better", less, "veth", &report.Ratio{Path: "veth", Value: 2}},
		{"itself", more, "tap", nil},
		{"none", more, "", nil},
		{"not measured", more, "xdp", nil},
		{"measured as nothing", more, "nothing", nil},
	} {
		if got := tt.s.ratio(medians, "tap", tt.other); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// samplesOf makes a measurement of a path that counted these frames and super-frames.
func samplesOf(s *scenario, p *path, count, gso uint64, queues ...uint64) []sample {
	after := &state{Procs: 2, CPU: time.Second, Mallocs: 100, Device: &link.Stats{RxGSO: gso}, Host: map[string]uint64{"tcpRetransSegs": 3}}
	before := &state{Procs: 1, Device: &link.Stats{}, Host: map[string]uint64{"tcpRetransSegs": 1}}
	for _, n := range queues {
		after.Queues = append(after.Queues, link.Stats{RxFrames: n})
		before.Queues = append(before.Queues, link.Stats{})
	}
	r := &result{Count: count, Elapsed: time.Second, CPU: 2 * time.Second}
	near := [2]*state{{}, {To: traffic{Frames: 10, Octets: 15140}, Retrans: 4}}
	return []sample{{scenario: s, path: p, value: s.unit.value(*r), result: r, far: [2]*state{before, after}, near: near}}
}

// packetsOf has the far end receive packets of IPX.
func packetsOf(of []sample, n uint64) []sample {
	of[0].far[1].Host[ipxIn] = n
	return of
}

func TestProve(t *testing.T) {
	bulk := &scenario{name: "bulk", unit: gbits, service: "sink"}
	eight := &scenario{name: "eight", unit: gbits, service: "sink", streams: 8}
	inline := &scenario{name: "inline", unit: trips, service: "udp-inline", inline: true}
	stream, trip := &scenario{name: "stream", unit: gbits, service: "spx-sink"}, &scenario{name: "trip", unit: trips, service: "ipx-inline"}
	fast, plain := &path{name: "fast", offload: true}, &path{name: "plain"}
	ipx, udp := &path{name: "ipx", offload: true, frames: overIPX}, &path{name: "udp", frames: overUDP}
	for _, tt := range []struct {
		name string
		s    *scenario
		p    *path
		of   []sample
		want string
	}{
		{"super-frames", bulk, fast, samplesOf(bulk, fast, 1, 1), ""},
		{"no super-frames", bulk, fast, samplesOf(bulk, fast, 1, 0), "without one super-frame"},
		{"none promised", bulk, plain, samplesOf(bulk, plain, 1, 0), ""},
		{"nothing moved", bulk, plain, samplesOf(bulk, plain, 0, 0), "nothing arrived"},
		{"both queues", eight, plain, samplesOf(eight, plain, 1, 0, 5, 6), ""},
		{"one queue of two", eight, plain, samplesOf(eight, plain, 1, 0, 11, 0), "1 of 2 queues"},
		{"one stream on one queue", bulk, plain, samplesOf(bulk, plain, 1, 0, 11, 0), ""},
		{"not inline", inline, plain, samplesOf(inline, plain, 10, 0), "0 answered where"},
		{"packets of IPX", stream, ipx, packetsOf(samplesOf(stream, ipx, 1e6, 0), 700), ""},
		{"another way", stream, ipx, packetsOf(samplesOf(stream, ipx, 1e6, 0), 2), "octets in 2 packets"},
		{"UDP in place of IPX", trip, udp, samplesOf(trip, udp, 10, 0), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := sumUp(tt.of).prove(tt.s, tt.p)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if err != nil && !IsNotProven(report.Skip{Why: err.Error()}) {
				t.Errorf("%v does not say that it is not proven", err)
			}
		})
	}
}

func TestInlineHits(t *testing.T) {
	for _, tt := range []struct {
		name string
		host map[string]uint64
		want uint64
	}{
		{"behind the engine", map[string]uint64{"inline.hits": 5, "inline.replies": 5}, 5},
		{"of IPX", map[string]uint64{"ipx.inline.hits": 5}, 5},
		{"nothing", map[string]uint64{"ipInReceives": 5}, 0},
	} {
		if got := (&sum{host: tt.host}).inlineHits(); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

// TestAimsOf: an aim is a multiple of another path, or a value.
func TestAimsOf(t *testing.T) {
	s := &scenario{name: "s", aims: []aim{
		{path: "tap", to: "veth", atLeast: 0.5}, {path: "tap", atLeast: 2}, {path: "tap", atMost: 8}, {path: "pipe", atLeast: 1},
		{path: "tap", to: "absent", atLeast: 1},
	}}
	medians := map[string]float64{"tap": 4, "veth": 10}
	want := []report.Aim{
		{Ratio: report.Ratio{Path: "veth", Value: 0.4}, AtLeast: 0.5}, {Ratio: report.Ratio{Value: 4}, AtLeast: 2},
		{Ratio: report.Ratio{Value: 4}, AtMost: 8},
	}
	if got := aimsOf(s, &path{name: "tap"}, medians); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestRow: ratios, costs and proofs of a row that was measured by hand.
func TestRow(t *testing.T) {
	s := &scenario{name: "tcp_to", title: "bulk", unit: gbits, service: "sink", aims: []aim{{path: "fast", to: "veth", atLeast: 0.65}}}
	p := &path{name: "fast", offload: true, engine: "gvisor"}
	l := &lab{plan: plan{place: placement{name: "free"}}}
	of := samplesOf(s, p, 1<<30, 7)
	row, err := l.row(s, p, of, map[string]float64{"fast": 20, "veth": 40, "gvisor": 2})
	if err != nil {
		t.Fatal(err)
	}
	allocs := 100.0 / 1024
	want := report.Row{
		Scenario: "tcp_to", Title: "bulk", Path: "fast", Place: "free, 0 cores, GOMAXPROCS 1-2", Unit: "Gbit/s", Value: values(of),
		Limit: &report.Ratio{Path: "veth", Value: 0.5}, Engine: &report.Ratio{Path: "gvisor", Value: 10},
		Aims: []report.Aim{{Ratio: report.Ratio{Path: "veth", Value: 0.5}, AtLeast: 0.65}},
		CPU:  &report.CPU{Near: 2, Far: 1, Per: "GiB"}, Allocs: &allocs,
		Proof: []report.Counter{
			{Name: "octets_per_frame", Value: "1514"}, {Name: "gso_frames", Value: "7"},
			{Name: "retransmissions", Value: "4"}, {Name: "retransmissions_host", Value: "2"},
		},
	}
	if !reflect.DeepEqual(row, want) {
		t.Errorf("got  %+v\nwant %+v", row, want)
	}
}
