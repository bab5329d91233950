package ethernet

import (
	"encoding/binary"
	"fmt"
)

// Fields is the content of a frame's headers, to write them.
type Fields struct {
	Destination, Source Addr
	Tags                []Tag // at most MaxTags, the outermost first
	Kind                Kind
	Type                EtherType // of Ethernet II and SNAP
	LLC                 LLC       // of 802.2
	OUI                 OUI       // of SNAP
}

// Len is how many octets AppendTo appends.
func (f Fields) Len() int {
	n := HeaderLen + len(f.Tags)*TagLen
	switch f.Kind {
	case KindLLC:
		n += f.LLC.Len()
	case KindSNAP:
		n += snapLen
	}
	return n
}

// AppendTo appends the headers of a frame with payload octets of payload to b. The payload of raw 802.3 must start with
// FF FF, or receivers take it for something else.
func (f Fields) AppendTo(b []byte, payload int) ([]byte, error) {
	if err := f.check(payload); err != nil {
		return b, err
	}
	b = append(b, f.Destination[:]...)
	b = append(b, f.Source[:]...)
	for _, t := range f.Tags {
		b = t.appendTo(b)
	}
	if f.Kind == KindII {
		return binary.BigEndian.AppendUint16(b, uint16(f.Type)), nil
	}
	b = binary.BigEndian.AppendUint16(b, uint16(f.length(payload)))
	switch f.Kind {
	case KindLLC:
		b = f.LLC.appendTo(b)
	case KindSNAP:
		b = LLC{DSAP: SAPSNAP, SSAP: SAPSNAP, Control: ControlUI}.appendTo(b)
		b = append(b, f.OUI[:]...)
		b = binary.BigEndian.AppendUint16(b, uint16(f.Type))
	}
	return b, nil
}

// length is the value of the length field.
func (f Fields) length(payload int) int {
	return f.Len() - HeaderLen - len(f.Tags)*TagLen + payload
}

// check refuses what would not parse back.
func (f Fields) check(payload int) error {
	if len(f.Tags) > MaxTags {
		return ErrTags
	}
	for _, t := range f.Tags {
		if err := t.check(); err != nil {
			return err
		}
	}
	switch {
	case f.Kind > KindSNAP:
		return fmt.Errorf("ethernet: frame type %d is none", f.Kind)
	case f.Kind == KindII && (f.Type < MinEtherType || f.Type == TypeVLAN || f.Type == TypeQinQ):
		return fmt.Errorf("ethernet: type %v in a frame of kind %v: want a protocol of 0x%04x or more", f.Type, f.Kind, uint16(MinEtherType))
	case f.Kind != KindII && (payload < 0 || f.length(payload) > MaxLength):
		return fmt.Errorf("ethernet: %d octets of payload in a frame of kind %v: at most %d", payload, f.Kind, MaxLength-f.length(0))
	}
	return f.checkLLC(payload)
}

// checkLLC refuses headers that look like those of another kind.
func (f Fields) checkLLC(payload int) error {
	switch {
	case f.Kind == KindRaw && payload < 2:
		return fmt.Errorf("ethernet: raw 802.3 without the two octets FF FF")
	case f.Kind != KindLLC:
		return nil
	case f.LLC.DSAP == SAPGlobal && f.LLC.SSAP == SAPGlobal:
		return fmt.Errorf("ethernet: LLC from and to the global access point reads as raw 802.3")
	case f.LLC.DSAP == SAPSNAP && f.LLC.SSAP == SAPSNAP && f.LLC.Control == ControlUI:
		return fmt.Errorf("ethernet: LLC AA AA 03 is SNAP: write it as such")
	}
	return nil
}

// Pad appends zeros to a frame until it has MinFrame octets (RFC 894, RFC 1042).
func Pad(b []byte) []byte {
	if n := MinFrame - len(b); n > 0 {
		var zeros [MinFrame]byte
		b = append(b, zeros[:n]...)
	}
	return b
}
