package main

import (
	"testing"
)

// few is how many hosts a test has.
const few = 12

func TestChoose(t *testing.T) {
	tests := []struct {
		name                   string
		hosts, pairs           int
		want, sources, targets int
	}{
		{"nobody", 0, 10, 0, 0, 0},
		{"alone", 1, 10, 0, 0, 0},
		{"two", 2, 10, 10, 2, 2},
		{"fewer pairs than hosts", 10, 3, 3, 3, 3},
		{"one round", 10, 10, 10, 10, 10},
		{"rounds", 10, 25, 25, 10, 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sources, targets := map[int]bool{}, map[int]bool{}
			pairs := choose(tt.hosts, tt.pairs, 1)
			for _, p := range pairs {
				if p.from == p.to {
					t.Errorf("host %d asks itself", p.from)
				}
				sources[p.from], targets[p.to] = true, true
			}
			if len(pairs) != tt.want || len(sources) != tt.sources || len(targets) != tt.targets {
				t.Errorf("got %d pairs, %d sources, %d targets, want %d, %d, %d",
					len(pairs), len(sources), len(targets), tt.want, tt.sources, tt.targets)
			}
		})
	}
}

func TestAddress(t *testing.T) {
	tests := []struct {
		name   string
		number int
		want   string
	}{
		{"first", 0, "198.18.0.1"},
		{"carry", 255, "198.18.1.0"},
		{"thousandth", 999, "198.18.3.232"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := address(tt.number).String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestPopulation: each host reaches each, and nothing is left when the lab is closed.
func TestPopulation(t *testing.T) {
	l, err := newLab(false)
	if err != nil {
		t.Fatal(err)
	}
	for range few {
		if err := l.add(); err != nil {
			t.Fatal(err)
		}
	}
	c := l.check(few*(few-1), 1)
	if c.Failed > 0 || c.Sources != few || c.Targets != few {
		t.Errorf("got %+v, want no failure and all of %d hosts", c, few)
	}
	if err := l.close(); err != nil {
		t.Error(err)
	}
}

func TestJudge(t *testing.T) {
	well := population{Add: adding{Mean: 900, Median: 400, Own: 300}, Quiet: memory{RSS: 100}}
	tests := []struct {
		name   string
		change func(*population)
		isGood bool
	}{
		{"good", func(*population) {}, true},
		{"a failed echo", func(r *population) { r.Check.Failed = 1 }, false},
		{"memory", func(r *population) { r.Quiet.RSS = 151 }, false},
		{"time", func(r *population) { r.Add.Median = 501 }, false},
		{"processor's time", func(r *population) { r.Add.Own = 501 }, false},
		{"goroutines", func(r *population) { r.Left = 1 }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := well
			tt.change(&r)
			r.judge(limits{mb: 150, perAdd: 500_000})
			if (r.Verdict == good) != tt.isGood {
				t.Errorf("verdict %q, want good: %v", r.Verdict, tt.isGood)
			}
		})
	}
}

// BenchmarkAdd adds a host with its echo server to a switch that has few others.
func BenchmarkAdd(b *testing.B) {
	var l *lab
	renew := func() {
		b.StopTimer()
		defer b.StartTimer()
		if l != nil {
			l.close()
		}
		var err error
		if l, err = newLab(false); err != nil {
			b.Fatal(err)
		}
	}
	renew()
	defer func() { l.close() }()
	b.ReportAllocs()
	for b.Loop() {
		if len(l.stations) == 32 {
			renew()
		}
		if err := l.add(); err != nil {
			b.Fatal(err)
		}
	}
}
