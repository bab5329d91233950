package dns

import (
	"encoding/binary"
	"sync"
	"time"

	mdns "github.com/miekg/dns"

	"tapestry/apps"
)

// What others say is kept no longer than this, in seconds.
const (
	maxPositiveTTL = 86400
	maxNegativeTTL = 3 * 3600 // RFC 2308 §5
	failureTTL     = 5        // RFC 9520 §3.2
)

// ttlCache keeps answers of other servers until the first of their TTLs has passed. It is bounded: when it is full,
// entries that expired go first, then any.
type ttlCache struct {
	size  int
	clock apps.Clock

	mu      sync.RWMutex
	entries map[string]*cacheEntry // by query.key
}

type cacheEntry struct {
	packed
	stored time.Time
	ttl    uint32
}

func newCache(size int, clock apps.Clock) *ttlCache {
	return &ttlCache{size: size, clock: clock, entries: make(map[string]*cacheEntry)}
}

// age is in whole seconds; a clock that went back makes nothing older.
func (e *cacheEntry) age(now time.Time) uint32 {
	return uint32(max(0, min(now.Sub(e.stored)/time.Second, maxPositiveTTL+1)))
}

func (c *ttlCache) find(key []byte) (*packed, uint32) {
	c.mu.RLock()
	e := c.entries[string(key)]
	c.mu.RUnlock()
	if e == nil {
		return nil, 0
	}
	age := e.age(c.clock.Now())
	if age >= e.ttl {
		return nil, 0
	}
	return &e.packed, age
}

// keep stores a tidied message if it may be kept.
func (c *ttlCache) keep(key, msg []byte) {
	offsets, ttl, ok := lifetime(msg)
	if !ok || ttl == 0 {
		return
	}
	e := &cacheEntry{packed: packed{full: msg, ttls: offsets}, stored: c.clock.Now(), ttl: ttl}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, have := c.entries[string(key)]; !have && len(c.entries) >= c.size {
		c.evict(e.stored)
	}
	c.entries[string(key)] = e
}

// evict makes room. It looks at a few entries only, which the map gives in no order.
func (c *ttlCache) evict(now time.Time) {
	const looks = 16
	seen, victim := 0, ""
	for k, e := range c.entries {
		if victim = k; e.age(now) >= e.ttl {
			break
		}
		if seen++; seen == looks {
			break
		}
	}
	delete(c.entries, victim)
}

func (c *ttlCache) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.entries)
}

// lifetime finds where the TTLs are, and how long the message can be kept: its lowest TTL; for an answer that denies,
// that of its SOA record and no longer than its minimum (RFC 2308 §5); for a failure, a moment.
func lifetime(msg []byte) (offsets []int, ttl uint32, ok bool) {
	rcode := int(msg[offFlags+1] & 0xf)
	answers := int(binary.BigEndian.Uint16(msg[offANCount:]))
	records := answers + int(binary.BigEndian.Uint16(msg[offNSCount:]))
	ttl = maxPositiveTTL
	at := skipName(msg, headerLen)
	if at < 0 || at+4 > len(msg) {
		return nil, 0, false
	}
	at += 4
	denies := true
	for i := range records {
		at = skipName(msg, at)
		if at < 0 || at+10 > len(msg) {
			return nil, 0, false
		}
		fixed := msg[at : at+10]
		end := at + 10 + int(binary.BigEndian.Uint16(fixed[8:]))
		if end > len(msg) {
			return nil, 0, false
		}
		offsets = append(offsets, at+4)
		ttl = min(ttl, validTTL(binary.BigEndian.Uint32(fixed[4:])))
		if i < answers && binary.BigEndian.Uint16(fixed) != mdns.TypeCNAME {
			denies = false
		}
		if i >= answers && end-at >= 14 {
			ttl = min(ttl, binary.BigEndian.Uint32(msg[end-4:end]))
		}
		at = end
	}
	return offsets, bound(ttl, rcode, denies, records > answers), true
}

// bound applies the limits for the kind of answer. What denies without a SOA record cannot be kept (RFC 2308 §5).
func bound(ttl uint32, rcode int, denies, hasSOA bool) uint32 {
	switch {
	case rcode != mdns.RcodeSuccess && rcode != mdns.RcodeNameError:
		return failureTTL
	case !denies && rcode == mdns.RcodeSuccess:
		return ttl
	case !hasSOA:
		return 0
	}
	return min(ttl, maxNegativeTTL)
}

// validTTL reads a TTL with the highest bit set as zero: RFC 2181 §8.
func validTTL(t uint32) uint32 {
	if t > maxTTL {
		return 0
	}
	return t
}
