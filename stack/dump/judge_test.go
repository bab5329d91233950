package dump_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"tapestry/stack/dump"
)

// holdWireshark checks a frame's text against what Wireshark reads: each protocol has its line, in order, with the
// values and names of its fields.
func holdWireshark(t *testing.T, b []byte, d dissected) {
	t.Helper()
	text := dump.Frame(b)
	lines := strings.Split(text, "\n")
	at := 0
	for _, proto := range d.protos {
		want, ok := wiresharkSays[proto]
		if !ok {
			continue // the link's, or of a protocol that is only data here
		}
		pieces := want(d)
		for at < len(lines) && !holdsAll(named(lines[at]), pieces) {
			at++
		}
		if at == len(lines) {
			t.Errorf("no line has %q, which Wireshark says, in\n%s\nframe %x", pieces, text, b)
			return
		}
	}
}

// noName is a flag of a NetBIOS name that Wireshark does not know.
var noName = regexp.MustCompile(` 0x(20|10|08)\b`)

// named is a line without flags that Wireshark does not know.
func named(line string) string {
	line = noName.ReplaceAllString(line, "")
	return strings.TrimSuffix(strings.ReplaceAll(line, ", flags,", ","), ", flags")
}

func holdsAll(line string, want []string) bool {
	for _, w := range want {
		if !strings.Contains(line, w) {
			return false
		}
	}
	return true
}

// wiresharkSays gives for a protocol the pieces of text that our line must hold.
var wiresharkSays = map[string]func(dissected) []string{
	"ipx":    saysIPX,
	"spx":    saysSPX,
	"ipxrip": saysRIP,
	"ipxsap": saysSAP,
	"nbipx":  saysNBIPX,
	"nmpi":   saysNMPI,
	"ncp":    saysNCP,
	"nw_serial": func(d dissected) []string {
		return []string{"nw_serial serial number " + d.values("nw_serial.serial_number")}
	},
	"ipxmsg": func(d dissected) []string {
		sign, connection := d.first("ipxmsg.sigchar"), d.first("ipxmsg.conn")
		if strings.HasPrefix(sign.name(), "Unknown") {
			return nil // data here: others use those sockets, too
		}
		return []string{"ipxmsg " + sign.name(), fmt.Sprintf(", connection %d", connection.number())}
	},
}

// known gives Wireshark's name for a value behind what stands before it, which is all if it has none.
func known(before string, f field) string {
	if name := f.name(); !strings.HasPrefix(name, "Unknown") {
		return before + name
	}
	return before
}

func saysIPX(d dissected) []string {
	end := func(side string) string {
		s := d.values("ipx."+side+".net") + ":" + d.values("ipx."+side+".node") + ":" + d.values("ipx."+side+".socket")
		if name := d.first("ipx." + side + ".socket").name(); name != "Unknown" {
			s += " (" + name + ")"
		}
		return s
	}
	want := []string{"ipx " + end("src"), "> " + end("dst")}
	if name := d.first("ipx.packet_type").name(); name != "Unknown" {
		want = append(want, ", "+name+", ")
	}
	return append(want, fmt.Sprintf(", %d hops, %d octets", d.first("ipx.hops").number(), d.first("ipx.len").number()))
}

// flagsOf gives the names of flags, fields whose names begin with prefix, that are set.
func flagsOf(d dissected, prefix string, names ...string) string {
	s := ""
	for _, n := range names {
		if d.values(prefix+n) == "1" {
			s += " " + n
		}
	}
	if s == "" {
		return ""
	}
	return ", flags" + s
}

func saysSPX(d dissected) []string {
	n := func(name string) uint64 { return d.first("spx." + name).number() }
	flags := flagsOf(d, "spx.ctl.", "sys", "send_ack", "attn", "eom", "v2", "neg_size", "reserved", "ext_header")
	want := []string{fmt.Sprintf("spx %d > %d%s, type 0x%02x", n("src"), n("dst"), flags, n("type"))}
	if name := d.first("spx.type").name(); !strings.HasPrefix(name, "0x") {
		want = append(want, "("+name+")")
	}
	want = append(want, fmt.Sprintf(", seq %d, ack %d, alloc %d", n("seq"), n("ack"), n("alloc")))
	if d.values("spx.neg_size") != "" {
		want = append(want, fmt.Sprintf(", size %d", n("neg_size")))
	}
	data := d.values("data.data") + d.values("spx.rexmt_data")
	return append(want, fmt.Sprintf(", %d octets", len(data)/2))
}

func saysRIP(d dissected) []string {
	want := []string{known("ipxrip ", d.first("ipxrip.packet_type"))}
	for i, f := range d.fields["ipxrip.route_vector"] {
		s := ", " + f.value
		if d.first("ipxrip.packet_type").number() == 2 {
			s += fmt.Sprintf(" %d hops %d ticks", d.fields["ipxrip.hops"][i].number(), d.fields["ipxrip.ticks"][i].number())
		}
		want = append(want, s)
	}
	return want
}

func saysSAP(d dissected) []string {
	want := []string{known("ipxsap ", d.first("ipxsap.packet_type"))}
	if op := d.first("ipxsap.packet_type").number(); op < 1 || op > 4 {
		return want
	}
	of := func(name string, i int) field { return d.fields["ipxsap.server."+name][i] }
	for i := range d.fields["ipxsap.server.type"] {
		want = append(want, "0x"+of("type", i).value)
		if len(d.fields["ipxsap.server.name"]) == 0 {
			continue // a query
		}
		socket := of("socket", i).value
		if name := of("socket", i).name(); name != "Unknown" {
			socket += " (" + name + ")"
		}
		want = append(want,
			fmt.Sprintf(", %q 0x%s", sapName(of("name", i)), of("type", i).value),
			fmt.Sprintf("at %s:%s:%s,", of("network", i).value, of("node", i).value, socket),
			fmt.Sprintf(", %d networks", of("intermediate_networks", i).number()))
	}
	return want
}

// sapName gives the octets of a service's name.
func sapName(f field) []byte {
	b, _ := hex.DecodeString(f.value)
	name, _, _ := bytes.Cut(b, []byte{0})
	return name
}

// netbiosNames gives names as we print them, of those that Wireshark found.
func netbiosNames(d dissected) (all []string) {
	for i, f := range d.fields["netbios.nb_name"] {
		b, _ := hex.DecodeString(f.value)
		all = append(all, fmt.Sprintf("%q<%s>", strings.TrimRight(string(b), " "), d.fields["netbios.nb_name_type"][i].value))
	}
	return all
}

func saysVia(d dissected) []string {
	if v := d.values("nmpi.ipx_network"); v != "" {
		return []string{", via " + strings.ReplaceAll(v, ",", " ")}
	}
	return nil
}

func saysNBIPX(d dissected) []string {
	want := append(saysVia(d), known("nbipx ", d.first("nmpi.packettype")))
	want = append(want, flagsOf(d, "nmpi.name_flags.", "group", "in_use", "registered", "duplicated", "deregistered"))
	want = append(want, flagsOf(d, "nmpi.conn_control.", "sys_packet", "ack", "attention", "end_msg", "resend"))
	if names := netbiosNames(d); len(names) == 2 {
		want = append(want, names[1]+" > "+names[0])
	} else {
		want = append(want, names...)
	}
	if d.values("nmpi.session.offset") == "" {
		return want
	}
	n := func(name string) uint64 { // little-endian
		b, _ := hex.DecodeString(d.values("nmpi.session." + name))
		return uint64(b[0]) | uint64(b[1])<<8
	}
	return append(want,
		fmt.Sprintf(" %d > %d", n("src_conn_id"), n("dest_conn_id")),
		fmt.Sprintf(", seq %d, total %d, at %d, %d octets", n("send_seq_number"), n("total_data_length"), n("offset"), n("data_length")),
		fmt.Sprintf(", ack %d, received %d", n("recv_seq_number"), n("bytes_received")))
}

func saysNMPI(d dissected) []string {
	names := netbiosNames(d)
	id, _ := hex.DecodeString(d.values("nmpi.messageid"))
	return append(saysVia(d),
		known("nmpi ", d.first("nmpi.opcode")), known(", ", d.first("nmpi.name_type")), " "+names[0]+" from "+names[1],
		fmt.Sprintf(", id 0x%02x%02x", id[1], id[0]))
}

func saysNCP(d dissected) []string {
	n := func(name string) uint64 { return d.first("ncp." + name).number() }
	want := []string{known("ncp ", d.first("ncp.type"))}
	switch n("type") {
	case 0x7777:
		return append(want, fmt.Sprintf(", connection %d > %d, packet %d", n("src_connection"), n("dst_connection"), n("packet_seqno")))
	case 0x4c69:
		return want
	}
	want = append(want, fmt.Sprintf(", seq %d", n("seq")), fmt.Sprintf(", task %d", n("task")))
	if d.values("ncp.connection_status") != "" {
		want = append(want, fmt.Sprintf(", completion %d, status 0x%02x", n("completion_code"), n("connection_status")))
	}
	return want
}
