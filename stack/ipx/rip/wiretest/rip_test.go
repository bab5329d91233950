package wiretest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/rip"
)

func TestRIP(t *testing.T) {
	full := rip.Append(nil, rip.Response)
	for i := range rip.MaxEntries {
		full = rip.Entry{Network: ipxwire.Network(i + 1), Hops: 1, Ticks: 2}.AppendTo(full)
	}
	var packets [][]byte
	for _, b := range [][]byte{
		rip.Append(nil, rip.Request, rip.Entry{Network: rip.All, Hops: rip.Down}),
		rip.Append(nil, rip.Request, rip.Entry{Network: 0xbeef}, rip.Entry{Network: 0xf00d}),
		rip.Append(nil, rip.Response, rip.Entry{Network: 0xbeef, Hops: 2, Ticks: 3}, rip.Entry{Network: 0xf00d, Hops: 16, Ticks: 258}),
		full,
	} {
		packets = append(packets, packet(ipxwire.TypeRIP, ipxwire.SocketRIP, b))
	}
	got := judge(t, packets, "ipxrip.packet_type", "ipxrip.route_vector", "ipxrip.hops", "ipxrip.ticks")
	for i := range packets {
		if want := fieldsRIP(rip.Message(packets[i][ipxwire.HeaderLen:])); !slices.Equal(got[i], want) {
			t.Errorf("tshark reads\n%q, want\n%q", got[i], want)
		}
	}
}

// fieldsRIP gives the fields of a packet as tshark prints them.
func fieldsRIP(m rip.Message) []string {
	all := make([][]string, 3)
	for i := range m.Len() {
		e := m.Entry(i)
		for j, s := range []string{fmt.Sprintf("0x%08x", uint32(e.Network)), fmt.Sprint(e.Hops), fmt.Sprint(e.Ticks)} {
			all[j] = append(all[j], s)
		}
	}
	return joined(fmt.Sprint(uint16(m.Operation())), all)
}

// joined gives the first field, and the others with their values joined as tshark does.
func joined(first string, all [][]string) []string {
	out := []string{first}
	for _, s := range all {
		out = append(out, strings.Join(s, ","))
	}
	return out
}

// The capture's responses read and write back, and build the table of a network with one server.
func TestCapturedRIP(t *testing.T) {
	r := rip.New(rip.Config{Send: func(int, ipxwire.Addr, []byte) {}})
	r.AddPort(time.Time{}, 0, 0, 1)
	for _, h := range captured(t, "ipx.pcap") {
		if h.Destination().Socket != ipxwire.SocketRIP {
			continue
		}
		m, err := rip.Parse(h.Data())
		if err != nil {
			t.Fatalf("%v in %x", err, h.Data())
		}
		var entries []rip.Entry
		for i := range m.Len() {
			entries = append(entries, m.Entry(i))
		}
		if got := rip.Append(nil, m.Operation(), entries...); !bytes.Equal(got, h.Data()) {
			t.Errorf("writes %x, want %x", got, h.Data())
		}
		r.Deliver(time.Time{}, 0, h.Source(), h.Data())
	}
	want := []rip.Route{{
		Network: 0xa8f87967, Hops: 1, Ticks: 2, NextHop: ipxwire.Node{0x00, 0x03, 0x47, 0x1b, 0xc1, 0xa8},
		Expires: time.Time{}.Add(4 * time.Minute),
	}}
	if got := r.Routes(); !slices.Equal(got, want) {
		t.Errorf("the table is %+v, want %+v", got, want)
	}
	if s := r.Stats(); s.In != 10 || s.Malformed+s.Strangers+s.Conflicts != 0 {
		t.Errorf("counted %+v, want 10 packets without fault", s)
	}
}
