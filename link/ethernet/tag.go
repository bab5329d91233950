package ethernet

import (
	"encoding/binary"
	"fmt"
)

// MaxVID is the largest VLAN identifier in use; 4095 is reserved (IEEE 802.1Q §9.6).
const MaxVID = 4094

// Tag is a VLAN tag (IEEE 802.1Q §9.6).
type Tag struct {
	Type EtherType // TypeVLAN, or TypeQinQ for a service tag; zero is written as TypeVLAN
	PCP  uint8     // priority, 0 to 7
	DEI  bool      // may be dropped first
	VID  uint16    // the VLAN, 12 bits; 0: priority alone
}

// String gives the tag as "802.1Q vid 5 pcp 3 dei".
func (t Tag) String() string {
	s := fmt.Sprintf("%v vid %d", t.Type, t.VID)
	if t.PCP != 0 {
		s += fmt.Sprintf(" pcp %d", t.PCP)
	}
	if t.DEI {
		s += " dei"
	}
	return s
}

// parseTag reads TagLen octets.
func parseTag(b []byte) Tag {
	tci := binary.BigEndian.Uint16(b[2:])
	return Tag{
		Type: EtherType(binary.BigEndian.Uint16(b)),
		PCP:  uint8(tci >> 13),
		DEI:  tci&0x1000 != 0,
		VID:  tci & 0xfff,
	}
}

func (t Tag) check() error {
	switch {
	case t.Type != 0 && t.Type != TypeVLAN && t.Type != TypeQinQ:
		return fmt.Errorf("ethernet: tag type %v: want 802.1Q or 802.1ad", t.Type)
	case t.PCP > 7:
		return fmt.Errorf("ethernet: tag priority %d: want 0 to 7", t.PCP)
	case t.VID > 0xfff:
		return fmt.Errorf("ethernet: VLAN %d: want 0 to %d", t.VID, MaxVID)
	}
	return nil
}

func (t Tag) appendTo(b []byte) []byte {
	if t.Type == 0 {
		t.Type = TypeVLAN
	}
	tci := uint16(t.PCP)<<13 | t.VID
	if t.DEI {
		tci |= 0x1000
	}
	b = binary.BigEndian.AppendUint16(b, uint16(t.Type))
	return binary.BigEndian.AppendUint16(b, tci)
}
