package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tapestry/internal/nstest"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// steady is a trace of length d with n octets in each bin, but for a silence.
func steady(d time.Duration, n int, from, to time.Duration) *trace {
	t := &trace{start: time.Unix(0, 0), length: d}
	for at := time.Duration(0); at < d; at += bin {
		if at < from || at >= to {
			t.add(t.start.Add(at), n)
		}
	}
	return t
}

func TestTrace(t *testing.T) {
	const second = time.Second
	tests := []struct {
		name              string
		trace             *trace
		goodput           float64 // Mbit/s
		silence, recovery time.Duration
	}{
		{"as if nothing was", steady(4*second, 1250, 0, 0), 1, 0, window},
		{"at once after a cut", steady(4*second, 1250, second, 2*second), 0.75, 0, window},
		{"half a second late", steady(4*second, 1250, second, 2*second+second/2), 0.625, second / 2, second/2 + window - 50*time.Millisecond},
		{"never", steady(4*second, 1250, second, 4*second), 0.25, 2 * second, 2 * second},
		{"nothing at all", steady(4*second, 0, 0, 0), 0, 2 * second, window},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.trace.goodput(); got < tt.goodput-1e-9 || got > tt.goodput+1e-9 {
				t.Errorf("goodput is %v, want %v", got, tt.goodput)
			}
			if got := tt.trace.silence(2 * second); got != tt.silence {
				t.Errorf("silence is %v, want %v", got, tt.silence)
			}
			if got := tt.trace.recovery(second, 2*second); got != tt.recovery {
				t.Errorf("recovery is %v, want %v", got, tt.recovery)
			}
		})
	}
}

// TestScenarios holds that every wire can be read and every cut ends within the transfer of every round.
func TestScenarios(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range scenarios {
		if seen[s.name] {
			t.Errorf("two scenarios are called %s", s.name)
		}
		seen[s.name] = true
		for round := range 3 {
			if _, err := s.config(round); err != nil {
				t.Error(err)
			}
			if end := s.cutStart(round) + s.cut + 2*time.Second; s.cut > 0 && end > s.length {
				t.Errorf("%s: %v are too short for a cut and its recovery in round %d", s.name, s.length, round+1)
			}
		}
	}
	if _, err := chosen("loss,nonesuch"); err == nil || !strings.Contains(err.Error(), "nonesuch") {
		t.Errorf("an unknown scenario gives %v", err)
	}
	got, err := chosen("cut,loss")
	if err != nil || len(got) != 2 || got[0].name != "loss" {
		t.Errorf("cut,loss chooses %v, %v", got, err)
	}
}

func TestRows(t *testing.T) {
	base, other := pairs()[0].name(), pairs()[1].name()
	var samples []sample
	for i, v := range []float64{3, 1, 2} {
		samples = append(samples, sample{Scenario: "loss", Pair: base, Round: i, Goodput: v},
			sample{Scenario: "loss", Pair: other, Round: i, Goodput: v / 2})
	}
	all := rows(samples)
	if len(all) != 4 {
		t.Fatalf("%d rows, want two measures of two pairs: %+v", len(all), all)
	}
	want := row{Scenario: "loss", Measure: "goodput", Unit: "Mbit/s", Pair: other, Median: 1, Least: 0.5, Most: 1.5, Ratio: 0.5}
	if all[1] != want {
		t.Errorf("got  %+v\nwant %+v", all[1], want)
	}
}

func TestProtocolCount(t *testing.T) {
	file := filepath.Join(t.TempDir(), "snmp")
	os.WriteFile(file, []byte("Ip: Forwarding RetransSegs\nIp: 1 99\nTcp: ActiveOpens RetransSegs\nTcp: 3 7\n"), 0o600)
	if n, err := protocolCount(file, "Tcp:", "RetransSegs"); err != nil || n != 7 {
		t.Errorf("RetransSegs: %d, %v, want 7", n, err)
	}
	for _, name := range []string{"Tcp:", "nonesuch", ""} {
		if _, err := protocolCount(file, "Tcp:", name); err == nil {
			t.Errorf("a counter %q was found", name)
		}
	}
}

// TestTransfer runs each pair over a wire that loses nothing, for a moment.
func TestTransfer(t *testing.T) {
	nstest.Require(t)
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		nstest.Skip(t, err.Error())
	}
	f.Close()
	for _, asks := range []bool{false, true} {
		s := scenario{name: "moment", wire: "rate=8mbit,delay=5ms", length: 700 * time.Millisecond, asks: asks}
		samples, err := s.sideBySide(0, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(samples) != len(pairs()) {
			t.Errorf("%d samples of %d pairs", len(samples), len(pairs()))
		}
		for _, x := range samples {
			if x.Goodput < 0.5 || x.Goodput > 9 {
				t.Errorf("%s, asks %v: %.2f Mbit/s over a wire of 8", x.Pair, asks, x.Goodput)
			}
			if asks && (x.Typical < 10*time.Millisecond || x.Slow < x.Typical) {
				t.Errorf("%s: requests take %v, the slow ones %v, over a round trip of 10 ms", x.Pair, x.Typical, x.Slow)
			}
		}
	}
}

func TestPercentile(t *testing.T) {
	took := []time.Duration{5, 1, 4, 2, 3}
	for _, tt := range []struct {
		took []time.Duration
		p    int
		want time.Duration
	}{{took, 0, 1}, {took, 50, 3}, {took, 99, 4}, {took, 100, 5}, {took[:1], 99, 5}, {nil, 50, 0}} {
		if got := percentile(tt.took, tt.p); got != tt.want {
			t.Errorf("percentile(%v, %d) = %v, want %v", tt.took, tt.p, got, tt.want)
		}
	}
}

func TestWrite(t *testing.T) {
	r := results{Commit: "abc", Rounds: 1, Samples: []sample{{Scenario: "loss", Pair: pairs()[0].name(), Goodput: 2}}}
	r.Rows = rows(r.Samples)
	var text, js bytes.Buffer
	if err := r.file(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"commit: abc", "2.00 (1.00)", "loss=1%", "BenchmarkWire/scenario=loss/pair=kernel>kernel", "\t2.000 Mbit/s"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in:\n%s", want, text.String())
		}
	}
	if err := r.json(&js); err != nil || !json.Valid(js.Bytes()) {
		t.Errorf("JSON: %v: %s", err, js.Bytes())
	}
}

func TestFlags(t *testing.T) {
	f := flag.NewFlagSet("wire", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	if o := parse(f, []string{"-rounds", "5", "-scenarios", "cut"}); o.rounds != 5 || o.scenarios != "cut" {
		t.Errorf("flags give %+v", o)
	}
	for _, o := range []options{{rounds: 0, scenarios: "loss"}, {rounds: 1, scenarios: ""}} {
		if _, err := measure(o); err == nil {
			t.Errorf("%+v is measured", o)
		}
	}
}
