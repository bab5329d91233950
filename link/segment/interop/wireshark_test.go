package interop

import (
	"strings"
	"testing"
)

// wireshark has tshark read a capture: every frame without a complaint, and for each display filter at least one.
func wireshark(t *testing.T, file string, filters ...string) {
	t.Helper()
	const complaint = "_ws.malformed or _ws.expert.severity >= 0x00800000" // errors, of which a bad checksum is one
	if bad := tshark(t, file, complaint); bad != "" {
		t.Errorf("%s: Wireshark complains:\n%s", file, bad)
	}
	for _, f := range filters {
		if tshark(t, file, f) == "" {
			t.Errorf("%s: Wireshark sees no %q in:\n%s", file, f, tshark(t, file, ""))
		}
	}
}

// tshark gives a line for each frame that a filter chooses.
func tshark(t *testing.T, file, filter string) string {
	t.Helper()
	args := []string{"-r", file, "-n"}
	for _, p := range []string{"ip.check_checksum", "tcp.check_checksum", "udp.check_checksum"} {
		args = append(args, "-o", p+":TRUE")
	}
	if filter != "" {
		args = append(args, "-Y", filter)
	}
	return strings.TrimSpace(string(run(t, "tshark", args...)))
}
