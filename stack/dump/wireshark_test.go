package dump_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tapestry/internal/ipxwire"
	"tapestry/internal/nstest"
	"tapestry/link/ethernet"
	"tapestry/stack/dump"
	"tapestry/stack/ipx/rip"
	"tapestry/stack/ipx/sap"
	"tapestry/stack/stacktest"
)

var (
	ipxA, _ = ipxwire.ParseAddr("0000cafe:020000000001:5000")
	ipxB, _ = ipxwire.ParseAddr("0000beef:020000000002:5001")
)

// sent is a packet, and what Wireshark is to find in it behind the header of IPX: protocols, fields by name with their
// octets (those of repeated fields with commas between), and data that it knows nothing about.
type sent struct {
	name   string
	ipx    stacktest.IPX // addresses default to ipxA and ipxB
	rest   []stacktest.Layer
	protos string
	fields map[string]string
	data   string
}

// between gives a header from one socket to another.
func between(src, dst ipxwire.Socket, t ipxwire.PacketType) stacktest.IPX {
	p := stacktest.IPX{Src: ipxA, Dst: ipxB, Type: t}
	p.Src.Socket, p.Dst.Socket = src, dst
	return p
}

// payload reads octets in hexadecimal; what stands in quotes is text.
func payload(s string) stacktest.Payload {
	var b []byte
	for i, part := range strings.Split(s, `"`) {
		if i%2 == 1 {
			b = append(b, part...)
			continue
		}
		octets, err := hex.DecodeString(strings.Join(strings.Fields(part), ""))
		if err != nil {
			panic(err)
		}
		b = append(b, octets...)
	}
	return b
}

// TestWiresharkReadsAll has Wireshark read each kind of packet in all four framings.
func TestWiresharkReadsAll(t *testing.T) {
	kinds := []ethernet.Kind{ethernet.KindII, ethernet.KindRaw, ethernet.KindLLC, ethernet.KindSNAP}
	for _, k := range kinds {
		t.Run(k.String(), func(t *testing.T) {
			var frames [][]byte
			for _, s := range packets() {
				frames = append(frames, s.frame(k))
			}
			all := tshark(t, frames...)
			for i, s := range packets() {
				t.Run(s.name, func(t *testing.T) {
					holdFraming(t, k, all[i])
					s.hold(t, frames[i], all[i])
					holdWireshark(t, frames[i], all[i])
				})
			}
		})
	}
}

func (s sent) frame(k ethernet.Kind) []byte {
	f := stacktest.Framing{Src: ethernet.Addr{2, 0, 0, 0, 0, 1}, Dst: ethernet.Addr{2, 0, 0, 0, 0, 2}, Kind: k}
	if s.ipx.Src == (ipxwire.Addr{}) {
		s.ipx.Src, s.ipx.Dst = ipxA, ipxB
	}
	s.ipx.Sum = s.ipx.Sum && k != ethernet.KindRaw
	return stacktest.Build(append([]stacktest.Layer{f, s.ipx}, s.rest...)...)
}

// holdFraming checks that Wireshark sees a frame of the kind.
func holdFraming(t *testing.T, k ethernet.Kind, d dissected) {
	t.Helper()
	want := map[ethernet.Kind][3]string{ // protocols, type of SNAP or Ethernet, of LLC the access points
		ethernet.KindII:   {"eth ipx", "8137", ""},
		ethernet.KindRaw:  {"eth ipx", "", ""},
		ethernet.KindLLC:  {"eth llc ipx", "", "e0e0"},
		ethernet.KindSNAP: {"eth llc ipx", "8137", "aaaa"},
	}[k]
	got := [3]string{strings.Join(d.protos[:min(len(d.protos), strings.Count(want[0], " ")+1)], " "),
		d.values("eth.type") + d.values("llc.type"), d.values("llc.dsap") + d.values("llc.ssap")}
	if got != want {
		t.Errorf("framing %v is read as %q, want %q", k, got, want)
	}
	if k == ethernet.KindRaw && !strings.Contains(d.first("eth").words, "Raw") {
		t.Errorf("not read as raw 802.3: %q", d.first("eth").words)
	}
}

// hold checks what Wireshark found.
func (s sent) hold(t *testing.T, frame []byte, d dissected) {
	t.Helper()
	if len(d.bad) > 0 {
		t.Errorf("Wireshark complains: %q\nframe %x", d.bad, frame)
	}
	i := slices.Index(d.protos, "ipx")
	if got := strings.Join(d.protos[i+1:], " "); got != s.protos {
		t.Errorf("read as %q, want %q", got, s.protos)
	}
	_, h, err := stacktest.ParseIPX(frame)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range headerFields(h) {
		if got := d.values(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	for name, want := range s.fields {
		if got := d.values(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if got := d.values("data.data"); got != s.data {
		t.Errorf("data is %s, want %s", got, s.data)
	}
}

// headerFields gives what Wireshark is to find in the header of a packet.
func headerFields(h ipxwire.Header) map[string]string {
	all := map[string]string{
		"ipx.checksum":    fmt.Sprintf("%04x", h.Checksum()),
		"ipx.len":         fmt.Sprintf("%04x", h.Len()),
		"ipx.hops":        fmt.Sprintf("%02x", h.Hops()),
		"ipx.packet_type": fmt.Sprintf("%02x", uint8(h.Type())),
	}
	for side, a := range map[string]ipxwire.Addr{"src": h.Source(), "dst": h.Destination()} {
		all["ipx."+side+".net"] = a.Net.String()
		all["ipx."+side+".node"] = a.Node.String()
		all["ipx."+side+".socket"] = fmt.Sprintf("%04x", uint16(a.Socket))
	}
	return all
}

// spxFields gives what Wireshark is to find in a header of SPX.
func spxFields(s stacktest.SPX) map[string]string {
	all := map[string]string{
		"spx.type":  fmt.Sprintf("%02x", s.Datastream),
		"spx.src":   fmt.Sprintf("%04x", s.SrcID),
		"spx.dst":   fmt.Sprintf("%04x", s.DstID),
		"spx.seq":   fmt.Sprintf("%04x", s.Seq),
		"spx.ack":   fmt.Sprintf("%04x", s.Ack),
		"spx.alloc": fmt.Sprintf("%04x", s.Alloc),
	}
	names := []string{"sys", "send_ack", "attn", "eom", "v2", "neg_size", "reserved", "ext_header"}
	if s.Control&stacktest.SPX2 == 0 {
		names = names[:4]
	}
	for i, name := range names {
		all["spx.ctl."+name] = fmt.Sprint(s.Control >> (7 - i) & 1)
	}
	all["spx.neg_size"] = ""
	if s.Control&stacktest.SPX2 != 0 && s.DstID != 0xffff {
		all["spx.neg_size"] = fmt.Sprintf("%04x", s.NegotiateSize)
	}
	return all
}

// overSPX gives a packet of SPX with data.
func overSPX(name string, s stacktest.SPX, data string) sent {
	return sent{
		name: name, rest: []stacktest.Layer{s, payload(data)}, protos: "spx",
		fields: spxFields(s), data: hex.EncodeToString(payload(data)),
	}
}

// packets are all kinds of packets, built by hand.
func packets() []sent {
	return slices.Concat(datagrams(), tables(), connections(), netbiosPackets(), ncpPackets())
}

func datagrams() []sent {
	short := sent{name: "no data", ipx: between(0x5000, 0x5001, ipxwire.TypeUnknown)}
	pep := sent{name: "pep", ipx: between(0x5000, 0x5001, ipxwire.TypePEP), rest: []stacktest.Layer{payload(`"hello"`)}, data: "68656c6c6f"}
	odd := pep
	odd.name, odd.ipx.Sum, odd.ipx.Hops = "checksum, hops, odd", true, 15
	broadcast := sent{name: "broadcast on this network", ipx: between(0x5000, 0x5001, ipxwire.TypePEP), rest: []stacktest.Layer{payload("00")}, data: "00"}
	broadcast.ipx.Dst.Net, broadcast.ipx.Dst.Node = 0, ipxwire.Broadcast
	echo := sent{name: "echo", ipx: between(0x5000, 2, ipxwire.TypeEcho), rest: []stacktest.Layer{payload(`"ping"`)}, data: "70696e67"}
	all := []sent{short, pep, odd, broadcast, echo}
	for _, n := range []int{546, 1440} { // 576 octets, and nearly all that fits into a frame with SNAP
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(i)
		}
		all = append(all, sent{
			name: fmt.Sprintf("%d octets", n), ipx: between(0x5000, 0x5001, ipxwire.TypePEP),
			rest: []stacktest.Layer{stacktest.Payload(b)}, data: hex.EncodeToString(b),
		})
	}
	for n := range 16 {
		t := ipxwire.PacketType(16 + n)
		if t != ipxwire.TypeNCP {
			all = append(all, sent{name: fmt.Sprintf("type %d", t), ipx: between(0x5000, 0x5001, t), rest: []stacktest.Layer{payload("01")}, data: "01"})
		}
	}
	for _, d := range []struct{ name, data string }{
		{"diagnostic request", "00"},
		{"diagnostic request, but of some", "02 020000000001 020000000003"},
		{"diagnostic response", "01 00 4002 03 00 02 06 02 00 0000cafe 020000000001 01 0000f00d 000000000001"},
	} {
		to := between(0x5000, ipxwire.SocketDiagnostic, ipxwire.TypePEP)
		if d.name == "diagnostic response" {
			to = between(ipxwire.SocketDiagnostic, 0x5000, ipxwire.TypePEP)
		}
		b := payload(d.data)
		all = append(all, sent{name: d.name, ipx: to, rest: []stacktest.Layer{b}, data: hex.EncodeToString(b)})
	}
	quoted := stacktest.Build(between(0x5001, 0x7777, ipxwire.TypePEP), payload(`"x"`))
	return append(all, sent{
		name: "error", ipx: between(3, 0x5001, ipxwire.TypeError), rest: []stacktest.Layer{payload("0002 0000"), stacktest.Payload(quoted)},
		data: "00020000" + hex.EncodeToString(quoted),
	})
}

func tables() []sent {
	ripTo := between(ipxwire.SocketRIP, ipxwire.SocketRIP, ipxwire.TypeRIP)
	return []sent{
		{
			name: "rip request for all", ipx: ripTo, protos: "ipxrip",
			rest:   []stacktest.Layer{stacktest.Payload(rip.Append(nil, rip.Request, rip.Entry{Network: rip.All, Hops: 0xffff, Ticks: 0xffff}))},
			fields: map[string]string{"ipxrip.packet_type": "0001", "ipxrip.route_vector": "ffffffff", "ipxrip.hops": "ffff", "ipxrip.ticks": "ffff"},
		},
		{
			name: "rip response", ipx: ripTo, protos: "ipxrip",
			rest: []stacktest.Layer{stacktest.Payload(rip.Append(nil, rip.Response,
				rip.Entry{Network: 0xcafe, Hops: 1, Ticks: 2}, rip.Entry{Network: 0xf00d, Hops: rip.Down, Ticks: 0x1234}))},
			fields: map[string]string{
				"ipxrip.packet_type": "0002", "ipxrip.route_vector": "0000cafe,0000f00d", "ipxrip.hops": "0001,0010", "ipxrip.ticks": "0002,1234",
			},
		},
		{
			name: "sap general query", ipx: between(0x5000, ipxwire.SocketSAP, ipxwire.TypePEP), protos: "ipxsap",
			rest:   []stacktest.Layer{stacktest.Payload(sap.AppendQuery(nil, sap.GeneralQuery, sap.AnyType))},
			fields: map[string]string{"ipxsap.packet_type": "0001", "ipxsap.server.type": "ffff"},
		},
		{
			name: "sap nearest query", ipx: between(0x5000, ipxwire.SocketSAP, ipxwire.TypeUnknown), protos: "ipxsap",
			rest:   []stacktest.Layer{stacktest.Payload(sap.AppendQuery(nil, sap.NearestQuery, sap.FileServer))},
			fields: map[string]string{"ipxsap.packet_type": "0003", "ipxsap.server.type": "0004"},
		},
		sapResponse("sap nearest response", sap.NearestResponse, 1),
		sapResponse("sap general response", sap.GeneralResponse, sap.MaxEntries),
	}
}

// sapResponse gives a response with n servers.
func sapResponse(name string, op sap.Operation, n int) sent {
	var entries []sap.Entry
	want := map[string][]string{}
	for i := range n {
		e := sap.Entry{Type: sap.Type(4 + i), Addr: ipxB, Hops: uint16(i + 1)}
		e.Name, _ = sap.MakeName(strings.Repeat("SERVER-", 6) + fmt.Sprint(i))
		entries = append(entries, e)
		for field, v := range map[string]string{
			"type": fmt.Sprintf("%04x", uint16(e.Type)), "name": hex.EncodeToString(e.Name[:]), "network": e.Addr.Net.String(),
			"node": e.Addr.Node.String(), "socket": fmt.Sprintf("%04x", uint16(e.Addr.Socket)), "intermediate_networks": fmt.Sprintf("%04x", e.Hops),
		} {
			want["ipxsap.server."+field] = append(want["ipxsap.server."+field], v)
		}
	}
	fields := map[string]string{"ipxsap.packet_type": fmt.Sprintf("%04x", uint16(op))}
	for name, v := range want {
		fields[name] = strings.Join(v, ",")
	}
	return sent{
		name: name, ipx: between(ipxwire.SocketSAP, 0x5001, ipxwire.TypePEP), protos: "ipxsap", fields: fields,
		rest: []stacktest.Layer{stacktest.Payload(sap.AppendResponse(nil, op, entries...))},
	}
}

func connections() []sent {
	const sys, ack, attn, eom, v2, neg = stacktest.SPXSystem, stacktest.SPXSendAck, stacktest.SPXAttention, stacktest.SPXEndOfMessage, stacktest.SPX2, stacktest.SPXNegotiate
	return []sent{
		overSPX("connection request", stacktest.SPX{Control: sys | ack, SrcID: 0x1234, DstID: 0xffff, Alloc: 4}, ""),
		overSPX("spx data", stacktest.SPX{Control: ack | eom, Datastream: 7, SrcID: 1, DstID: 2, Seq: 0xffff, Ack: 9, Alloc: 12}, `"hello"`),
		overSPX("spx attention", stacktest.SPX{Control: ack | attn, SrcID: 1, DstID: 2, Seq: 3}, `"!"`),
		overSPX("spx acknowledgement", stacktest.SPX{Control: sys, SrcID: 1, DstID: 2, Seq: 3, Ack: 4, Alloc: 5}, ""),
		overSPX("end", stacktest.SPX{Control: ack, Datastream: 0xfe, SrcID: 1, DstID: 2, Seq: 4}, ""),
		overSPX("end acknowledgement", stacktest.SPX{Control: sys, Datastream: 0xff, SrcID: 2, DstID: 1, Seq: 5}, ""),
		overSPX("spx ii request", stacktest.SPX{Control: sys | ack | v2 | neg, SrcID: 1, DstID: 0xffff, Alloc: 7}, ""),
		overSPX("spx ii answer", stacktest.SPX{Control: sys | v2 | neg, SrcID: 2, DstID: 1, Alloc: 7, NegotiateSize: 1500}, ""),
		overSPX("spx ii data", stacktest.SPX{Control: ack | v2, SrcID: 1, DstID: 2, Seq: 8, NegotiateSize: 1500}, `"hello"`),
		overSPX("spx ii release", stacktest.SPX{Control: ack | v2, Datastream: 0xfd, SrcID: 1, DstID: 2, Seq: 9, NegotiateSize: 1500}, ""),
	}
}

func netbiosPackets() []sent {
	const via = "0000cafe 0000beef 00000000 00000000 00000000 00000000 00000000 00000000"
	const alpha, beta = `"ALPHA          " 20`, `"BETA           " 00`
	names := map[string]string{
		"netbios.nb_name":      hex.EncodeToString(payload(`"ALPHA          "`)) + "," + hex.EncodeToString(payload(`"BETA           "`)),
		"netbios.nb_name_type": "20,00",
	}
	nb := func(t ipxwire.PacketType) stacktest.IPX {
		return between(ipxwire.SocketNetBIOS, ipxwire.SocketNetBIOS, t)
	}
	return []sent{
		{
			name: "netbios find name", ipx: nb(ipxwire.TypeNetBIOS), rest: []stacktest.Layer{payload(via + "c4 01" + alpha)}, protos: "nbipx",
			fields: map[string]string{
				"nmpi.ipx_network": "0000cafe,0000beef", "nmpi.name_flags": "c4", "nmpi.packettype": "01",
				"netbios.nb_name": hex.EncodeToString(payload(`"ALPHA          "`)), "netbios.nb_name_type": "20",
			},
		},
		{
			name: "netbios name recognized", ipx: nb(ipxwire.TypePEP), rest: []stacktest.Layer{payload(via + "44 02" + alpha)}, protos: "nbipx",
			fields: map[string]string{"nmpi.ipx_network": "0000cafe,0000beef", "nmpi.name_flags": "44", "nmpi.packettype": "02"},
		},
		{
			name: "netbios session", ipx: nb(ipxwire.TypePEP), protos: "nbipx", data: "68656c6c6f",
			rest: []stacktest.Layer{payload(`50 06 0100 0200 0300 0500 0000 0500 0400 0700 "hello"`)},
			fields: map[string]string{
				"nmpi.conn_control": "50", "nmpi.packettype": "06", "nmpi.session.src_conn_id": "0100", "nmpi.session.dest_conn_id": "0200",
				"nmpi.session.send_seq_number": "0300", "nmpi.session.total_data_length": "0500", "nmpi.session.offset": "0000",
				"nmpi.session.data_length": "0500", "nmpi.session.recv_seq_number": "0400", "nmpi.session.bytes_received": "0700",
			},
		},
		{
			name: "netbios datagram", ipx: nb(ipxwire.TypePEP), rest: []stacktest.Layer{payload("00 0b" + alpha + beta + `"hello"`)},
			protos: "nbipx", fields: names, data: "68656c6c6f",
		},
		{name: "netbios status", ipx: nb(ipxwire.TypePEP), rest: []stacktest.Layer{payload("00 09")}, protos: "nbipx"},
		{
			name: "nmpi mailslot", ipx: between(0x0553, 0x0553, ipxwire.TypeNetBIOS), protos: "nmpi", data: "64617461",
			rest: []stacktest.Layer{payload(via + "fc 02 0100" + alpha + beta + `"data"`)}, fields: names,
		},
		{
			name: "nmpi name query", ipx: between(0x0550, 0x0551, ipxwire.TypeNetBIOS), protos: "nmpi",
			rest: []stacktest.Layer{payload(via + "f3 01 0200" + alpha + beta)}, fields: names,
		},
	}
}

func ncpPackets() []sent {
	request, reply := between(0x4005, 0x0451, ipxwire.TypeNCP), between(0x0451, 0x4005, ipxwire.TypeNCP)
	return []sent{
		{name: "ncp create connection", ipx: request, rest: []stacktest.Layer{payload("1111 00 ff 00 ff")}, protos: "ncp", fields: map[string]string{"ncp.type": "1111"}},
		{name: "ncp destroy connection", ipx: request, rest: []stacktest.Layer{payload("5555 01 05 00 00")}, protos: "ncp", fields: map[string]string{"ncp.type": "5555"}},
		{
			name: "ncp reply", ipx: reply, rest: []stacktest.Layer{payload("3333 01 05 02 00 00 00")}, protos: "ncp",
			fields: map[string]string{"ncp.type": "3333", "ncp.seq": "01", "ncp.task": "02", "ncp.completion_code": "00", "ncp.connection_status": "00"},
		},
		{
			name: "ncp burst", ipx: request, protos: "ncp", fields: map[string]string{"ncp.type": "7777", "ncp.packet_seqno": "00000003"},
			rest: []stacktest.Layer{payload("7777 00 02 00000001 00000002 00000003 00000000 0004 0005 00000000 00000000 0000 0000")},
		},
		{
			name: "serialization", ipx: between(0x0457, 0x0457, ipxwire.TypePEP), rest: []stacktest.Layer{payload("010203040506")},
			protos: "nw_serial", fields: map[string]string{"nw_serial.serial_number": "010203040506"},
		},
		{
			name: "watchdog", ipx: between(0x4005, 0x4001, ipxwire.TypeUnknown), rest: []stacktest.Layer{payload("05 3f")},
			protos: "ipxmsg", fields: map[string]string{"ipxmsg.conn": "05", "ipxmsg.sigchar": "3f"},
		},
	}
}

// TestWiresharkCaptures holds our reading of frames from the wild against Wireshark's.
func TestWiresharkCaptures(t *testing.T) {
	dir := os.Getenv("TAPESTRY_CAPTURES")
	if dir == "" {
		t.Skip("needs captures of others: set TAPESTRY_CAPTURES to a folder that holds ipx*.pcap")
	}
	nstest.Tool(t, "tshark")
	names, _ := filepath.Glob(filepath.Join(dir, "ipx*.pcap"))
	for _, name := range names {
		frames, all := readFrames(t, name), tsharkFile(t, name)
		if len(frames) != len(all) || len(all) == 0 {
			t.Errorf("%s: %d frames, tshark reads %d", name, len(frames), len(all))
			continue
		}
		for i, d := range all {
			holdWireshark(t, frames[i], d)
			if text := dump.Frame(frames[i]); (len(d.bad) > 0) != isBad(text) {
				t.Errorf("%s, frame %d: Wireshark complains %q, we say\n%s", name, i+1, d.bad, text)
			}
		}
	}
}

// isBad reports whether a frame's text tells of an error.
func isBad(text string) bool {
	for _, s := range []string{", bad ", " short, ", " missing"} {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}
