package bench

import (
	"math/bits"
	"time"

	"tapestry/bench/report"
)

// subBuckets divide each doubling of time, so that a bucket is about 3 % wide.
const (
	subBits    = 5
	subBuckets = 1 << subBits
	buckets    = (40 - subBits) * subBuckets // up to 2^39 ns: nine minutes
)

// histogram counts durations.
type histogram struct {
	counts [buckets]uint64
	max    time.Duration
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucketOf(d)]++
	h.max = max(h.max, d)
}

// bucketOf is exact below subBuckets nanoseconds; above, an octave after the other has half as many buckets as its
// first duration would need.
func bucketOf(d time.Duration) int {
	v := uint64(max(d, 0))
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return min(shift<<subBits+int(v>>shift), buckets-1)
}

// middle is the duration in the middle of a bucket.
func middle(bucket int) time.Duration {
	if bucket < subBuckets {
		return time.Duration(bucket)
	}
	shift := bucket>>subBits - 1
	low := uint64(bucket-shift<<subBits) << shift
	return time.Duration(low + (1<<shift)/2)
}

// sparse is the form in which an end sends its histogram: pairs of bucket and count.
type sparse struct {
	Counts [][2]uint64   `json:"counts,omitempty"`
	Max    time.Duration `json:"max,omitempty"`
}

func (h *histogram) sparse() *sparse {
	s := &sparse{Max: h.max}
	for i, n := range h.counts {
		if n > 0 {
			s.Counts = append(s.Counts, [2]uint64{uint64(i), n})
		}
	}
	return s
}

func (h *histogram) merge(s *sparse) {
	if s == nil {
		return
	}
	for _, c := range s.Counts {
		if c[0] < buckets {
			h.counts[c[0]] += c[1]
		}
	}
	h.max = max(h.max, s.Max)
}

// latency gives the percentiles; nil for a histogram of nothing.
func (h *histogram) latency() *report.Latency {
	var total uint64
	for _, n := range h.counts {
		total += n
	}
	if total == 0 {
		return nil
	}
	at := func(share float64) time.Duration {
		left := uint64(share * float64(total))
		for i, n := range h.counts {
			if left < n {
				return min(middle(i), h.max)
			}
			left -= n
		}
		return h.max
	}
	return &report.Latency{P50: at(0.5), P90: at(0.9), P99: at(0.99), P999: at(0.999), Max: h.max}
}
