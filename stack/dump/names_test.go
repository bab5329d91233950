package dump

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"tapestry/internal/nstest"
	"tapestry/stack/ipx/netbios"
	"tapestry/stack/ipx/rip"
	"tapestry/stack/ipx/sap"
)

// TestWiresharkNames holds each name of ours against Wireshark's for the same value.
func TestWiresharkNames(t *testing.T) {
	out, err := exec.Command(nstest.Tool(t, "tshark"), "-G", "values").Output()
	if err != nil {
		t.Fatal(err)
	}
	theirs := map[string]string{} // field and value
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) == 4 && f[0] == "V" {
			theirs[f[1]+"="+f[2]] = f[3]
		}
	}
	for key, ours := range wiresharkNames() {
		if theirs[key] != ours {
			t.Errorf("%s: our name is %q, Wireshark's %q", key, ours, theirs[key])
		}
	}
}

// wiresharkNames gives our names by field and value, as tshark -G values writes them.
func wiresharkNames() map[string]string {
	all := map[string]string{}
	for k, v := range ipxTypes {
		all[fmt.Sprintf("ipx.packet_type=0x%x", uint8(k))] = v
	}
	for k, v := range ipxSockets {
		all[fmt.Sprintf("ipx.socket=%d", uint16(k))] = v
	}
	for k := range 1 << 16 {
		if v := sap.Type(k).String(); !strings.HasPrefix(v, "type ") {
			all[fmt.Sprintf("ipxsap.server.type=%d", k)] = v
		}
	}
	for op := sap.GeneralQuery; op <= sap.NearestResponse; op++ {
		all[fmt.Sprintf("ipxsap.packet_type=%d", uint16(op))] = op.String()
	}
	for op := rip.Request; op <= rip.Response; op++ {
		all[fmt.Sprintf("ipxrip.packet_type=%d", uint16(op))] = op.String()
	}
	for k, v := range ncpTypes {
		all[fmt.Sprintf("ncp.type=0x%x", k)] = v
	}
	for k, v := range messageSigns {
		all[fmt.Sprintf("ipxmsg.sigchar='%c'", k)] = v
	}
	for t := netbios.FindName; t <= netbios.DirectedDatagram; t++ {
		all[fmt.Sprintf("nmpi.packettype=0x%x", uint8(t))] = t.String()
	}
	for op := netbios.ClaimName; op <= netbios.MailslotNameFound; op++ {
		if v := op.String(); !strings.HasPrefix(v, "opcode ") {
			all[fmt.Sprintf("nmpi.opcode=0x%x", uint8(op))] = v
		}
	}
	for t := netbios.Machine; t <= netbios.Browser; t++ {
		all[fmt.Sprintf("nmpi.name_type=0x%x", uint8(t))] = t.String()
	}
	for _, socket := range []int{1, 3} { // of Xerox, which Wireshark does not name
		delete(all, fmt.Sprintf("ipx.socket=%d", socket))
	}
	return all
}
