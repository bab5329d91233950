package dump_test

import (
	"slices"
	"strings"

	"tapestry/link/ethernet"
	"tapestry/stack/dump"
	"tapestry/stack/stacktest"
)

// judge has Wireshark read both captures, and see at least one frame of each kind that is wanted.
func (x *exchange) judge(want []string) {
	seen := map[string]int{}
	for n, file := range x.files {
		wire := [...]ethernet.Kind{x.left, x.right}[n]
		frames, all := readFrames(x.t, file), tsharkFile(x.t, file)
		if len(frames) != len(all) {
			x.t.Fatalf("%s: tshark reads %d frames of %d", file, len(all), len(frames))
		}
		for i, d := range all {
			if !slices.Contains(d.protos, "ipx") {
				continue // ARP
			}
			if len(d.bad) > 0 {
				x.t.Errorf("Wireshark complains about frame %d: %q\n%s", i+1, d.bad, dump.Frame(frames[i]))
			}
			kind, _, err := stacktest.ParseIPX(frames[i])
			if err != nil || kind != wire && !x.auto {
				x.t.Errorf("frame type %v, %v; want %v", kind, err, wire)
			}
			holdFraming(x.t, kind, d)
			holdWireshark(x.t, frames[i], d)
			for _, what := range append(kindsOf(d), kind.String()) {
				seen[what]++
			}
		}
	}
	for _, what := range want {
		if seen[what] == 0 && !(what == "checksum" && x.right == ethernet.KindRaw) {
			x.t.Errorf("no %s among what the hosts sent", what)
		}
	}
}

// allKinds are what hosts of ours are to have sent in an exchange.
var allKinds = []string{
	"echo", "diagnostic request", "diagnostic response", "error", "576 octets", "1500 octets", "forwarded", "checksum",
	"rip request", "rip response", "rip down", "sap of seven services", "rip of fifty routes",
	"sap general query", "sap general response", "sap nearest query", "sap nearest response",
	"netbios with networks",
	"spx request", "spx data", "spx end of message", "spx attention", "spx acknowledgement", "spx probe", "spx end",
	"spx end acknowledgement", "spx ii request", "spx ii answer", "spx ii size", "spx ii data", "spx ii acknowledgement",
	"spx ii release",
}

// kindsOf tells which of allKinds a frame is, by what Wireshark found in it.
func kindsOf(d dissected) (all []string) {
	is := func(name string, fields ...string) {
		for _, f := range fields {
			field, want, _ := strings.Cut(f, "=")
			if v := d.values(field); v != want {
				return
			}
		}
		all = append(all, name)
	}
	is("echo", "ipx.packet_type=02", "ipx.dst.socket=0002")
	is("diagnostic request", "ipx.dst.socket=0456")
	is("diagnostic response", "ipx.src.socket=0456")
	is("error", "ipx.packet_type=03", "ipx.dst.socket=0003")
	is("576 octets", "ipx.len=0240")
	if d.values("ipx.checksum") != "ffff" {
		all = append(all, "checksum")
	}
	if d.first("ipx.len").number() >= 1490 {
		all = append(all, "1500 octets")
	}
	is("forwarded", "ipx.hops=01")
	is("rip request", "ipxrip.packet_type=0001")
	is("rip response", "ipxrip.packet_type=0002")
	if strings.Contains(d.values("ipxrip.hops"), "0010") {
		all = append(all, "rip down")
	}
	is("sap general query", "ipxsap.packet_type=0001", "ipxsap.server.type=ffff")
	is("sap general response", "ipxsap.packet_type=0002")
	is("sap of seven services", "ipxsap.packet_type=0002", "ipx.len=01e0")
	is("rip of fifty routes", "ipxrip.packet_type=0002", "ipx.len=01b0")
	is("sap nearest query", "ipxsap.packet_type=0003", "ipxsap.server.type=0004")
	is("sap nearest response", "ipxsap.packet_type=0004", "ipxsap.server.type=0004")
	is("netbios with networks", "nmpi.packettype=01", "nmpi.ipx_network=0000cafe", "ipx.hops=01")
	return append(all, kindsOfSPX(d)...)
}

func kindsOfSPX(d dissected) (all []string) {
	if len(d.fields["spx.ctl"]) == 0 {
		return nil
	}
	flags := ""
	for _, name := range []string{"sys", "send_ack", "attn", "eom", "v2", "neg_size"} {
		if d.values("spx.ctl."+name) == "1" {
			flags += name + " "
		}
	}
	type spxKind struct {
		flags, stream string
		isRequest     bool // for whoever listens
		hasData       bool
	}
	hasData := d.values("data.data")+d.values("spx.rexmt_data") != ""
	name, ok := map[spxKind]string{
		{"sys send_ack v2 neg_size ", "00", true, false}: "spx ii request",
		{"sys v2 neg_size ", "00", false, false}:         "spx ii answer",
		{"sys send_ack v2 neg_size ", "00", false, true}: "spx ii size",
		{"v2 ", "00", false, true}:                       "spx ii data",
		{"sys v2 ", "00", false, false}:                  "spx ii acknowledgement",
		{"send_ack eom v2 ", "fd", false, false}:         "spx ii release",
		{"sys send_ack ", "00", true, false}:             "spx request",
		{"sys ", "00", false, false}:                     "spx acknowledgement",
		{"sys send_ack ", "00", false, false}:            "spx probe",
		{"send_ack ", "00", false, true}:                 "spx data",
		{"send_ack eom ", "00", false, true}:             "spx end of message",
		{"send_ack attn ", "07", false, true}:            "spx attention",
		{"send_ack ", "fe", false, false}:                "spx end",
		{"sys ", "ff", false, false}:                     "spx end acknowledgement",
	}[spxKind{flags, d.values("spx.type"), d.values("spx.dst") == "ffff", hasData}]
	if !ok {
		return nil
	}
	return []string{name}
}
