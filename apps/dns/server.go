package dns

import (
	"context"
	"encoding/binary"
	"log/slog"
	"maps"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	mdns "github.com/miekg/dns"

	"tapestry/apps"
)

// labInterval is how often the host is asked whether names or addresses changed.
const labInterval = 5 * time.Second

// server is the app on one host.
type server struct {
	env      apps.Env
	cfg      *settings
	counters apps.Counters
	log      *slog.Logger
	data     atomic.Pointer[data]
	forward  *forwarder // nil if recursion is off
	socks    sockets

	refresh sync.Mutex // held by who replaces data
	serial  uint32
	timer   apps.Timer
	stopped bool
}

// Counters, named as in RFC 1611 where it has them.
const (
	countUDP         = "queries.udp"
	countTCP         = "queries.tcp"
	countCached      = "answers.cached"
	countAuthAns     = "dnsServCounterAuthAns"
	countAuthNoNames = "dnsServCounterAuthNoNames"
	countAuthNoData  = "dnsServCounterAuthNoDataResps"
	countNonAuth     = "dnsServCounterNonAuthDatas"
	countReferrals   = "dnsServCounterReferrals"
	countErrors      = "dnsServCounterErrors"
	countRefusals    = "dnsServCounterReqRefusals"
	countUnparsed    = "dnsServCounterReqUnparses"
	countTruncated   = "answers.truncated"
	countIgnored     = "drop.response"
	countBadSource   = "drop.source"
	countBusy        = "drop.busy"
)

// newServer reads the configuration and opens the sockets.
func newServer(env apps.Env, c apps.Config) (apps.Server, error) {
	cfg, err := load(c)
	if err != nil {
		return nil, err
	}
	s := &server{env: env, cfg: cfg, counters: env.Counters("dns"), log: env.Log()}
	for _, w := range cfg.warnings {
		s.log.Warn("dns: zone", "place", w.Error(), "remedy", w.remedy)
	}
	for _, n := range cfg.notes {
		s.log.Warn("dns: ignored", "directive", n)
	}
	if len(cfg.forward) > 0 {
		s.forward = newForwarder(env, cfg, s.counters)
	}
	s.serial = uint32(env.Clock().Now().Unix())
	s.reload()
	if err := s.open(c); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// Serve implements [apps.Server].
func (s *server) Serve(ctx context.Context) error {
	s.tick()
	err := s.serveSockets(ctx)
	s.close()
	return err
}

// close ends the timer and the sockets.
func (s *server) close() {
	s.refresh.Lock()
	s.stopped = true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.refresh.Unlock()
	s.socks.close()
}

// tick looks for changes of the lab and comes again.
func (s *server) tick() {
	s.reload()
	s.refresh.Lock()
	defer s.refresh.Unlock()
	if !s.stopped {
		s.timer = s.env.Clock().AfterFunc(labInterval, s.tick)
	}
}

// reload replaces the data if the lab's names or the host's subnets are others than before.
func (s *server) reload() {
	s.refresh.Lock()
	defer s.refresh.Unlock()
	names, clients := newLabNames(s.env.Host()), s.clients()
	old := s.data.Load()
	if old != nil && names.equal(old.lab) && equalPrefixes(clients, old.clients) {
		return
	}
	d := &data{zones: maps.Clone(s.cfg.zones), hosts: newHosts(), clients: clients, lab: names, cached: make(map[string]*cachedAnswer)}
	d.hosts.merge(s.cfg.hosts)
	if s.cfg.Lab {
		for origin, z := range names.zones(s.serial) {
			if d.zones[origin] == nil {
				d.zones[origin] = z
			}
		}
		names.fill(d.hosts)
	}
	s.serial++
	s.data.Store(d)
	if s.forward != nil {
		s.forward.flush()
	}
}

// clients are the subnets that names are forwarded for.
func (s *server) clients() []netip.Prefix {
	if s.cfg.allow != nil {
		return s.cfg.allow
	}
	all := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, p := range s.env.Host().Addresses() {
		all = append(all, netip.PrefixFrom(p.Addr().WithZone(""), p.Bits()).Masked())
	}
	return all
}

func equalPrefixes(a, b []netip.Prefix) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// respond appends the answer to one request to reply, from memory alone and without blocking. If recurse is set there
// is none yet: another server has to be asked.
func (s *server) respond(reply []byte, q *query, request []byte, from netip.AddrPort, stream bool) (out []byte, recurse bool) {
	switch q.parse(request) {
	case ignore:
		s.counters.Add(countIgnored, 1)
		return nil, false
	case reject:
		s.counters.Add(countUnparsed, 1)
		return q.appendError(reply, q.rcode, s.delivery(q, stream, false)), false
	}
	d := s.data.Load()
	ra := s.forward != nil && d.allowed(from.Addr().WithZone(""))
	dv := s.delivery(q, stream, ra)
	if p := d.find(q.key[:q.keyLen]); p != nil {
		s.counters.Add(countCached, 1)
		return s.send(reply, q, p, dv), false
	}
	if ra && q.flags&flagRD != 0 {
		if p, age := s.forward.find(q.key[:q.keyLen]); p != nil {
			s.counters.Add(countCached, 1)
			dv.age = age
			return s.send(reply, q, p, dv), false
		}
	}
	return s.compose(reply, q, d, dv)
}

// delivery is how a request wants its answer.
func (s *server) delivery(q *query, stream, ra bool) delivery {
	d := delivery{limit: min(q.payload, s.cfg.Payload), payload: s.cfg.Payload, ra: ra}
	if stream {
		d.limit = maxMessage
	}
	return d
}

// send appends a packed answer and counts it.
func (s *server) send(reply []byte, q *query, p *packed, dv delivery) []byte {
	start := len(reply)
	reply = q.appendPacked(reply, p, dv)
	s.count(reply[start:])
	return reply
}

// count sorts an answer by what it says.
func (s *server) count(b []byte) {
	flags := binary.BigEndian.Uint16(b[offFlags:])
	answers := binary.BigEndian.Uint16(b[offANCount:])
	authoritative := flags&flagAA != 0
	if flags&flagTC != 0 {
		s.counters.Add(countTruncated, 1)
	}
	switch rcode := int(flags & 0xf); {
	case rcode == mdns.RcodeNameError && authoritative:
		s.counters.Add(countAuthNoNames, 1)
	case rcode != mdns.RcodeSuccess && rcode != mdns.RcodeNameError:
		s.counters.Add(countErrors, 1)
	case authoritative && answers > 0:
		s.counters.Add(countAuthAns, 1)
	case authoritative:
		s.counters.Add(countAuthNoData, 1)
	case answers > 0 || rcode == mdns.RcodeNameError:
		s.counters.Add(countNonAuth, 1)
	default:
		s.counters.Add(countReferrals, 1)
	}
}

// refuse appends an error to a request that could be read.
func (s *server) refuse(reply []byte, q *query, rcode int, dv delivery) []byte {
	if rcode == mdns.RcodeRefused {
		s.counters.Add(countRefusals, 1)
	} else {
		s.counters.Add(countErrors, 1)
	}
	return q.appendError(reply, rcode, dv)
}

// compose makes an answer that was not kept.
func (s *server) compose(reply []byte, q *query, d *data, dv delivery) (out []byte, recurse bool) {
	if rcode := q.unsupported(); rcode != mdns.RcodeSuccess {
		return s.refuse(reply, q, rcode, dv), false
	}
	name, ok := q.text()
	if !ok {
		return s.refuse(reply, q, mdns.RcodeFormatError, dv), false
	}
	if q.qclass != mdns.ClassINET {
		return s.chaos(reply, q, name, dv), false
	}
	a := d.lookup(name, q.qtype)
	wanted := dv.ra && q.flags&flagRD != 0
	switch {
	case wanted && (a.rcode == mdns.RcodeRefused || a.outside != ""):
		return nil, true
	case a.rcode == mdns.RcodeRefused:
		return s.refuse(reply, q, mdns.RcodeRefused, dv), false
	}
	c, err := a.packTurns(name, q.qtype, q.qclass, s.cfg.Rotate)
	if err != nil {
		s.log.Error("dns: an answer cannot be packed", "name", name, "err", err)
		return s.refuse(reply, q, mdns.RcodeServerFailure, dv), false
	}
	if a.canKeep(q.qtype) && (a.outside == "" || s.forward == nil) {
		d.keep(q.key[:q.keyLen], c)
	}
	return s.send(reply, q, c.turn(), dv), false
}

// text is the question's name as the zones write it, in lower case. The octets are copied, so that the query itself
// can stay where it is.
func (q *query) text() (string, bool) {
	name, _, err := mdns.UnpackDomainName(append([]byte(nil), q.name()...), 0)
	return name, err == nil
}

// unsupported gives the error for types that are no data: RFC 1035 §3.2.3, RFC 8945, RFC 5936 §4.2 (no AXFR over UDP;
// over TCP it does not come this far).
func (q *query) unsupported() int {
	switch q.qtype {
	case mdns.TypeNone, mdns.TypeOPT, mdns.TypeAXFR:
		return mdns.RcodeFormatError
	case mdns.TypeIXFR:
		return mdns.RcodeRefused
	case mdns.TypeTKEY, mdns.TypeTSIG, mdns.TypeMAILA, mdns.TypeMAILB:
		return mdns.RcodeNotImplemented
	}
	return mdns.RcodeSuccess
}

// chaos answers for the version of the server, if it is configured, and refuses all other classes.
func (s *server) chaos(reply []byte, q *query, name string, dv delivery) []byte {
	if q.qclass != mdns.ClassCHAOS || q.qtype != mdns.TypeTXT || s.cfg.Version == "" || name != "version.bind." && name != "version.server." {
		return s.refuse(reply, q, mdns.RcodeRefused, dv)
	}
	h := mdns.RR_Header{Name: name, Rrtype: mdns.TypeTXT, Class: mdns.ClassCHAOS}
	a := &answer{aa: true, answer: []mdns.RR{&mdns.TXT{Hdr: h, Txt: []string{s.cfg.Version}}}}
	p, err := a.pack(name, q.qtype, q.qclass)
	if err != nil {
		return s.refuse(reply, q, mdns.RcodeServerFailure, dv)
	}
	return s.send(reply, q, p, dv)
}
