package pcap

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// Why a capture cannot be read.
var (
	ErrFormat   = errors.New("pcap: neither pcap nor pcapng")
	ErrLinkType = errors.New("pcap: link type is not Ethernet")
	ErrCorrupt  = errors.New("pcap: corrupt capture")
)

// Packet is one frame of a capture.
type Packet struct {
	Time      time.Time
	Data      []byte // valid until the next call
	Length    int    // octets that crossed; more than Data holds if the capture cut it
	Interface string // name of the interface; empty if the capture does not tell
	Direction Direction
}

// Reader reads the frames of a capture, pcap or pcapng. Its memory is bounded whatever the file says.
type Reader struct {
	r     *bufio.Reader
	order binary.ByteOrder
	next  func() (Packet, error)
	buf   []byte

	perSecond uint64 // of classic pcap: 1e6 or 1e9
	ifaces    []port // of the section
}

// port is what a section says of one interface.
type port struct {
	name      string
	perSecond uint64 // units of time
	offset    int64  // seconds
	snap      uint32
}

// NewReader reads a capture's header and tells the formats apart.
func NewReader(r io.Reader) (*Reader, error) {
	p := &Reader{r: bufio.NewReader(r)}
	magic, err := p.r.Peek(4)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, noEOF(err))
	}
	if binary.BigEndian.Uint32(magic) == blockSection {
		p.next = p.nextNG
		return p, p.readSection()
	}
	p.next = p.nextClassic
	return p, p.readClassicHeader(magic)
}

// Next reads the next frame; io.EOF after the last.
func (p *Reader) Next() (Packet, error) { return p.next() }

// readClassicHeader reads the file header (draft-ietf-opsawg-pcap §4).
func (p *Reader) readClassicHeader(magic []byte) error {
	for _, p.order = range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch p.order.Uint32(magic) {
		case 0xa1b2c3d4:
			p.perSecond = 1e6
		case 0xa1b23c4d:
			p.perSecond = 1e9
		}
		if p.perSecond != 0 {
			break
		}
	}
	if p.perSecond == 0 {
		return ErrFormat
	}
	h, err := p.read(24)
	if err != nil {
		return err
	}
	if t := p.order.Uint32(h[20:]) & 0x0fffffff; t != linkEthernet {
		return fmt.Errorf("%w but %d", ErrLinkType, t)
	}
	return nil
}

// nextClassic reads a packet record (draft-ietf-opsawg-pcap §5).
func (p *Reader) nextClassic() (Packet, error) {
	if _, err := p.r.Peek(1); err != nil {
		return Packet{}, err
	}
	h, err := p.read(16)
	if err != nil {
		return Packet{}, err
	}
	sec, frac := int64(p.order.Uint32(h)), uint64(p.order.Uint32(h[4:]))
	n, length := p.order.Uint32(h[8:]), p.order.Uint32(h[12:])
	if n > length || n > maxBlock || length > 1<<31-1 {
		return Packet{}, fmt.Errorf("%w: %d of %d octets captured", ErrCorrupt, n, length)
	}
	data, err := p.read(int(n))
	if err != nil {
		return Packet{}, err
	}
	return Packet{Time: time.Unix(sec, int64(frac*(1e9/p.perSecond))).UTC(), Data: data, Length: int(length)}, nil
}

// read gives the next n octets, valid until the next read.
func (p *Reader) read(n int) ([]byte, error) {
	if n > cap(p.buf) {
		p.buf = make([]byte, max(n, 4096))
	}
	b := p.buf[:n]
	if _, err := io.ReadFull(p.r, b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, noEOF(err))
	}
	return b, nil
}

// noEOF makes the end of the file inside of something what it is.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
