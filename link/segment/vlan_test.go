package segment

import (
	"bytes"
	"encoding/binary"
	"testing"

	"tapestry/link"
	"tapestry/link/ethernet"
)

// tagged puts tags of 802.1Q behind the addresses of b; the last argument is the innermost.
func tagged(b []byte, tci ...uint16) []byte {
	out := bytes.Clone(b[:12])
	for _, t := range tci {
		out = binary.BigEndian.AppendUint16(append(out, 0x81, 0), t)
	}
	return append(out, b[12:]...)
}

func TestVLANs(t *testing.T) {
	s := newSegment(t, Config{VLANs: true})
	one, five := listen(t, s, PortConfig{}), listen(t, s, PortConfig{VLAN: VLAN{PVID: 5}})
	trunk := listen(t, s, PortConfig{VLAN: VLAN{Trunk: VLANSet{{1, 10}}}})
	native := listen(t, s, PortConfig{VLAN: VLAN{PVID: 5, Trunk: VLANSet{{6, 6}, {20, 20}}}})
	all := []*listener{one, five, trunk, native}
	b := octets(ethernet.Broadcast, addr(0), 100)
	const priority = 3 << 13
	tests := []struct {
		name  string
		from  *listener
		frame []byte
		want  [4][]byte // of all; nil: nothing
	}{
		{"untagged on access 1", one, b, [4][]byte{2: tagged(b, 1)}},
		{"untagged on access 5", five, b, [4][]byte{2: tagged(b, 5), 3: b}},
		{"priority on access 5", five, tagged(b, priority), [4][]byte{2: tagged(b, priority|5), 3: b}},
		{"own tag on access 5", five, tagged(b, 5), [4][]byte{2: tagged(b, 5), 3: b}},
		{"other tag on access 5", five, tagged(b, 1), [4][]byte{}},
		{"untagged on a trunk", trunk, b, [4][]byte{}},
		{"priority on a trunk", trunk, tagged(b, priority), [4][]byte{}},
		{"1 on a trunk", trunk, tagged(b, priority|1), [4][]byte{0: b}},
		{"5 on a trunk", trunk, tagged(b, 5), [4][]byte{1: b, 3: b}},
		{"6 on a trunk", trunk, tagged(b, priority|6), [4][]byte{3: tagged(b, priority|6)}},
		{"20 on a trunk without", trunk, tagged(b, 20), [4][]byte{}},
		{"reserved on a trunk", trunk, tagged(b, 4095), [4][]byte{}},
		{"untagged on native 5", native, b, [4][]byte{1: b, 2: tagged(b, 5)}},
		{"5 on native 5", native, tagged(b, 5), [4][]byte{1: b, 2: tagged(b, 5)}},
		{"two tags on a trunk", trunk, tagged(b, 5, 77), [4][]byte{1: tagged(b, 77), 3: tagged(b, 77)}},
		{"nobody else in 20", native, tagged(b, 20), [4][]byte{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.from.say(tt.frame)
			for i, l := range all {
				if tt.want[i] == nil {
					l.expect(t, tt.name)
				} else {
					l.expect(t, tt.name, tt.want[i])
				}
			}
		})
	}
	trunk.expectDrops(t, "vlan", 4)
	five.expectDrops(t, "vlan", 1)
	if got := trunk.Info().VLAN; got != "trunk 1-10" {
		t.Errorf("Info().VLAN = %q", got)
	}
}

// TestVLANLearning: the same address in two VLANs is two stations.
func TestVLANLearning(t *testing.T) {
	s := newSegment(t, Config{VLANs: true})
	a, b := listen(t, s, PortConfig{VLAN: VLAN{PVID: 1}}), listen(t, s, PortConfig{VLAN: VLAN{PVID: 2}})
	trunk := listen(t, s, PortConfig{VLAN: VLAN{Trunk: AllVLANs()}})
	third := listen(t, s, PortConfig{VLAN: VLAN{PVID: 1}})
	for _, l := range []*listener{a, b} {
		l.say(octets(ethernet.Broadcast, addr(0), 60))
	}
	trunk.take()
	third.take()
	to := octets(addr(0), addr(1), 60)
	trunk.say(tagged(to, 1))
	a.expect(t, "VLAN 1", to)
	trunk.say(tagged(to, 2))
	b.expect(t, "VLAN 2", to)
	a.expect(t, "VLAN 2")
	third.expect(t, "unicast")
	if got := s.Addrs(); len(got) != 4 || got[0].VLAN != 1 || got[3].VLAN != 2 {
		t.Errorf("Addrs = %+v, want two in each VLAN", got)
	}
}

// TestRetagSuperFrame: tags come and go on super-frames, whose metadata follow, and other owners see nothing of it.
func TestRetagSuperFrame(t *testing.T) {
	s := newSegment(t, Config{VLANs: true})
	access := listen(t, s, PortConfig{Offload: AllOffloads})
	whole := listen(t, s, PortConfig{Offload: AllOffloads, VLAN: VLAN{Trunk: AllVLANs()}})
	plain := listen(t, s, PortConfig{VLAN: VLAN{Trunk: AllVLANs()}})
	back := listen(t, s, PortConfig{})
	f := superFrame(ethernet.Broadcast, addr(0), 10_000, 1400)
	kept, before := f.Clone(), f.AppendTo(nil)
	segments, err := link.Segment(nil, &f, 0)
	if err != nil {
		t.Fatal(err)
	}
	var want, untagged [][]byte
	for i := range segments {
		untagged = append(untagged, segments[i].AppendTo(nil))
		want = append(want, tagged(untagged[i], 1))
	}
	link.ReleaseAll(segments)
	access.Write([]link.Frame{f})
	plain.expect(t, "segments", want...)
	back.expect(t, "segments", untagged...)
	if len(whole.heard) != 1 {
		t.Fatalf("%d frames, want a super-frame", len(whole.heard))
	}
	got := whole.heard[0].Clone()
	whole.expect(t, "super-frame", tagged(before, 1))
	if got.CsumStart != 38 || got.GSO != link.GSOTCPv4 || !got.NeedsChecksum {
		t.Errorf("metadata %+v, want CsumStart 38", got)
	}
	if !bytes.Equal(kept.AppendTo(nil), before) {
		t.Error("another owner's frame was changed")
	}
	kept.Release()
	whole.Write([]link.Frame{got})
	if len(access.heard) != 1 || access.heard[0].CsumStart != 34 {
		t.Errorf("on the way back: %+v, want CsumStart 34", access.heard)
	}
	access.expect(t, "the way back", before)
	back.expect(t, "the way back", untagged...)
}

// TestRetagBogus: metadata that points into what a tag changes is no frame to change.
func TestRetagBogus(t *testing.T) {
	s := newSegment(t, Config{VLANs: true})
	access := listen(t, s, PortConfig{Offload: AllOffloads})
	trunk := listen(t, s, PortConfig{Offload: AllOffloads, VLAN: VLAN{Trunk: AllVLANs()}})
	f := link.NewFrame(octets(addr(1), addr(0), 100))
	f.NeedsChecksum, f.CsumStart = true, 13
	access.Write([]link.Frame{f})
	trunk.expectDrops(t, "malformed", 1)
	trunk.expect(t, "bogus")
}

func TestVLANSet(t *testing.T) {
	for _, text := range []string{"1", "1-10,20", "4094", "1-4094"} {
		if s, err := ParseVLANs(text); err != nil || s.String() != text {
			t.Errorf("ParseVLANs(%q) = %v, %v", text, s, err)
		}
	}
	for _, text := range []string{"", "0", "4095", "5-4", "1-", "x", "1,,2", "-1", "1-2-3", "70000"} {
		if s, err := ParseVLANs(text); err == nil {
			t.Errorf("ParseVLANs(%q) = %v, want an error", text, s)
		}
	}
}

// FuzzVLAN writes frames of any octets to a switch with VLANs: what leaves is in the VLANs of the port that it leaves by.
func FuzzVLAN(f *testing.F) {
	b := octets(ethernet.Broadcast, addr(0), 60)
	for _, seed := range [][]byte{b, tagged(b, 5), tagged(b, 5, 7), tagged(b, 0), b[:13], tagged(b, 5)[:16], tagged(b, 5)[:14]} {
		f.Add(seed, uint16(0), false)
		f.Add(seed, uint16(34), true)
	}
	f.Fuzz(func(t *testing.T, b []byte, start uint16, partial bool) {
		s := newSegment(t, Config{VLANs: true})
		l := []*listener{
			listen(t, s, PortConfig{VLAN: VLAN{PVID: 5}}),
			listen(t, s, PortConfig{VLAN: VLAN{PVID: 5, Trunk: VLANSet{{7, 7}}}}),
			listen(t, s, PortConfig{VLAN: VLAN{Trunk: VLANSet{{5, 7}}}, Offload: AllOffloads}),
		}
		for _, from := range l {
			frame := link.NewFrame(b)
			frame.NeedsChecksum, frame.CsumStart = partial, start
			from.Write([]link.Frame{frame})
		}
		for _, got := range l[2].take() {
			id := binary.BigEndian.Uint16(got[14:]) & 0xfff
			if got[12] != 0x81 || got[13] != 0 || id < 5 || id > 7 {
				t.Errorf("%x left a trunk of VLANs 5 to 7", got)
			}
		}
	})
}

// TestSecondTag: a second tag is payload, which the next switch reads where the first was taken away.
func TestSecondTag(t *testing.T) {
	s := newSegment(t, Config{VLANs: true})
	access := listen(t, s, PortConfig{})
	native := listen(t, s, PortConfig{VLAN: VLAN{PVID: 1, Trunk: AllVLANs()}})
	all := listen(t, s, PortConfig{VLAN: VLAN{Trunk: AllVLANs()}})
	other := listen(t, s, PortConfig{VLAN: VLAN{PVID: 20}})
	frame := octets(ethernet.Broadcast, addr(0), 60)
	access.say(tagged(frame, 1, 20))
	native.expect(t, "the trunk with the station's VLAN as its PVID", tagged(frame, 20))
	all.expect(t, "the trunk without a PVID", tagged(frame, 1, 20))
	other.expect(t, "the other VLAN of the same switch")
	access.say(tagged(frame, 20, 1))
	access.expectDrops(t, "vlan", 1)
}
