package script

import (
	"fmt"
	"strings"
	"time"
)

// Script is a parsed file.
type Script struct {
	Name       string // the file, for messages
	Host       HostConfig
	Deviations []Deviation
	Steps      []Step
}

// Deviation is one line "Deviates:" of a script: what the host does otherwise than the RFC says.
type Deviation struct {
	File string // without folder
	Line int
	RFC  string // RFC 9293 §3.8.6.3
	What string
}

// String gives the deviation as a row of a table.
func (d Deviation) String() string { return fmt.Sprintf("| %s | %s |", d.What, d.RFC) }

// HostConfig is what the lines "host:" and "peer:" say.
type HostConfig struct {
	IP             int // 4 or 6
	MTU            int
	KeepaliveIdle  time.Duration // negative: off
	KeepaliveEvery time.Duration
	KeepaliveCount int
	TimeWait       time.Duration
	RcvBuf, SndBuf int
	Backlog        int
	Congestion     string
	Recovery       string
	Tolerance      time.Duration // how early or late an expected segment may be
	ISN            uint32        // of the peer
}

// Step is one line that happens.
type Step struct {
	Line  int // counted from 1
	At    When
	Flow  string // the connection; empty is the first
	Event Event
}

// String gives the line in its canonical form.
func (s Step) String() string {
	var w []string
	if at := s.At.String(); at != "" {
		w = append(w, at)
	}
	if s.Flow != "" {
		w = append(w, s.Flow+":")
	}
	return strings.Join(append(w, s.Event.String()), " ")
}

// Event is a [Packet], an [Op] or an [Expect].
type Event interface{ String() string }

// When says at what time a step happens. The zero value is the time of the step before it.
type When struct {
	Absolute bool // since the start of the script; else since the step before
	From, To time.Duration
}

// String gives the time as a script has it; nothing for the zero value.
func (w When) String() string {
	if w == (When{}) {
		return ""
	}
	sign := "+"
	if w.Absolute {
		sign = "@"
	}
	s := sign + seconds(w.From)
	if w.To != w.From {
		s += ".." + seconds(w.To)
	}
	return s
}

// seconds writes d without needless zeros.
func seconds(d time.Duration) string {
	s := strings.TrimRight(fmt.Sprintf("%.9f", d.Seconds()), "0")
	return strings.TrimSuffix(s, ".")
}

// Direction is who sends a packet.
type Direction byte

// The directions, as a line has them.
const (
	Inject Direction = '<' // the peer sends it to the host
	Await  Direction = '>' // the host must send it
)

// Packet is a segment, a datagram or an ICMP error that is injected or expected; one of the pointers is set.
type Packet struct {
	Dir  Direction
	TCP  *Segment
	UDP  *Datagram
	ICMP *ICMP
}

// String gives the packet as a script has it.
func (p Packet) String() string {
	switch {
	case p.TCP != nil:
		return string(p.Dir) + " " + p.TCP.String()
	case p.UDP != nil:
		return string(p.Dir) + " " + p.UDP.String()
	case p.ICMP != nil:
		return string(p.Dir) + " " + p.ICMP.String()
	}
	return ""
}

// Num is a number of a line. Absent numbers are not compared; zero is what an injected packet gets for them.
type Num struct {
	V     uint32
	Given bool
	Any   bool // written *: any value is right
}

func num(v uint32) Num { return Num{V: v, Given: true} }

// String writes the number; one that is nearer to zero from below is negative.
func (n Num) String() string {
	if n.Any {
		return "*"
	}
	return fmt.Sprint(relative(n.V))
}

// relative reads a difference of sequence numbers: those just below the start are negative.
func relative(v uint32) int64 {
	if v > 1<<32-1<<16 {
		return int64(v) - 1<<32
	}
	return int64(v)
}

// matches reports whether got is what n asks for.
func (n Num) matches(got uint32) bool { return !n.Given || n.Any || n.V == got }

// field appends " name value" if the number is given.
func field(w []string, name string, n Num) []string {
	if !n.Given {
		return w
	}
	return append(w, name, n.String())
}

// Checksums that an injected packet may have wrong.
const (
	sumBad  = "bad"  // of layer 4
	sumNone = "none" // zero, which UDP over IPv4 takes for none
	sumIP   = "ip"   // of the IPv4 header
)

var (
	segmentSums  = []string{sumBad, sumIP}
	datagramSums = []string{sumBad, sumNone, sumIP}
)

// Segment is a TCP segment. Sequence numbers are relative to the SYN of who sends them, acknowledgements to that of the
// other; the window is the field as it crosses the wire.
type Segment struct {
	Flags              byte // as in the header
	Seq, Ack, Win, Urg Num
	Len                int
	Sum                string   // which checksum is wrong
	Other              bool     // the payload differs from the stream's
	Options            []Option // nil: none to inject, any expected
	HasOptions         bool     // <> was written
}

// flagLetters are the flags of a segment from the lowest bit on (RFC 9293 §3.1, RFC 3168 §6.1).
const flagLetters = "FSRPAUEC"

// The flags that the runner looks at.
const (
	flagSYN = 1 << 1
	flagPSH = 1 << 3
	flagACK = 1 << 4
)

func flagString(f byte) string {
	if f == 0 {
		return "-"
	}
	var b []byte
	for i := range flagLetters {
		if f&(1<<i) != 0 {
			b = append(b, flagLetters[i])
		}
	}
	return string(b)
}

// String gives the segment as a script has it.
func (s *Segment) String() string {
	w := field([]string{flagString(s.Flags)}, "seq", s.Seq)
	if s.Len > 0 {
		w = append(w, "len", fmt.Sprint(s.Len))
	}
	w = field(w, "ack", s.Ack)
	w = field(w, "win", s.Win)
	w = field(w, "urg", s.Urg)
	if s.Sum != "" {
		w = append(w, "sum", s.Sum)
	}
	if s.Other {
		w = append(w, "other")
	}
	if s.HasOptions {
		w = append(w, "<"+optionsString(s.Options)+">")
	}
	return strings.Join(w, " ")
}

// Datagram is a UDP datagram.
type Datagram struct {
	Len int
	Sum string
}

// String gives the datagram as a script has it.
func (d *Datagram) String() string {
	s := fmt.Sprintf("udp len %d", d.Len)
	if d.Sum != "" {
		s += " sum " + d.Sum
	}
	return s
}

// ICMP is an error that quotes a packet of the flow: the last one, or a segment that started at Seq.
type ICMP struct {
	Kind   string // a key of icmpKinds
	MTU    Num
	Seq    Num // quote the segment that the host sent with this number
	Forge  Num // quote the last segment with this number in place of its own
	Octets Num // how many octets of the layer-4 header and data are quoted; default 64
}

// String gives the error as a script has it.
func (c *ICMP) String() string {
	w := field([]string{"icmp", c.Kind}, "mtu", c.MTU)
	w = field(w, "seq", c.Seq)
	w = field(w, "forge", c.Forge)
	w = field(w, "octets", c.Octets)
	return strings.Join(w, " ")
}

// Op is an operation on the flow's socket.
type Op struct {
	Name string
	N    int    // octets, or a port
	Word string // option or way
}

// String gives the operation as a script has it.
func (o Op) String() string {
	switch opKinds[o.Name] {
	case argOctets:
		return fmt.Sprintf("%s %d", o.Name, o.N)
	case argMaybePort:
		if o.N != 0 {
			return fmt.Sprintf("%s %d", o.Name, o.N)
		}
	case argMaybeWord, argOption:
		if o.Word != "" {
			return o.Name + " " + o.Word
		}
	}
	return o.Name
}

// Expect is a check of something that is not a packet.
type Expect struct {
	What string // error, done, blocked, nothing, state, counter, unread
	Word string // error's, state's or counter's name
	N    int
	For  time.Duration
}

// String gives the check as a script has it.
func (e Expect) String() string {
	s := "expect " + e.What
	switch expectKinds[e.What] {
	case argWord:
		s += " " + e.Word
	case argWordOctets:
		s += fmt.Sprintf(" %s %d", e.Word, e.N)
	case argOctets:
		s += fmt.Sprintf(" %d", e.N)
	case argDuration:
		s += " for " + seconds(e.For) + "s"
	}
	return s
}
