package script

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// scripts reads the scripts of this package by file name.
func scripts(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		m[f] = string(b)
	}
	return m
}

// parseOf parses a canonical form again.
func parseOf(t testing.TB, st Step) Step {
	t.Helper()
	s, err := Parse("canonical", st.String())
	if err != nil {
		t.Fatalf("%q, as a step prints itself: %v", st, err)
	}
	return s.Steps[0]
}

// TestSteps holds what each kind of line is in its canonical form.
func TestSteps(t *testing.T) {
	for _, tt := range []struct{ name, line, want string }{
		{"no time", "listen", "listen"},
		{"time", "+0.10 \t listen  80 # why", "+0.1 listen 80"},
		{"absolute time", "@3 accept", "@3 accept"},
		{"microsecond", "+0.000001 b: close", "+0.000001 b: close"},
		{"range", "+1..1.50 > A seq 1 ack 2", "+1..1.5 > A seq 1 ack 2"},
		{"segment", "< AP win 10 seq 1 ack 2 len 3", "< PA seq 1 len 3 ack 2 win 10"},
		{"no flags", "< - seq 5", "< - seq 5"},
		{"below the start", "< R seq -1", "< R seq -1"},
		{"all flags", "< CEUAPRSF seq 1 ack 1 urg 9 sum bad other", "< FSRPAUEC seq 1 ack 1 urg 9 sum bad other"},
		{"options", "< S seq 0 <mss 1460, sackOK ,TS val 1 ecr 2,nop,wscale 7>", "< S seq 0 <mss 1460,sackOK,TS val 1 ecr 2,nop,wscale 7>"},
		{"no options", "> S seq 0 <>", "> S seq 0 <>"},
		{"blocks", "> A seq 1 ack 1 <sack 1:2 3:4>", "> A seq 1 ack 1 <sack 1:2 3:4>"},
		{"option by number", "< S seq 0 <opt 254 BEEF,opt 30,eol,raw 0300>", "< S seq 0 <opt 254 beef,opt 30,eol,raw 0300>"},
		{"any value", "> S seq * win * <TS val * ecr 0>", "> S seq * win * <TS val * ecr 0>"},
		{"datagram", "< udp sum none len 4", "< udp len 4 sum none"},
		{"error", "< icmp frag-needed forge 7 mtu 1000 octets 8", "< icmp frag-needed mtu 1000 forge 7 octets 8"},
		{"option of a socket", "setsockopt nodelay=off", "setsockopt nodelay=off"},
		{"error expected", "expect error ECONNRESET", "expect error ECONNRESET"},
		{"silence", "expect nothing for 1500ms", "expect nothing for 1.5s"},
		{"counter", "expect counter tcpOutRsts 2", "expect counter tcpOutRsts 2"},
		{"state", "expect state TIME-WAIT", "expect state TIME-WAIT"},
		{"forget", "forget isn=17", "forget isn=17"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Parse("x", tt.line)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Steps[0].String(); got != tt.want {
				t.Errorf("%q prints as\n got %q\nwant %q", tt.line, got, tt.want)
			}
		})
	}
}

// TestErrors holds that a mistake is told with its line and, where there is one, the word that was meant.
func TestErrors(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "x:1: the script does nothing"},
		{"comments alone", "# a\n\n# b\n", "x:3: the script does nothing"},
		{"operation", "listen\nacept\n", `x:2: unknown operation "acept"; did you mean "accept"?`},
		{"far from all", "frobnicate\n", `x:1: unknown operation "frobnicate"; want one of: <,`},
		{"expect", "expect erorr EOF", `unknown thing to expect "erorr"; did you mean "error"?`},
		{"error name", "expect error ECONRESET", `did you mean "ECONNRESET"?`},
		{"state", "expect state TIMEWAIT", `did you mean "TIME-WAIT"?`},
		{"option", "< S seq 0 <mms 1460>", `unknown option "mms"; did you mean "mss"?`},
		{"word of a segment", "< S sec 0", `unknown word of a segment "sec"; did you mean "seq"?`},
		{"kind of error", "< icmp port-unreachible", `did you mean "port-unreachable"?`},
		{"word of an error", "< icmp time-exceeded mut 7", `did you mean "mtu"?`},
		{"key", "host: keepalives=off\nlisten", `x:1: unknown key of host: "keepalives"; did you mean "keepalive"?`},
		{"key of the peer", "peer: iss=4\nlisten", `unknown key of peer: "iss"; did you mean "isn"?`},
		{"socket option", "setsockopt nodely=on", `did you mean "nodelay"?`},
		{"socket option's value", "setsockopt nodelay=1", `want nodelay=on or nodelay=off`},
		{"congestion", "host: congestion=rino\nlisten", `did you mean "reno"?`},
		{"recovery", "host: recovery=rock\nlisten", `did you mean "rack"?`},
		{"configuration too late", "listen\nhost: ip=6", "x:2: host: after the first step: write it above line 1"},
		{"IP version", "host: ip=5\nlisten", "want 4 or 6"},
		{"keepalive", "host: keepalive=10s\nlisten", "want off, or idle/interval/count"},
		{"flags", "< SX seq 0", `"SX" are no flags`},
		{"flags twice", "< SS seq 0", `"SS" are no flags`},
		{"no seq", "< S", "a segment needs its seq"},
		{"no ack", "> SA seq 0", "a segment with the flag A needs its ack"},
		{"number", "< S seq x", `"x" is no number`},
		{"too large", "< S seq 4294967296", "is no number"},
		{"window", "< S seq 0 win 65536", "does not fit"},
		{"MSS", "< S seq 0 <mss 65536>", "does not fit"},
		{"options too long", "< S seq 0 <sack 1:2 3:4 5:6 7:8,mss 1460,mss 1460>", "more than 40 octets"},
		{"options without end", "< S seq 0 <mss 1460", "the options have no end"},
		{"block", "< S seq 0 <sack 1-2>", "is no SACK block"},
		{"no block", "< S seq 0 <sack>", "sack without a block"},
		{"timestamp", "< S seq 0 <TS 1 2>", `"1": want val and a number`},
		{"hexadecimal", "< S seq 0 <opt 9 xyz>", "in hexadecimal"},
		{"option without a value", "< S seq 0 <opt 1 00>", "write eol or nop"},
		{"any value sent", "< S seq *", "no value can be sent so"},
		{"raw expected", "> S seq 0 <raw 00>", "can be injected only"},
		{"wrong sum expected", "> S seq 0 sum bad", "right checksums"},
		{"range for an operation", "+1..2 listen", "only an expected packet"},
		{"range backwards", "+2..1 > S seq 0", "ends before it begins"},
		{"time", "+x listen", "is no time"},
		{"too late", "+9999999 listen", "is no time"},
		{"time alone", "+1", "nothing happens at that time"},
		{"flow", "a-b: listen", "is no name of a connection"},
		{"flow alone", "b:", "nothing happens"},
		{"too much", "accept now", `"now" is more than this line takes`},
		{"silence", "expect nothing 1s", "want nothing for and a duration"},
		{"deviation", "Deviates: RFC 9293 §3.8\nlisten", "want a line as Deviates:"},
		{"checksum of IPv6", "host: ip=6\n< S seq 0 sum ip", "x:2: the header of IPv6 has no checksum"},
		{"error of IPv4 alone", "host: ip=6\n< icmp source-quench", "ICMPv6 has no source-quench"},
		{"two quotes", "< icmp time-exceeded seq 1 forge 2", "write one"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("x", tt.text)
			if err == nil {
				t.Fatalf("%q: no error, want one with %q", tt.text, tt.want)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%q:\n got %v\nwant %s", tt.text, err, tt.want)
			}
		})
	}
}

// TestTruncated holds that what is left of a script that ends early is a script or an error.
func TestTruncated(t *testing.T) {
	for name, text := range scripts(t) {
		for i := range text {
			s, err := Parse(name, text[:i])
			if err == nil && len(s.Steps) == 0 {
				t.Errorf("%s, the first %d octets: no steps and no error", name, i)
			}
		}
	}
}

// TestCanonical holds that the steps of all scripts print as something that parses as the same.
func TestCanonical(t *testing.T) {
	for name, text := range scripts(t) {
		s, err := Parse(name, text)
		if err != nil {
			t.Fatal(err)
		}
		for _, st := range s.Steps {
			if got := parseOf(t, st).String(); got != st.String() {
				t.Errorf("%s:%d: %q becomes %q", name, st.Line, st, got)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range scripts(f) {
		f.Add(text)
	}
	f.Add("< S seq 0 <opt 4,opt 2 0102,raw 00,sack 1:2,TS val * ecr *>")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse("fuzz", text)
		if err != nil {
			return
		}
		for _, st := range s.Steps {
			again := parseOf(t, st)
			if again.String() != st.String() {
				t.Errorf("%q becomes %q", st, again)
			}
			if p, ok := st.Event.(Packet); ok && p.TCP != nil {
				b := encodeOptions(p.TCP.Options, 0, 0)
				if len(b) > maxOptions {
					t.Errorf("%q: %d octets of options", st, len(b))
				}
				decodeOptions(b, 0, 0)
			}
		}
	})
}

// FuzzOptions holds that options of any octets are read, and written as they were.
func FuzzOptions(f *testing.F) {
	f.Add([]byte{2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7})
	f.Add([]byte{5, 10, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0})
	f.Add([]byte{3, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:min(len(b), maxOptions)&^3]
		os := decodeOptions(b, 7, 0)
		out := encodeOptions(os, 7, 0)
		if len(os) > 0 && os[len(os)-1].Kind == kindEnd {
			out, b = out[:min(len(out), len(b))], b[:min(len(out), len(b))]
			for i := len(out) - 1; i >= 0 && out[i] == 0; i-- {
				out, b = out[:i], b[:i] // what follows the end is no option
			}
		}
		if string(out) != string(b) {
			t.Errorf("% x is read as %s, which is % x", b, optionsString(os), out)
		}
	})
}

// TestRunDirEmpty: a folder without scripts is a mistake, not a success.
func TestRunDirEmpty(t *testing.T) {
	if os.Getenv("SCRIPT_EMPTY") != "" {
		RunDir(t, t.TempDir())
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestRunDirEmpty$")
	cmd.Env = append(os.Environ(), "SCRIPT_EMPTY=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "no scripts here: their names end in .txt\n") {
		t.Errorf("%v\n%s", err, out)
	}
}
