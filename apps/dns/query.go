package dns

import (
	"encoding/binary"

	mdns "github.com/miekg/dns"
)

// Offsets and bits of the header, RFC 1035 §4.1.1; AD and CD of RFC 4035 §3.
const (
	offID      = 0
	offFlags   = 2
	offQDCount = 4
	offANCount = 6
	offNSCount = 8
	offARCount = 10
	headerLen  = 12

	flagQR     = 1 << 15
	maskOpcode = 0xf << 11
	flagAA     = 1 << 10
	flagTC     = 1 << 9
	flagRD     = 1 << 8
	flagRA     = 1 << 7
)

const (
	maxName  = 255 // octets of a name on the wire, RFC 1035 §2.3.4
	maxLabel = 63
	optLen   = 11 // of an OPT record without options, RFC 6891 §6.1.2

	// minPayload is what every client takes over UDP, RFC 1035 §2.3.4; a smaller offer means this one, RFC 6891 §6.2.3.
	minPayload = 512

	// maxAdditional bounds the records that are looked at for the OPT record.
	maxAdditional = 8
)

// verdict is what the parser says about a request.
type verdict int

const (
	accept verdict = iota
	reject         // answer with query.rcode
	ignore         // answer nothing
)

// query is a request taken apart. It borrows the bytes it was parsed from, and is parsed without allocating.
type query struct {
	msg   []byte
	id    uint16
	flags uint16
	rcode int // what a rejected request is answered with

	qtype, qclass uint16
	question      int // end of the question section; zero if there is none that can be repeated

	edns    bool
	do      bool
	version uint8
	payload int // what the client takes over UDP

	key    [maxName + 4]byte // the question, its name in lower case: what caches are keyed with
	keyLen int
}

// parse reads a request. A message that says that it is a response is never answered, or two servers could send each
// other errors forever.
func (q *query) parse(b []byte) verdict {
	if len(b) < headerLen {
		return ignore
	}
	q.msg, q.payload = b, minPayload
	q.id = binary.BigEndian.Uint16(b[offID:])
	q.flags = binary.BigEndian.Uint16(b[offFlags:])
	if q.flags&flagQR != 0 {
		return ignore
	}
	if q.flags&maskOpcode != mdns.OpcodeQuery<<11 {
		return q.fail(mdns.RcodeNotImplemented)
	}
	counts := b[offQDCount:headerLen]
	// RFC 9619 §4: a query has one question. It has no answer and no authority section but in IXFR, RFC 1995 §3.
	if binary.BigEndian.Uint16(counts) != 1 || binary.BigEndian.Uint16(counts[2:]) != 0 {
		return q.fail(mdns.RcodeFormatError)
	}
	if !q.parseQuestion() || !q.parseRest(counts) {
		return q.fail(mdns.RcodeFormatError)
	}
	if q.version != 0 {
		return q.fail(mdns.RcodeBadVers) // RFC 6891 §6.1.3
	}
	return accept
}

func (q *query) fail(rcode int) verdict {
	q.rcode = rcode
	return reject
}

// parseQuestion copies the name into the key. The first name of a message has nothing to point to, so that a pointer
// is an error, as are the label types that nobody uses (RFC 6891 §5).
func (q *query) parseQuestion() bool {
	b, at := q.msg, headerLen
	for {
		if at >= len(b) {
			return false
		}
		n := int(b[at])
		end := at + 1 + n
		if n > maxLabel || end > len(b) || end-headerLen > maxName {
			return false
		}
		lowerLabel(q.key[at-headerLen:], b[at:end])
		at = end
		if n == 0 {
			break
		}
	}
	if at+4 > len(b) {
		return false
	}
	q.keyLen = at + 4 - headerLen
	copy(q.key[at-headerLen:q.keyLen], b[at:at+4])
	q.qtype = binary.BigEndian.Uint16(b[at:])
	q.qclass = binary.BigEndian.Uint16(b[at+2:])
	q.question = at + 4
	return true
}

// lowerLabel copies a label with its length octet, which is below 64 and so no letter.
func lowerLabel(dst, label []byte) {
	for i, c := range label {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst[i] = c
	}
}

// name is the question's name on the wire, in lower case.
func (q *query) name() []byte { return q.key[:q.keyLen-4] }

// parseRest looks for the OPT record behind the question. Octets behind the last record are an error.
func (q *query) parseRest(counts []byte) bool {
	authority := int(binary.BigEndian.Uint16(counts[4:]))
	additional := int(binary.BigEndian.Uint16(counts[6:]))
	if authority > 0 && (authority > 1 || q.qtype != mdns.TypeIXFR) || additional > maxAdditional {
		return false
	}
	at, ok := q.question, true
	for i := range authority + additional {
		if at, ok = q.parseRecord(at, i >= authority); !ok {
			return false
		}
	}
	return at == len(q.msg)
}

// parseRecord steps over one record and takes what it says if it is the OPT record of RFC 6891 §6.1.
func (q *query) parseRecord(at int, additional bool) (end int, ok bool) {
	start := at
	if at = skipName(q.msg, at); at < 0 || at+10 > len(q.msg) {
		return 0, false
	}
	fixed := q.msg[at : at+10]
	end = at + 10 + int(binary.BigEndian.Uint16(fixed[8:]))
	if end > len(q.msg) {
		return 0, false
	}
	if binary.BigEndian.Uint16(fixed) != mdns.TypeOPT {
		return end, true
	}
	if q.edns || !additional || at != start+1 || !validOptions(q.msg[at+10:end]) {
		return 0, false // RFC 6891 §6.1.1: one OPT record, and its name is the root
	}
	q.edns = true
	q.payload = max(minPayload, int(binary.BigEndian.Uint16(fixed[2:])))
	q.version = fixed[5]
	q.do = fixed[6]&0x80 != 0
	return end, true
}

// validOptions says whether b is a list of options; which ones does not matter, RFC 6891 §6.1.2.
func validOptions(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 4 {
			return false
		}
		n := 4 + int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b) {
			return false
		}
		b = b[n:]
	}
	return true
}

// skipName gives the end of the name at b[at:], without following its pointer; -1 if it does not end.
func skipName(b []byte, at int) int {
	for start := at; at < len(b) && at-start < maxName; {
		switch n := int(b[at]); {
		case n == 0:
			return at + 1
		case n&0xc0 == 0xc0:
			if at+2 > len(b) {
				return -1
			}
			return at + 2
		case n > maxLabel:
			return -1
		default:
			at += 1 + n
		}
	}
	return -1
}
