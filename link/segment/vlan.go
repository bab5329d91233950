package segment

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"gvisor.dev/gvisor/pkg/buffer"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// VLAN says which VLANs a port is in (IEEE 802.1Q-2018 §8.6). The zero value is an access port of VLAN 1.
type VLAN struct {
	// PVID is the VLAN of frames without a tag, which lose theirs on the way out. Default: 1 of an access port, none of a
	// trunk, which then drops frames without a tag.
	PVID uint16
	// Trunk are the VLANs whose frames have tags here. With any, the port is a trunk.
	Trunk VLANSet
}

// String describes the port's part: "access 5", "trunk 1-10,20 native 1".
func (v VLAN) String() string {
	switch {
	case len(v.Trunk) == 0:
		return fmt.Sprintf("access %d", max(v.PVID, 1))
	case v.PVID == 0:
		return "trunk " + v.Trunk.String()
	}
	return fmt.Sprintf("trunk %v native %d", v.Trunk, v.PVID)
}

// VLANSet is a set of VLANs as ranges.
type VLANSet []VLANRange

// VLANRange is First, Last and what is between.
type VLANRange struct{ First, Last uint16 }

// AllVLANs are all that there are.
func AllVLANs() VLANSet { return VLANSet{{1, ethernet.MaxVID}} }

// ParseVLANs reads a list like "1-10,20".
func ParseVLANs(text string) (VLANSet, error) {
	var s VLANSet
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		a, errA := strconv.ParseUint(first, 10, 16)
		b, errB := strconv.ParseUint(last, 10, 16)
		if errA != nil || errB != nil {
			return nil, fmt.Errorf("segment: VLANs %q: want numbers and ranges like 1-10,20", text)
		}
		s = append(s, VLANRange{uint16(a), uint16(b)})
	}
	return s, s.check()
}

func (s VLANSet) check() error {
	for _, r := range s {
		if r.First < 1 || r.First > r.Last || r.Last > ethernet.MaxVID {
			return fmt.Errorf("segment: VLANs %v: want 1 to %d, the lower first", s, ethernet.MaxVID)
		}
	}
	return nil
}

// String gives what ParseVLANs reads.
func (s VLANSet) String() string {
	var b []byte
	for i, r := range s {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(r.First), 10)
		if r.Last != r.First {
			b = strconv.AppendUint(append(b, '-'), uint64(r.Last), 10)
		}
	}
	return string(b)
}

// MarshalText gives String.
func (s VLANSet) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is ParseVLANs.
func (s *VLANSet) UnmarshalText(b []byte) (err error) {
	*s, err = ParseVLANs(string(b))
	return err
}

// membership is a port's VLAN in the form that frames are held against.
type membership struct {
	aware  bool
	pvid   uint16
	tagged *[4096 / 64]uint64 // nil: an access port
}

func newMembership(c PortConfig, aware bool) (membership, error) {
	v := c.VLAN
	if !aware {
		if v.PVID != 0 || v.Trunk != nil {
			return membership{}, fmt.Errorf("segment: port %s: VLAN %v on a segment without: set Config.VLANs", c.Name, v)
		}
		return membership{}, nil
	}
	if v.PVID > ethernet.MaxVID {
		return membership{}, fmt.Errorf("segment: port %s: VLAN %d: want 1 to %d", c.Name, v.PVID, ethernet.MaxVID)
	}
	if err := v.Trunk.check(); err != nil {
		return membership{}, fmt.Errorf("%w (port %s)", err, c.Name)
	}
	m := membership{aware: true, pvid: v.PVID}
	if len(v.Trunk) == 0 {
		m.pvid = max(v.PVID, 1)
		return m, nil
	}
	m.tagged = new([4096 / 64]uint64)
	for _, r := range v.Trunk {
		for id := r.First; id <= r.Last; id++ {
			m.tagged[id/64] |= 1 << (id % 64)
		}
	}
	return m, nil
}

// isTagged reports whether the port sends frames of VLAN id with a tag.
func (m *membership) isTagged(id uint16) bool {
	return m.tagged != nil && id != m.pvid && m.tagged[id/64%64]>>(id%64)&1 != 0
}

// isMember reports whether frames of VLAN id cross the port. Without VLANs all do.
func (m *membership) isMember(id uint16) bool { return !m.aware || id == m.pvid || m.isTagged(id) }

// form is how a frame tells its VLAN.
type form uint8

// The forms.
const (
	formUntagged form = iota
	formPriority      // a tag of VLAN 0: a priority, and the VLAN of frames without a tag (IEEE 802.1Q-2018 §6.9.1)
	formTagged
)

// admit reads the tag of a frame with these first octets, and says which VLAN it is in; zero: none of this port's.
func (m *membership) admit(h []byte) (id uint16, is form) {
	if ethernet.EtherType(binary.BigEndian.Uint16(h[12:])) != ethernet.TypeVLAN {
		return m.pvid, formUntagged
	}
	if id = binary.BigEndian.Uint16(h[14:]) & 0xfff; id == 0 {
		return m.pvid, formPriority
	}
	if id == m.pvid || m.isTagged(id) {
		return id, formTagged
	}
	return 0, formTagged
}

// leave is the form in which frames of VLAN id leave the port.
func (m *membership) leave(id uint16, is form) form {
	switch {
	case !m.aware:
		return is
	case m.isTagged(id):
		return formTagged
	}
	return formUntagged
}

// headers is how many octets at the start of a frame are copied when its tag changes, so that headers stay together
// (see package link).
const headers = 128

// retag changes the tag of f, which has the form is, to that of VLAN id, or takes it away. The headers are copied, the
// payload is shared. It reports whether f's metadata allows that.
func retag(f *link.Frame, is, want form, id uint16) bool {
	const at = 2 * ethernet.AddrLen
	var b [headers]byte
	n, _ := f.Data.ReadAt(b[:], 0)
	rest, shift := at, 0
	tci := id
	if is != formUntagged {
		tci |= binary.BigEndian.Uint16(b[at+2:]) & 0xf000 // the priority stays
		rest, shift = rest+ethernet.TagLen, -ethernet.TagLen
	}
	if want == formTagged {
		shift += ethernet.TagLen
	}
	if f.NeedsChecksum {
		if start := int(f.CsumStart) + shift; int(f.CsumStart) < rest+2 || start > maxMTU {
			return false
		}
		f.CsumStart = uint16(int(f.CsumStart) + shift)
	}
	v := buffer.NewView(n + ethernet.TagLen)
	v.Write(b[:at])
	if want == formTagged {
		var tag [ethernet.TagLen]byte
		binary.BigEndian.PutUint16(tag[:], uint16(ethernet.TypeVLAN))
		binary.BigEndian.PutUint16(tag[2:], tci)
		v.Write(tag[:])
	}
	v.Write(b[rest:n])
	f.Data.TrimFront(int64(n))
	data := buffer.MakeWithView(v)
	data.Merge(&f.Data)
	f.Data = data
	return true
}
