package dump

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"tapestry/internal/services"
	"tapestry/link/ethernet"
)

// Bounds of what one frame may print.
const (
	maxDepth = 6  // packets within packets
	maxExt   = 12 // extension headers of a packet
	maxHex   = 32 // octets of a payload that is not known
)

// Frame describes an Ethernet frame, one line a layer, without a final newline.
func Frame(b []byte) string { return string(AppendFrame(nil, b)) }

// AppendFrame appends what Frame gives to dst.
func AppendFrame(dst, b []byte) []byte {
	p := printer{out: dst, start: len(dst)}
	p.ethernet(b)
	return p.out
}

// Packet describes an IPv4 or IPv6 packet without a link header.
func Packet(b []byte) string {
	p := printer{}
	p.ip(b)
	return string(p.out)
}

// printer writes the lines of one frame.
type printer struct {
	out   []byte
	start int // where our text starts
	depth int
}

// line begins a layer's line.
func (p *printer) line(format string, args ...any) {
	if len(p.out) > p.start {
		p.out = append(p.out, '\n')
	}
	p.add(format, args...)
}

// add continues the line.
func (p *printer) add(format string, args ...any) { p.out = fmt.Appendf(p.out, format, args...) }

// short is the line of a layer whose header does not fit.
func (p *printer) short(layer string, b []byte) {
	p.line("%s short, %d octets: %s", layer, len(b), hexed(b))
}

// data is the line of a payload that nobody knows; nothing if it is empty.
func (p *printer) data(b []byte) {
	if len(b) > 0 {
		p.line("data %d octets: %s", len(b), hexed(b))
	}
}

// hexed gives octets in hexadecimal, the first of them if there are many.
func hexed(b []byte) string {
	if len(b) > maxHex {
		return hex.EncodeToString(b[:maxHex]) + "…"
	}
	return hex.EncodeToString(b)
}

func be16(b []byte) uint16 { return binary.BigEndian.Uint16(b) }
func be32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }

// addr gives an address of 4 or 16 octets.
func addr(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a
}

// isSummed reports whether the internet checksum over b, its field included, and a pseudo-header's sum is right.
func isSummed(b []byte, pseudo uint16) bool { return checksum.Checksum(b, pseudo) == 0xffff }

// port gives a port with its name.
func port(network string, n uint16) string {
	if s := services.Port(network, n); s != "" {
		return fmt.Sprintf("%d (%s)", n, s)
	}
	return fmt.Sprint(n)
}

func (p *printer) ethernet(b []byte) {
	h, err := ethernet.Parse(b)
	if err != nil {
		p.line("%v, %d octets: %s", err, len(b), hexed(b))
		return
	}
	p.line("ethernet %v", h)
	payload := h.Payload()
	switch h.Kind() {
	case ethernet.KindRaw:
		p.ipx(payload)
	case ethernet.KindLLC:
		p.llc(h.LLC(), payload)
	default:
		p.etherType(h.Type(), payload)
	}
}

func (p *printer) llc(l ethernet.LLC, b []byte) {
	if l.DSAP == ethernet.SAPIPX && l.SSAP == ethernet.SAPIPX && l.Control == ethernet.ControlUI {
		p.ipx(b)
		return
	}
	p.data(b)
}

func (p *printer) etherType(t ethernet.EtherType, b []byte) {
	switch t {
	case ethernet.TypeIPv4:
		p.ipv4(b)
	case ethernet.TypeIPv6:
		p.ipv6(b)
	case ethernet.TypeARP:
		p.arp("arp", b)
	case ethernet.TypeRARP:
		p.arp("rarp", b)
	case ethernet.TypeIPX:
		p.ipx(b)
	default:
		p.data(b)
	}
}
