package interop

import (
	"slices"
	"strings"
	"testing"
)

// fields are what tshark tells about each frame. The last two are there if it complains: severity of errors, of which a
// bad checksum is one, and of less.
var fields = []string{"frame.protocols", "stp.type", "vlan.id", "vxlan.vni", "_ws.malformed", "_ws.expert.severity"}

// severe is where errors begin (PI_ERROR of Wireshark's epan/proto.h).
const severe = "8388608"

// seen is a frame as tshark reads it: its protocols, and fields with values: "icmp", "vlan.id=10".
type seen []string

// has reports whether all of what, terms with spaces between, are in the frame.
func (f seen) has(what string) bool {
	for term := range strings.FieldsSeq(what) {
		if !slices.Contains(f, term) {
			return false
		}
	}
	return true
}

// wireshark has tshark read a capture: no frame with a complaint, and at least one for each of want.
func wireshark(t *testing.T, file string, want ...string) []seen {
	t.Helper()
	frames := tshark(t, file)
	for i, f := range frames {
		if f.has("_ws.expert.severity="+severe) || slices.ContainsFunc(f, func(s string) bool { return strings.HasPrefix(s, "_ws.malformed") }) {
			t.Errorf("%s: frame %d: Wireshark complains: %v", file, i+1, f)
		}
	}
	for _, w := range want {
		if !slices.ContainsFunc(frames, func(f seen) bool { return f.has(w) }) {
			t.Errorf("%s: Wireshark sees no %q among %d frames", file, w, len(frames))
		}
	}
	return frames
}

func tshark(t *testing.T, file string) (frames []seen) {
	t.Helper()
	args := []string{"-r", file, "-n", "-T", "fields", "-E", "separator=;",
		"-d", "tcp.port==9,data"} // what is sent there is random: no guesses
	for _, p := range []string{"ip.check_checksum", "tcp.check_checksum", "udp.check_checksum"} {
		args = append(args, "-o", p+":TRUE")
	}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	for line := range strings.Lines(string(run(t, "tshark", args...))) {
		values := strings.Split(strings.TrimSuffix(line, "\n"), ";")
		f := seen(strings.Split(values[0], ":"))
		for i, v := range values[1:] {
			for one := range strings.SplitSeq(v, ",") {
				if one != "" {
					f = append(f, fields[i+1]+"="+one)
				}
			}
		}
		frames = append(frames, f)
	}
	return frames
}
