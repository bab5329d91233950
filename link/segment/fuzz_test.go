package segment

import (
	"testing"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/internal/wire"
)

// FuzzFrame writes frames of any octets, with any metadata, to segments whose ports differ in what they take: what a
// station is given is within its MTU and leaves nothing undone that it does not do.
func FuzzFrame(f *testing.F) {
	b := octets(ethernet.Broadcast, addr(0), 60)
	for _, seed := range [][]byte{b, tagged(b, 5), tagged(b, 5, 7), b[:13], octets(addr(1), addr(0), 1514), nil} {
		f.Add(seed, uint8(0), uint16(0), uint16(0), uint16(0), false)
	}
	s := superFrame(addr(1), addr(0), 5000, 1000)
	f.Add(s.AppendTo(nil), uint8(s.GSO), s.GSOSize, s.CsumStart, s.CsumOffset, s.NeedsChecksum)
	f.Add(s.AppendTo(nil), uint8(s.GSO), uint16(65535), s.CsumStart, s.CsumOffset, s.NeedsChecksum)
	s.Release()
	f.Fuzz(func(t *testing.T, b []byte, gso uint8, size, start, offset uint16, partial bool) {
		for _, c := range []Config{{}, {Kind: Hub}, {VLANs: true}, {Tree: &TreeConfig{}}, {ForwardReserved: true}} {
			crossAny(t, c, b, link.Frame{
				GSO: link.GSO(gso), GSOSize: size, CsumStart: start, CsumOffset: offset, NeedsChecksum: partial,
			})
		}
	})
}

// crossAny has a frame of octets b, with the metadata of meta, cross a segment from each of its ports.
func crossAny(t *testing.T, c Config, b []byte, meta link.Frame) {
	t.Helper()
	c.Clock = newHandClock()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ports := []PortConfig{{}, {MTU: 576}, {Offload: AllOffloads, MTU: maxMTU}, {Offload: link.OffloadChecksum}}
	if c.VLANs {
		ports[2].VLAN, ports[3].VLAN = VLAN{Trunk: AllVLANs()}, VLAN{PVID: 1, Trunk: AllVLANs()}
	}
	var all []*Port
	for _, p := range ports {
		p.Tree.Edge = c.Tree != nil
		p.Out = func(f []link.Frame) { takeAny(t, p, f) }
		to, err := s.Attach(p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, to)
	}
	for _, from := range all {
		f := link.NewFrame(b)
		f.GSO, f.GSOSize, f.CsumStart, f.CsumOffset, f.NeedsChecksum = meta.GSO, meta.GSOSize, meta.CsumStart, meta.CsumOffset, meta.NeedsChecksum
		from.Write([]link.Frame{f})
	}
}

// takeAny holds what a station is given against what its port may carry.
func takeAny(t *testing.T, p PortConfig, f []link.Frame) {
	mtu := p.MTU
	if mtu == 0 {
		mtu = defaultMTU
	}
	for i := range f {
		if !wire.IsReady(&f[i], p.Offload) || f[i].GSO == link.GSONone && !wire.Carries(mtu, &f[i]) {
			t.Errorf("MTU %d, offload %v: given %d octets, GSO %v of %d, checksum left %v",
				mtu, p.Offload, f[i].Len(), f[i].GSO, f[i].GSOSize, f[i].NeedsChecksum)
		}
	}
	link.ReleaseAll(f)
}
