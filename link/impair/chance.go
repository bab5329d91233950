package impair

import (
	"math"
	"math/rand/v2"
	"time"
)

// The streams of random numbers. Each kind of decision has its own, so that more jitter does not change which frames are
// lost.
const (
	streamLoss = iota
	streamDuplicate
	streamCorrupt
	streamReorder
	streamJitter
	streams
)

// chances are the sources of a line, made when they are needed: most lines are perfect.
type chances struct {
	seed    uint64
	sources [streams]*rand.Rand
}

func (c *chances) source(stream int) *rand.Rand {
	if c.sources[stream] == nil {
		high := mix(c.seed)
		c.sources[stream] = rand.New(rand.NewPCG(high, mix(high+uint64(stream))))
	}
	return c.sources[stream]
}

// mix spreads seeds that differ in a bit or two over all bits (SplitMix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// happens draws from the stream unless the answer is known.
func (c *chances) happens(stream int, p float64) bool {
	if p <= 0 {
		return false
	}
	return p >= 1 || c.source(stream).Float64() < p
}

// bursts is the state of a wire after Gilbert and Elliott.
type bursts struct {
	begun, bad bool
}

// model gives the four parameters. A run of losses of mean length b ends after each frame with chance 1/b; the loss over
// all, P/(P+R), gives P.
func (c *Config) model() Gilbert {
	if c.Burst == 0 || c.Loss == 0 || c.Loss >= 1 {
		return c.Gilbert
	}
	r := 1 / c.Burst
	return Gilbert{P: r * c.Loss / (1 - c.Loss), R: r, Bad: 1}
}

// loses decides about one frame. The first finds the wire in either state as often as it is in it over time.
func (b *bursts) loses(c *chances, g Gilbert) bool {
	if !b.begun && g.P+g.R > 0 {
		b.begun, b.bad = true, c.happens(streamLoss, g.P/(g.P+g.R))
	}
	loss, change := g.Good, g.P
	if b.bad {
		loss, change = g.Bad, g.R
	}
	lost := c.happens(streamLoss, loss)
	if c.happens(streamLoss, change) {
		b.bad = !b.bad
	}
	return lost
}

// Pareto's distribution of shape 3 from 1 on has this mean and deviation.
const (
	paretoMean      = 1.5
	paretoDeviation = 0.8660254037844386
	paretoLongest   = 100 // deviations, beyond which the tail is cut off: it has no end
)

// delays draws delays that may depend on the one before.
type delays struct {
	last float64 // normal, the last draw with correlation
}

func (d *delays) draw(s *chances, c *Config) time.Duration {
	if c.Jitter == 0 {
		return c.Delay
	}
	z := float64(c.Jitter) * d.deviation(s, c)
	return c.Delay + time.Duration(max(z, -float64(c.Delay)))
}

// deviation is in units of Jitter.
func (d *delays) deviation(s *chances, c *Config) float64 {
	r := s.source(streamJitter)
	if c.Correlation == 0 {
		if c.Distribution == Normal {
			return r.NormFloat64()
		}
		return spread(c.Distribution, r.Float64())
	}
	// The dependence is put into a normal variable, and its rank into the distribution: that keeps the distribution as it is.
	fresh := math.Sqrt(1-c.Correlation*c.Correlation) * r.NormFloat64()
	d.last = c.Correlation*d.last + fresh
	if c.Distribution == Normal {
		return d.last
	}
	return spread(c.Distribution, math.Erfc(-d.last/math.Sqrt2)/2)
}

// spread gives the deviation that a share of u of all are below.
func spread(d Distribution, u float64) float64 {
	if d == Uniform {
		return 2*u - 1
	}
	return min((math.Pow(1-u, -1.0/3)-paretoMean)/paretoDeviation, paretoLongest)
}
