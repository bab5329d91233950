package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"tapestry/stack"
)

// PingArgs are those of ping.
type PingArgs struct {
	Target   string        `json:"target"`         // name or address
	Family   string        `json:"family"`         // "ip4", "ip6", "ipx"; default: any that the target can be
	Diag     bool          `json:"diag,omitempty"` // over IPX, ask for the configuration, which NetWare answers
	Count    int           `json:"count"`          // default: until the client ends it
	Interval time.Duration `json:"interval"`
	Size     *int          `json:"size,omitempty"` // default 56
	Timeout  time.Duration `json:"timeout"`        // for each reply; default 2 s
	TTL      uint8         `json:"ttl"`
}

// PingEvent is one thing that happened, in the order of time: the target was found, a reply came, it did not.
type PingEvent struct {
	Target string        `json:"target"`
	IPX    bool          `json:"ipx,omitempty"` // no ICMP
	Diag   bool          `json:"diag,omitempty"`
	Size   int           `json:"size"`          // of the request's data
	Seq    int           `json:"seq,omitempty"` // from 1; 0: the first event, before any request
	From   string        `json:"from,omitempty"`
	Bytes  int           `json:"bytes,omitempty"` // of ICMP header and data in the reply; over IPX of the data
	TTL    uint8         `json:"ttl,omitempty"`
	Hops   *int          `json:"hops,omitempty"` // over IPX: routers on the way back
	Told   string        `json:"told,omitempty"` // over IPX, what the configuration is
	More   bool          `json:"more,omitempty"` // one more reply to a request that has one: it went to all
	RTT    time.Duration `json:"rtt_ns,omitempty"`
	Error  string        `json:"error,omitempty"` // instead of a reply
	Lost   bool          `json:"lost,omitempty"`  // no reply in time
}

// Limits of ping.
const (
	defaultPingSize    = 56
	maxPingSize        = 65507 // RFC 791 §3.1: the longest datagram less IPv4 and ICMP headers
	minPingInterval    = 2 * time.Millisecond
	defaultPingTimeout = 2 * time.Second
	maxPingTimeout     = time.Minute
	maxPingsUnderway   = 256
)

func (a PingArgs) withDefaults() (PingArgs, error) {
	if a.Interval == 0 {
		a.Interval = time.Second
	}
	if a.Timeout == 0 {
		a.Timeout = defaultPingTimeout
	}
	if a.Size == nil {
		n := defaultPingSize
		a.Size = &n
	}
	switch {
	case a.Interval < minPingInterval:
		return a, fmt.Errorf("ping: interval %s is too short; the least is %s", a.Interval, minPingInterval)
	case a.Timeout < 0 || a.Timeout > maxPingTimeout:
		return a, fmt.Errorf("ping: timeout %s is outside of 0 to %s", a.Timeout, maxPingTimeout)
	case *a.Size < 0 || *a.Size > maxPingSize:
		return a, fmt.Errorf("ping: size %d is outside of 0 to %d", *a.Size, maxPingSize)
	case a.Count < 0:
		return a, fmt.Errorf("ping: count %d is less than nothing", a.Count)
	}
	return a, nil
}

// ping sends echo requests at their interval, whether or not replies come, and reports each.
func (h *host) ping(ctx context.Context, a PingArgs, send func(any) error) error {
	a, err := a.withDefaults()
	if err != nil {
		return err
	}
	p, err := h.prober(ctx, a)
	if err != nil {
		return err
	}
	if err := send(p.begin(a)); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	events := make(chan PingEvent)
	var underway sync.WaitGroup
	defer underway.Wait()
	defer cancel()
	go func() { // ends when all requests are answered, or with ctx
		requests(ctx, a, p, events, &underway)
		underway.Wait()
		close(events)
	}()
	for e := range events {
		if err := send(e); err != nil {
			cancel()
			for range events { // until the requests have ended
			}
			return err
		}
	}
	return nil
}

// prober asks one target for signs of life.
type prober interface {
	begin(a PingArgs) PingEvent // what is to be asked

	// ask asks once, and gives e with each answer; e has what is known where there is none.
	ask(ctx context.Context, a PingArgs, e *PingEvent, answer func(PingEvent)) error
}

// prober finds the target, over the protocol that it has an address of.
func (h *host) prober(ctx context.Context, a PingArgs) (prober, error) {
	if a.Family == "ipx" || a.Diag || a.Family == "" && (isIPXTarget(a.Target) || h.lab.hasIPXAlone(a.Target)) {
		return h.ipxProber(a)
	}
	target, err := h.lookUp(ctx, a)
	return icmpProber{h, target}, err
}

// requests sends them, each from a goroutine that ends with its reply, its timeout or ctx.
func requests(ctx context.Context, a PingArgs, p prober, events chan<- PingEvent, underway *sync.WaitGroup) {
	tick := time.NewTicker(a.Interval)
	defer tick.Stop()
	slots := make(chan struct{}, maxPingsUnderway)
	for seq := 1; a.Count == 0 || seq <= a.Count; seq++ {
		slots <- struct{}{}
		underway.Go(func() {
			request(ctx, a, p, seq, events)
			<-slots
		})
		if seq == a.Count {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// request sends one and waits; it says nothing if nobody wants the answer any more.
func request(ctx context.Context, a PingArgs, p prober, seq int, events chan<- PingEvent) {
	e := p.begin(a)
	e.Seq = seq
	limited, cancel := context.WithTimeout(ctx, a.Timeout)
	defer cancel()
	answered := false
	err := p.ask(limited, a, &e, func(e PingEvent) {
		e.More, answered = answered, true
		events <- e
	})
	switch {
	case answered, ctx.Err() != nil:
		return
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		e.Lost = true
	default:
		e.Error = err.Error()
	}
	events <- e
}

// icmpProber sends echo requests over IP.
type icmpProber struct {
	h      *host
	target netip.Addr
}

func (p icmpProber) begin(a PingArgs) PingEvent {
	return PingEvent{Target: p.target.String(), Size: *a.Size}
}

func (p icmpProber) ask(ctx context.Context, a PingArgs, e *PingEvent, answer func(PingEvent)) error {
	o := stack.PingOptions{Size: *a.Size, TTL: a.TTL}
	if o.Size == 0 {
		o.Size = -1
	}
	r, err := p.h.Ping(ctx, p.target, o)
	var refused *stack.PingError
	if errors.As(err, &refused) {
		e.From = refused.From.String()
	}
	if err == nil {
		e.From, e.Bytes, e.TTL, e.RTT = r.From.String(), r.Size, r.TTL, r.RTT
		answer(*e)
	}
	return err
}

// lookUp finds the address to ping: IPv4 first where a name has both.
func (h *host) lookUp(ctx context.Context, a PingArgs) (netip.Addr, error) {
	family := a.Family
	if family == "" {
		family = "ip"
	}
	if addr, err := netip.ParseAddr(a.Target); err == nil {
		if family == "ip4" && addr.Is6() || family == "ip6" && addr.Is4() {
			return addr, fmt.Errorf("ping: %s is of the other IP version", addr)
		}
		return addr, nil
	}
	if isIPXTarget(a.Target) {
		return netip.Addr{}, fmt.Errorf("ping: %s is an address of IPX, not of IP", a.Target)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	addrs, err := h.Resolver().LookupNetIP(ctx, family, a.Target)
	if err != nil {
		return netip.Addr{}, h.unknownName(ctx, family, a.Target, err)
	}
	for _, addr := range addrs {
		if addr.Unmap().Is4() {
			return addr.Unmap(), nil
		}
	}
	return addrs[0], nil
}

// unknownName says why a name has no address to ping.
func (h *host) unknownName(ctx context.Context, family, name string, err error) error {
	var notFound *net.DNSError
	if !errors.As(err, &notFound) || !notFound.IsNotFound {
		return fmt.Errorf("ping: %w", err)
	}
	version := map[string]string{"ip": "IP", "ip4": "IPv4", "ip6": "IPv6"}[family]
	if h.lab.hostCalled(name) != nil {
		return fmt.Errorf("ping: host %s has no %s address", name, version)
	}
	if family != "ip" {
		if _, err := h.Resolver().LookupNetIP(ctx, "ip", name); err == nil {
			return fmt.Errorf("ping: %s has no %s address", name, version)
		}
	}
	return fmt.Errorf("ping: host %s knows no %s; names of the lab are known, others need dns = [server] in its table",
		h.plan.Name, name)
}

// PingSummary writes events as ping(8) does and keeps its statistics.
type PingSummary struct {
	Sent, Received, Errors int
	More                   int // replies beyond the first to a request
	start, end             time.Time
	Target                 string  // empty: nothing was asked
	least, most, sum, sq   float64 // of round-trip times, in milliseconds
}

// Count takes note of one event.
func (s *PingSummary) Count(e PingEvent) {
	s.end = time.Now()
	s.Sent = max(s.Sent, e.Seq)
	switch {
	case e.Seq == 0:
		s.start, s.Target = s.end, e.Target
	case e.Error != "":
		s.Errors++
	case e.More:
		s.More++
	case !e.Lost:
		s.add(float64(e.RTT) / 1e6)
	}
}

// Write shows one event, and counts it.
func (s *PingSummary) Write(w io.Writer, e PingEvent) error {
	s.Count(e)
	if e.Seq == 0 {
		_, err := fmt.Fprintf(w, "PING %s: %s\n", e.Target, e.question())
		return err
	}
	seq, distance := "icmp_seq", fmt.Sprintf("ttl=%d", e.TTL)
	if e.IPX {
		seq = "seq"
	}
	if e.Hops != nil {
		distance = fmt.Sprintf("hops=%d", *e.Hops)
	}
	var err error
	switch {
	case e.Lost:
		_, err = fmt.Fprintf(w, "no answer to %s=%d\n", seq, e.Seq)
	case e.Error != "":
		_, err = fmt.Fprintf(w, "%s=%d: %s\n", seq, e.Seq, e.Error)
	default:
		ms := float64(e.RTT) / 1e6
		_, err = fmt.Fprintf(w, "%d bytes from %s: %s=%d %s time=%.3f ms\n", e.Bytes, e.From, seq, e.Seq, distance, ms)
	}
	if e.Told != "" && err == nil {
		_, err = fmt.Fprintf(w, "  %s\n", e.Told)
	}
	return err
}

// question says what is asked.
func (e PingEvent) question() string {
	switch {
	case e.Diag:
		return "request for the configuration"
	case e.Size == 1:
		return "1 octet of data"
	}
	return fmt.Sprintf("%d octets of data", e.Size)
}

func (s *PingSummary) add(ms float64) {
	if s.Received == 0 || ms < s.least {
		s.least = ms
	}
	s.most = max(s.most, ms)
	s.sum += ms
	s.sq += ms * ms
	s.Received++
}

// Finish writes the statistics.
func (s *PingSummary) Finish(w io.Writer) {
	if s.Target == "" {
		return
	}
	lost := 0.0
	if s.Sent > 0 {
		lost = 100 * float64(s.Sent-s.Received) / float64(s.Sent)
	}
	var failed string
	if s.More > 0 {
		failed = fmt.Sprintf("+%d from others, ", s.More)
	}
	if s.Errors > 0 {
		failed += fmt.Sprintf("+%d errors, ", s.Errors)
	}
	fmt.Fprintf(w, "\n--- %s ping statistics ---\n%d packets transmitted, %d received, %s%.4g%% packet loss, time %dms\n",
		s.Target, s.Sent, s.Received, failed, lost, s.end.Sub(s.start).Milliseconds())
	if s.Received == 0 {
		return
	}
	n := float64(s.Received)
	mean := s.sum / n
	deviation := math.Sqrt(max(0, s.sq/n-mean*mean))
	fmt.Fprintf(w, "rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n", s.least, mean, s.most, deviation)
}
