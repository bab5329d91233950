package impair

import "time"

// To add a key: a field of Config with its comment, its row in keys.go, its field of Settings, its check here.

// Config is what one direction of a wire does to frames. The zero value is a perfect wire. Chances are from 0 to 1.
type Config struct {
	Loss    float64 // chance that a frame is lost
	Burst   float64 // mean length of a run of lost frames, at least 1; default: each frame is lost by itself
	Gilbert Gilbert // loss in bursts by its four parameters, instead of Loss and Burst

	Duplicate float64 // chance that a frame comes twice
	Corrupt   float64 // chance that one bit behind the Ethernet header is turned over

	Delay        time.Duration // time on the wire
	Jitter       time.Duration // what Delay varies by: the bound of Uniform, the standard deviation of the others
	Distribution Distribution  // of Jitter; default Uniform
	Correlation  float64       // of a frame's jitter with that of the frame before
	Reorder      float64       // chance that a frame jumps Delay; needs Delay

	Rate       Rate          // default: no limit
	Overhead   int           // octets that each frame costs Rate beyond its own; 24 are preamble, FCS and gap of Ethernet
	Queue      int           // frames that wait for Rate; default 1000
	QueueBytes int           // octets that wait for Rate; default 64 MiB
	Discipline Discipline    // of that queue; default Tail
	Target     time.Duration // of CoDel; default 5 ms (RFC 8289 §4.3)
	Interval   time.Duration // of CoDel; default 100 ms (RFC 8289 §4.2)

	MTU        int   // longest layer-3 packet that crosses; default: no limit
	Limit      int   // frames on the wire for Delay; default 65,536
	LimitBytes int   // octets on the wire for Delay; default 64 MiB
	Cuts       []Cut // when nothing crosses, counted from NewLine or from the Set that changed them; at most 64
}

// Defaults of Config.
const (
	defaultQueue      = 1000
	defaultLimit      = 1 << 16
	defaultLimitBytes = 64 << 20 // of both queues, and the bound of a device's
	defaultTarget     = 5 * time.Millisecond
	defaultInterval   = 100 * time.Millisecond
)

// What a Config may ask for at the most.
const (
	maxRate     = Rate(1e12)
	maxDuration = 365 * 24 * time.Hour
	maxFrames   = 1 << 20
	maxBytes    = 1 << 30
	maxCuts     = 64
	maxOverhead = 1000
	minMTU      = 68 // RFC 791 §3.2: what every link carries
	maxMTU      = 65535
)

// Gilbert are the parameters of the model of Gilbert and Elliott: a wire that is good or bad, and changes after each
// frame.
type Gilbert struct {
	P    float64 // chance that the wire turns bad
	R    float64 // chance that it turns good
	Bad  float64 // loss while it is bad; tc-netem(8) calls it 1-h
	Good float64 // loss while it is good; tc-netem(8) calls it 1-k
}

// Cut is a time in which nothing crosses.
type Cut struct {
	At    time.Duration // when it begins
	For   time.Duration // how long it lasts
	Every time.Duration // when it comes again; default: never
}

// covers reports whether t is within the cut.
func (c Cut) covers(t time.Duration) bool {
	if t -= c.At; t < 0 {
		return false
	}
	if c.Every > 0 {
		t %= c.Every
	}
	return t < c.For
}

// IsZero reports whether c is a perfect wire: sizes and parameters of what is not used do not count.
func (c Config) IsZero() bool {
	return !c.actsOnFrames() && c.Delay == 0 && c.Jitter == 0 && len(c.Cuts) == 0
}

// Equal reports whether c and o say the same.
func (c Config) Equal(o Config) bool { return c.String() == o.String() }

// actsOnFrames reports whether c decides about each frame of the wire by itself, so that super-frames cannot stay whole.
func (c *Config) actsOnFrames() bool {
	return c.Loss > 0 || c.Gilbert != Gilbert{} || c.Duplicate > 0 || c.Corrupt > 0 || c.Reorder > 0 || c.Rate > 0 || c.MTU > 0
}

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	for _, f := range []struct {
		value *int
		def   int
	}{{&c.Queue, defaultQueue}, {&c.QueueBytes, defaultLimitBytes}, {&c.Limit, defaultLimit}, {&c.LimitBytes, defaultLimitBytes}} {
		if *f.value == 0 {
			*f.value = f.def
		}
	}
	if c.Target == 0 {
		c.Target = defaultTarget
	}
	if c.Interval == 0 {
		c.Interval = defaultInterval
	}
	return c
}
