package main

import "time"

// bin is the resolution of a trace.
const bin = 10 * time.Millisecond

// trace is how many octets a receiver read when.
type trace struct {
	start  time.Time
	length time.Duration
	bins   []uint64
}

// add counts n octets at now.
func (t *trace) add(now time.Time, n int) {
	i := int(now.Sub(t.start) / bin)
	for len(t.bins) <= i {
		t.bins = append(t.bins, 0)
	}
	t.bins[i] += uint64(n)
}

// octets is what was read from one time to another, counted from the start.
func (t *trace) octets(from, to time.Duration) (sum uint64) {
	for i := max(int(from/bin), 0); i < min(int(to/bin), len(t.bins)); i++ {
		sum += t.bins[i]
	}
	return sum
}

// rate is in Mbit/s.
func (t *trace) rate(from, to time.Duration) float64 {
	return float64(t.octets(from, to)) * 8 / (to - from).Seconds() / 1e6
}

// goodput is the rate over all.
func (t *trace) goodput() float64 { return t.rate(0, t.length) }

// rates are those of each window.
func (t *trace) rates() (r []float64) {
	for at := time.Duration(0); at+window <= t.length; at += window {
		r = append(r, t.rate(at, at+window))
	}
	return r
}

// silence is the time from a moment to the first octet; what is left of the trace if there is none.
func (t *trace) silence(from time.Duration) time.Duration {
	for at := from; at < t.length; at += bin {
		if t.octets(at, at+bin) > 0 {
			return at - from
		}
	}
	return t.length - from
}

// window is the length of a rate, and share what a pair needs of its former rate: the two define recovery.
const (
	window = 250 * time.Millisecond
	share  = 0.8
)

// recovery is the time from the end of a cut to the end of the first window that has its share of what the second
// before the cut had; what is left of the trace if there is none.
func (t *trace) recovery(cut, healed time.Duration) time.Duration {
	want := share * t.rate(cut-time.Second, cut)
	for at := healed; at+window <= t.length; at += bin {
		if t.rate(at, at+window) >= want {
			return at + window - healed
		}
	}
	return t.length - healed
}
