package wiretest

import (
	"bytes"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/internal/nstest"
	"tapestry/stack/ipx/sap"
)

var server = ipxwire.Addr{Net: 0xcafe, Node: ipxwire.Node{5: 1}, Socket: 0x451}

func name(s string) (n sap.Name) {
	copy(n[:], s)
	return n
}

func TestSAP(t *testing.T) {
	full := sap.AppendResponse(nil, sap.GeneralResponse)
	for i := range sap.MaxEntries {
		full = sap.Entry{Type: sap.Type(i + 3), Name: name(fmt.Sprint("S", i)), Addr: server, Hops: uint16(i)}.AppendTo(full)
	}
	nearest := sap.Entry{Type: sap.FileServer, Name: name("ALPHA"), Addr: server, Hops: 1}
	longest := sap.Entry{Type: sap.DirectoryServer, Name: name(strings.Repeat("Z", 47)), Addr: server, Hops: sap.Down}
	hostile := sap.Entry{Type: 0x1234, Name: name("PRI\x1b["), Addr: ipxwire.Addr{}, Hops: 0xffff}
	var packets [][]byte
	for _, b := range [][]byte{
		sap.AppendQuery(nil, sap.GeneralQuery, sap.AnyType),
		sap.AppendQuery(nil, sap.NearestQuery, sap.FileServer),
		sap.AppendResponse(nil, sap.NearestResponse, nearest),
		sap.AppendResponse(nil, sap.GeneralResponse, longest, hostile),
		full,
	} {
		packets = append(packets, packet(ipxwire.TypePEP, ipxwire.SocketSAP, b))
	}
	got := judge(t, packets, "ipxsap.packet_type", "ipxsap.server.type", "ipxsap.server.name",
		"ipxsap.server.network", "ipxsap.server.node", "ipxsap.server.socket", "ipxsap.server.intermediate_networks")
	for i := range packets {
		if want := fieldsSAP(sap.Message(packets[i][ipxwire.HeaderLen:])); !slices.Equal(got[i], want) {
			t.Errorf("tshark reads\n%q, want\n%q", got[i], want)
		}
	}
}

// fieldsSAP gives the fields of a packet as tshark prints them.
func fieldsSAP(m sap.Message) []string {
	all := make([][]string, 6)
	if m.Len() == 0 {
		all[0] = []string{fmt.Sprintf("0x%04x", uint16(m.Type()))}
	}
	for i := range m.Len() {
		e := m.Entry(i)
		for j, s := range []string{
			fmt.Sprintf("0x%04x", uint16(e.Type)), strings.TrimRight(string(e.Name[:]), "\x00"),
			fmt.Sprintf("0x%08x", uint32(e.Addr.Net)), pairs(e.Addr.Node),
			fmt.Sprintf("0x%04x", uint16(e.Addr.Socket)), fmt.Sprint(e.Hops),
		} {
			all[j] = append(all[j], s)
		}
	}
	return joined(fmt.Sprint(uint16(m.Operation())), all)
}

// pairs gives a node as 02:00:00:00:00:01.
func pairs(n ipxwire.Node) string {
	return strings.ReplaceAll(strings.TrimSpace(fmt.Sprintf("% x", n[:])), " ", ":")
}

// The names of all types are tshark's.
func TestSAPTypes(t *testing.T) {
	out, err := exec.Command(nstest.Tool(t, "tshark"), "-G", "values").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := map[sap.Type]string{}
	for l := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSuffix(l, "\n"), "\t")
		if len(f) != 4 || f[0] != "V" || f[1] != "ipxsap.server.type" {
			continue
		}
		n, err := strconv.ParseUint(f[2], 0, 16)
		if err != nil {
			t.Fatal(err)
		}
		want[sap.Type(n)] = f[3]
	}
	if len(want) < 200 {
		t.Fatalf("tshark lists %d types only", len(want))
	}
	for i := range 1 << 16 {
		k := sap.Type(i)
		s, ok := want[k]
		if !ok {
			s = fmt.Sprintf("type %04x", i)
		}
		if k.String() != s {
			t.Errorf("type %04x is %q, want %q", i, k, s)
		}
	}
}

// The capture's responses read and write back, and build the table: a printer, and servers of Windows that name no
// network and advertise themselves from other sockets.
func TestCapturedSAP(t *testing.T) {
	a := sap.New(sap.Config{Send: func(int, ipxwire.Addr, []byte) {}})
	a.AddPort(time.Time{}, 0, 0)
	for _, h := range captured(t, "ipx.pcap") {
		if h.Destination().Socket != ipxwire.SocketSAP {
			continue
		}
		m, err := sap.Parse(h.Data())
		if err != nil {
			t.Fatalf("%v in %x", err, h.Data())
		}
		var entries []sap.Entry
		for i := range m.Len() {
			entries = append(entries, m.Entry(i))
		}
		if got := sap.AppendResponse(nil, m.Operation(), entries...); !bytes.Equal(got, h.Data()) {
			t.Errorf("writes %x, want %x", got, h.Data())
		}
		a.Deliver(time.Time{}, 0, h.Source(), h.Data())
	}
	var got []string
	for _, s := range a.Services() {
		got = append(got, fmt.Sprintf("%s %04x %v %d from %v", s.Name, uint16(s.Type), s.Addr, s.Hops, s.From))
	}
	want := []string{
		"0030C1BF575580D0NPIBF5755 030c 00000000:0030c1bf5755:400c 1 from 0030c1bf5755",
		"AVESH!!!!!!!!!!A5569B20ABE511CE9CA400004C762832 064e 00000000:0013206183a3:4000 1 from 0013206183a3",
		"EKTA!!!!!!!!!!!A5569B20ABE511CE9CA400004C762832 064e 00000000:001485accdad:4000 1 from 001485accdad",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the table is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if s := a.Stats(); s.In != 27 || s.Malformed+s.Strangers != 0 {
		t.Errorf("counted %+v, want 27 packets without fault", s)
	}
}
