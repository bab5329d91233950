package dns

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	mdns "github.com/miekg/dns"

	"tapestry/apps"
)

const (
	port = 53

	maxMessage = 65535 // of TCP's two octets of length
	maxRRset   = 60000 // leaves room for the question and an alias or two
)

// config is the app's table.
type config struct {
	Port    uint16       `toml:"port"`    // UDP and TCP; default 53; 0: any that is free
	Address []netip.Addr `toml:"address"` // default every address of the host
	Zones   []string     `toml:"zones"`   // master files, RFC 1035 §5; the apex is where the SOA is
	Zone    []zoneConfig `toml:"zone"`    // master files whose zone is named
	Boot    string       `toml:"boot"`    // a named.boot file
	Hosts   string       `toml:"hosts"`   // a hosts file
	Lab     bool         `toml:"lab"`     // serve the names of the lab; default true
	Rotate  bool         `toml:"rotate"`  // answer RRsets in turns, RFC 1794
	Version string       `toml:"version"` // of "version.bind CH TXT"; default refused

	Forward        []string      `toml:"forward"`         // servers asked for names of no zone; default none: recursion is off
	Allow          []string      `toml:"allow"`           // who may have names forwarded; default the host's own subnets
	Transfer       []string      `toml:"transfer"`        // who may have zones transferred; default nobody
	CacheSize      int           `toml:"cache_size"`      // forwarded answers that are kept; default 10000
	ForwardTimeout apps.Duration `toml:"forward_timeout"` // of one question to one server; default 2s

	Payload     int           `toml:"payload"`      // largest answer over UDP, RFC 6891 §6.2.3; default 1232
	IdleTimeout apps.Duration `toml:"idle_timeout"` // of a TCP session, RFC 7766 §6.2.3; default 10s
	MaxSessions int           `toml:"max_sessions"` // of TCP at once; default 128
}

// defaults are the values of keys that are absent.
func defaults() config {
	return config{
		Port:           port,
		Lab:            true,
		CacheSize:      10000,
		ForwardTimeout: apps.Duration{Duration: 2 * time.Second},
		Payload:        1232,
		IdleTimeout:    apps.Duration{Duration: 10 * time.Second},
		MaxSessions:    128,
	}
}

// zoneConfig is one table "zone".
type zoneConfig struct {
	Name string `toml:"name"`
	File string `toml:"file"`
}

// settings are the table, checked and with its files read.
type settings struct {
	config
	zones    map[string]*zone
	hosts    *hostsTable
	forward  []netip.AddrPort
	allow    []netip.Prefix // nil: the host's subnets
	transfer []netip.Prefix
	warnings []*zoneError
	notes    []string
}

// loader reads the table and all that it names. It goes on after an error, so that a user sees all of them at once.
type loader struct {
	c    apps.Config
	s    *settings
	errs []error
}

func load(c apps.Config) (*settings, error) {
	l := &loader{c: c, s: &settings{config: defaults(), zones: make(map[string]*zone), hosts: newHosts()}}
	if err := c.Decode(&l.s.config); err != nil {
		return nil, err
	}
	l.ranges()
	l.s.forward = l.servers("forward", l.s.Forward)
	l.s.allow = l.prefixes("allow", l.s.Allow)
	l.s.transfer = l.prefixes("transfer", l.s.Transfer)
	for i, file := range l.s.Zones {
		l.zone(fmt.Sprintf("zones[%d]", i), c.Path(file), "")
	}
	for i, z := range l.s.Zone {
		l.namedZone(fmt.Sprintf("zone[%d]", i), z)
	}
	l.boot()
	l.readHosts()
	return l.s, errors.Join(l.errs...)
}

func (l *loader) fail(key, problem, remedy string) {
	l.errs = append(l.errs, apps.Invalid(l.c, key, problem, remedy))
}

// ranges checks the numbers.
func (l *loader) ranges() {
	number := func(key string, v, low, high int) {
		if v < low || v > high {
			l.fail(key, fmt.Sprintf("%d is out of range", v), fmt.Sprintf("choose from %d to %d", low, high))
		}
	}
	number("payload", l.s.Payload, minPayload, maxRequest)
	number("cache_size", l.s.CacheSize, 1, 1<<20)
	number("max_sessions", l.s.MaxSessions, 1, 1<<16)
	span := func(key string, v time.Duration) {
		if v < time.Millisecond || v > time.Hour {
			l.fail(key, v.String()+" is out of range", "choose from 1ms to 1h")
		}
	}
	span("forward_timeout", l.s.ForwardTimeout.Duration)
	span("idle_timeout", l.s.IdleTimeout.Duration)
	if len(l.s.Version) > 255 {
		l.fail("version", "longer than 255 octets", "shorten it")
	}
}

func (l *loader) servers(key string, list []string) (all []netip.AddrPort) {
	for i, s := range list {
		a, err := parseServer(s)
		if err != nil {
			problem, remedy, _ := strings.Cut(err.Error(), ": ")
			l.fail(fmt.Sprintf("%s[%d]", key, i), problem, remedy)
			continue
		}
		all = append(all, a)
	}
	return all
}

func (l *loader) prefixes(key string, list []string) (all []netip.Prefix) {
	for i, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(s); err == nil {
				p = netip.PrefixFrom(a, a.BitLen())
			}
		}
		if err != nil {
			l.fail(fmt.Sprintf("%s[%d]", key, i), fmt.Sprintf("%q is no subnet", s), "write 203.0.113.0/24, or one address")
			continue
		}
		all = append(all, p.Masked())
	}
	return all
}

func (l *loader) namedZone(key string, z zoneConfig) {
	if _, ok := mdns.IsDomainName(z.Name); !ok || z.Name == "" {
		l.fail(key+".name", fmt.Sprintf("%q is no zone name", z.Name), "write one such as example.org")
		return
	}
	if z.File == "" {
		l.fail(key, "no file", "name the zone's master file")
		return
	}
	l.zone(key+".file", l.c.Path(z.File), z.Name)
}

// zone reads one master file. Without a name, relative names are completed with the file's, less its extension, until
// the file has an $ORIGIN, and the zone is what the SOA record belongs to.
func (l *loader) zone(key, file, name string) {
	origin := name
	if origin == "" {
		origin = originOf(file)
	}
	all, err := readZone(file, origin)
	if err != nil {
		l.zoneErrors(key, err)
		return
	}
	if name == "" {
		origin = apexOf(all, origin)
	}
	z := newZone(origin, file, all)
	if z.soa == nil {
		l.zoneErrors(key, &zoneError{file, 0, "no SOA record at " + z.origin, "start the zone with \"@ SOA server mailbox (serial refresh retry expire minimum)\""})
		return
	}
	found := z.check(all)
	for _, e := range found.errors {
		l.zoneErrors(key, e)
	}
	l.s.warnings = append(l.s.warnings, found.warnings...)
	if other := l.s.zones[z.origin]; other != nil {
		l.fail(key, "the zone "+z.origin+" is also in "+other.file, "leave one of the files")
	}
	l.s.zones[z.origin] = z
}

func (l *loader) zoneErrors(key string, err error) {
	var e *zoneError
	if errors.As(err, &e) {
		l.fail(key, e.Error(), e.remedy)
		return
	}
	l.fail(key, err.Error(), "")
}

// originOf makes a zone's name of its file's: example.org.zone holds example.org.
func originOf(file string) string {
	name := filepath.Base(file)
	switch ext := filepath.Ext(name); ext {
	case ".zone", ".db", ".dns", ".hosts", ".rev":
		name = strings.TrimSuffix(name, ext)
	}
	if _, ok := mdns.IsDomainName(name); !ok {
		return "."
	}
	return mdns.CanonicalName(name)
}

// apexOf is the owner of the first SOA record.
func apexOf(all []record, origin string) string {
	for _, r := range all {
		if r.rr.Header().Rrtype == mdns.TypeSOA {
			return r.rr.Header().Name
		}
	}
	return origin
}

func (l *loader) boot() {
	if l.s.Boot == "" {
		return
	}
	file := l.c.Path(l.s.Boot)
	f, err := os.Open(file)
	if err != nil {
		l.zoneErrors("boot", unreadable(file, err))
		return
	}
	defer f.Close()
	b, line, err := readBoot(f, filepath.Dir(file))
	if err != nil {
		problem, remedy, _ := strings.Cut(err.Error(), ": ")
		l.zoneErrors("boot", &zoneError{file, line, problem, remedy})
		return
	}
	for _, z := range b.zones {
		l.zone("boot", z.File, z.Name)
	}
	l.s.forward = append(l.s.forward, b.forward...)
	l.s.notes = append(l.s.notes, b.ignored...)
}

func (l *loader) readHosts() {
	if l.s.Hosts == "" {
		return
	}
	file := l.c.Path(l.s.Hosts)
	f, err := os.Open(file)
	if err != nil {
		l.zoneErrors("hosts", unreadable(file, err))
		return
	}
	defer f.Close()
	if line, err := l.s.hosts.readHosts(f); err != nil {
		problem, remedy, _ := strings.Cut(err.Error(), ": ")
		l.zoneErrors("hosts", &zoneError{file, line, problem, remedy})
	}
}
