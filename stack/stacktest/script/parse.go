package script

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Limits of a script.
const (
	maxSteps = 10_000
	maxLen   = 1 << 20 // octets of one operation
	maxMSS   = 65_000  // octets of one packet
)

// maxTime bounds each time of a script: longer than any timer of TCP.
const maxTime = 1000 * time.Hour

// Parse reads a script. name is the file's, for messages.
func Parse(name, text string) (*Script, error) {
	s := &Script{Name: name, Host: defaultHost()}
	n := 0
	for line := range strings.Lines(text) {
		n++
		if err := s.parseLine(n, strings.TrimRight(line, "\r\n")); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	if len(s.Steps) == 0 {
		return nil, fmt.Errorf("%s:%d: the script does nothing", name, max(n, 1))
	}
	return s, nil
}

func defaultHost() HostConfig {
	return HostConfig{IP: 4, MTU: 1500, Tolerance: time.Millisecond, ISN: 1_000_000}
}

func (s *Script) parseLine(n int, line string) error {
	if rest, ok := strings.CutPrefix(line, "Deviates:"); ok {
		return s.parseDeviation(n, rest)
	}
	line, _, _ = strings.Cut(line, "#")
	w := words{rest: line}
	switch first := w.next(); first {
	case "":
		return nil
	case "host:", "peer:":
		return s.parseConfig(first, &w)
	default:
		w.back(first)
	}
	if len(s.Steps) == maxSteps {
		return fmt.Errorf("more than %d steps", maxSteps)
	}
	step, err := parseStep(&w)
	if err == nil && s.Host.IP == 6 {
		err = checkIPv6(step.Event)
	}
	if err != nil {
		return err
	}
	step.Line = n
	s.Steps = append(s.Steps, step)
	return nil
}

// parseDeviation reads "RFC 9293 §3.8.6.3: what".
func (s *Script) parseDeviation(n int, text string) error {
	rfc, what, ok := strings.Cut(strings.TrimSpace(text), ": ")
	if !ok || !strings.HasPrefix(rfc, "RFC ") || strings.TrimSpace(what) == "" {
		return fmt.Errorf("%q: want a line as Deviates: RFC 9293 §3.8.6.3: what the host does", text)
	}
	s.Deviations = append(s.Deviations, Deviation{filepath.Base(s.Name), n, rfc, strings.TrimSpace(what)})
	return nil
}

func parseStep(w *words) (st Step, err error) {
	first := w.next()
	if first[0] == '+' || first[0] == '@' {
		if st.At, err = parseWhen(first); err != nil {
			return st, err
		}
		first = w.next()
	}
	if name, ok := strings.CutSuffix(first, ":"); ok {
		if !isFlowName(name) {
			return st, fmt.Errorf("%q is no name of a connection: want up to 16 letters and digits", name)
		}
		st.Flow, first = name, w.next()
	}
	switch first {
	case "":
		return st, fmt.Errorf("nothing happens at that time; want <, >, an operation or expect")
	case "<", ">":
		st.Event, err = parsePacket(Direction(first[0]), w)
	case "expect":
		st.Event, err = parseExpect(w)
	default:
		st.Event, err = parseOp(first, w)
	}
	if err == nil {
		err = w.end()
	}
	if err == nil {
		err = st.checkTime()
	}
	return st, err
}

func isFlowName(s string) bool {
	isOdd := func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') }
	return s != "" && len(s) <= 16 && strings.IndexFunc(s, isOdd) < 0
}

// checkTime holds that only what is waited for has a range of times.
func (s Step) checkTime() error {
	p, ok := s.Event.(Packet)
	if isAwaited := ok && p.Dir == Await; s.At.From != s.At.To && !isAwaited {
		return fmt.Errorf("%s: only an expected packet may come within a range of time", s.At)
	}
	return nil
}

// parseWhen reads +1.5, +1..2 and @3.
func parseWhen(s string) (t When, err error) {
	t.Absolute = s[0] == '@'
	from, to, isRange := strings.Cut(s[1:], "..")
	if t.From, err = parseSeconds(from); err != nil {
		return t, err
	}
	t.To = t.From
	if isRange {
		if t.To, err = parseSeconds(to); err != nil {
			return t, err
		}
	}
	if t.To < t.From {
		return t, fmt.Errorf("%s: the range ends before it begins", s)
	}
	return t, nil
}

func parseSeconds(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s + "s")
	if err != nil || d < 0 || d > maxTime {
		return 0, fmt.Errorf("%q is no time: want seconds, as +0.2", s)
	}
	return d, nil
}

// parseDuration reads a duration with its unit.
func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > maxTime {
		return 0, fmt.Errorf("%q is no duration: want one as 75s or 2h", s)
	}
	return d, nil
}

func parsePacket(dir Direction, w *words) (Event, error) {
	var err error
	p := Packet{Dir: dir}
	switch first := w.next(); first {
	case "":
		return nil, fmt.Errorf("want a segment (S, PA, …), udp or icmp after %c", dir)
	case "udp":
		p.UDP, err = parseDatagram(w)
	case "icmp":
		p.ICMP, err = parseICMP(w)
	default:
		p.TCP, err = parseSegment(first, w)
	}
	if err == nil {
		err = checkPacket(p)
	}
	return p, err
}

func parseFlags(s string) (f byte, err error) {
	if s == "-" {
		return 0, nil
	}
	for i := range len(s) {
		bit := strings.IndexByte(flagLetters, s[i])
		if bit < 0 || f&(1<<bit) != 0 {
			return 0, fmt.Errorf("%q are no flags: want letters of %s, each once, or - for none", s, flagLetters)
		}
		f |= 1 << bit
	}
	return f, nil
}

func parseSegment(flags string, w *words) (s *Segment, err error) {
	s = &Segment{}
	if s.Flags, err = parseFlags(flags); err != nil {
		return nil, err
	}
	fields := map[string]*Num{"seq": &s.Seq, "ack": &s.Ack, "win": &s.Win, "urg": &s.Urg}
	for word := w.next(); word != "" && err == nil; word = w.next() {
		if strings.HasPrefix(word, "<") {
			w.back(word)
			s.HasOptions = true
			s.Options, err = parseOptions(w)
			continue
		}
		switch n := fields[word]; {
		case n != nil:
			err = w.number(n)
		case word == "len":
			s.Len, err = w.count(maxMSS)
		case word == "sum":
			s.Sum, err = w.oneOf("checksum", segmentSums)
		case word == "other":
			s.Other = true
		default:
			err = unknown("word of a segment", word, append(slices.Collect(maps.Keys(fields)), "len", "sum", "other"))
		}
	}
	return s, err
}

func parseDatagram(w *words) (d *Datagram, err error) {
	d = &Datagram{}
	for word := w.next(); word != "" && err == nil; word = w.next() {
		switch word {
		case "len":
			d.Len, err = w.count(maxMSS)
		case "sum":
			d.Sum, err = w.oneOf("checksum", datagramSums)
		default:
			err = unknown("word of a datagram", word, []string{"len", "sum"})
		}
	}
	return d, err
}

func parseICMP(w *words) (c *ICMP, err error) {
	c = &ICMP{}
	if c.Kind, err = w.oneOf("kind of ICMP error", slices.Collect(maps.Keys(icmpKinds))); err != nil {
		return nil, err
	}
	fields := map[string]*Num{"mtu": &c.MTU, "seq": &c.Seq, "forge": &c.Forge, "octets": &c.Octets}
	for word := w.next(); word != "" && err == nil; word = w.next() {
		n := fields[word]
		if n == nil {
			return nil, unknown("word of an ICMP error", word, slices.Collect(maps.Keys(fields)))
		}
		err = w.number(n)
	}
	return c, err
}
