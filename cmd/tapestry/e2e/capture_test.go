package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// captureLab writes all frames to a file.
const captureLab = `
[tap.tap0]
address = ["198.51.100.1/24", "2001:db8:51::1/64"]
capture = "wire.pcapng"

[host.alpha]
  [[host.alpha.interface]]
  tap     = "tap0"
  address = ["198.51.100.2/24", "2001:db8:51::2/64"]
  [host.alpha.app.http]
  root = "."
  [host.alpha.app.echo]
  [host.alpha.app.discard]
  [host.alpha.app.chargen]
`

// traffic has something of every kind, super-frames both ways among it.
const traffic = `ping -c2 -i0.05 198.51.100.2 >&2
ping -c2 -i0.05 -s 4000 2001:db8:51::2 >&2
printf hello | nc -u -w1 198.51.100.2 7 >&2
head -c 2000000 /dev/zero | nc -N 198.51.100.2 9
nc 2001:db8:51::2 19 </dev/null | head -c 2000000 >/dev/null`

// TestCapture has tcpdump and tshark read the capture that a lab wrote.
func TestCapture(t *testing.T) {
	t.Parallel()
	need(t, "ping", "nc", "tcpdump", "tshark")
	o := options{}
	l := startLab(t, captureLab, o)
	l.sh(t, traffic)
	l.stop(t)
	readCapture(t, filepath.Join(l.dir, "wire.pcapng"))
}

// TestDumpToFile is the same with a capture of a tool, begun while the lab runs.
func TestDumpToFile(t *testing.T) {
	t.Parallel()
	need(t, "ping", "nc", "tcpdump", "tshark")
	l := startLab(t, "", options{})
	l.sh(t, `"$PROGRAM" dump -w dump.pcapng & d=$!
until test -s dump.pcapng; do sleep 0.02; done; sleep 0.1
`+traffic+`
seen=; until test "$seen" = "$(stat -c %s dump.pcapng)"; do seen=$(stat -c %s dump.pcapng); sleep 0.5; done
kill -INT $d; wait $d`)
	readCapture(t, filepath.Join(l.dir, "dump.pcapng"))
}

// readCapture holds that both readers take the file without complaint, and see what the traffic was.
func readCapture(t *testing.T, file string) {
	t.Helper()
	out, errs := reader(t, "tcpdump", "-nnr", file)
	for _, want := range []string{"ARP, Request who-has", "ICMP echo request", "ICMP6, echo request", "198.51.100.2.9:", "UDP, length 5"} {
		if !strings.Contains(out, want) {
			t.Errorf("tcpdump shows no %q", want)
		}
	}
	// An address may contain "bad", after a colon or a digit.
	if bad := regexp.MustCompile(`.*([ (\[]bad |truncated).*`).FindString(out); bad != "" || strings.Contains(errs, "corrupt") {
		t.Errorf("tcpdump complains: %s%s", errs, bad)
	}
	counts := []struct {
		name, filter string
		isThere      bool
	}{
		{"ARP", "arp", true},
		{"echoes", "icmp.type == 8", true},
		{"fragments", "ipv6.fraghdr", true},
		{"super-frames in", "ip.dst == 198.51.100.2 && tcp.len > 1460", true},
		{"super-frames out", "ipv6.src == 2001:db8:51::2 && tcp.len > 1440", true},
		{"malformed frames", "_ws.malformed || _ws.short", false},
		{"wrong checksums", "ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0 || icmpv6.checksum.status == 0", false},
	}
	for _, c := range counts {
		out, errs := reader(t, "tshark", "-n", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE",
			"-r", file, "-Y", c.filter)
		if strings.Contains(errs, "tshark:") {
			t.Errorf("tshark complains: %s", errs)
		}
		if (out != "") != c.isThere {
			t.Errorf("%s (%s): want any: %v, got\n%.1000s", c.name, c.filter, c.isThere, out)
		}
	}
	if out, _ := reader(t, "tshark", "-nr", file, "-c1", "-T", "fields", "-e", "frame.interface_name", "-e", "frame.encap_type"); out == "\t1\n" || !strings.HasSuffix(out, "\t1\n") {
		t.Errorf("interface and link type are %q", out)
	}
}

// reader runs a program on a file, outside of any lab.
func reader(t *testing.T, name string, args ...string) (stdout, stderr string) {
	t.Helper()
	p := newProcess(t, options{wrap: append([]string{name}, args...)})
	p.cmd.Args = p.cmd.Args[:len(args)+1] // without the program under test
	stdout, stderr, err := p.run(t)
	if err != nil {
		t.Errorf("%s %v: %v: %s", name, args, err, stderr)
	}
	return stdout, stderr
}

// TestDumpAsText shows a ping to a person.
func TestDumpAsText(t *testing.T) {
	t.Parallel()
	need(t, "ping")
	l := startLab(t, "", options{})
	out := l.sh(t, `"$PROGRAM" dump -c 20 & d=$!
ping -q -c20 -i0.05 198.51.100.2 >/dev/null; wait $d`)
	for _, want := range []string{" eth0 in", " eth0 out", "198.51.100.1", "198.51.100.2", "icmp echo request", "icmp echo reply"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// TestDumpThroughPipe is what the help of dump shows.
func TestDumpThroughPipe(t *testing.T) {
	t.Parallel()
	need(t, "ping", "tcpdump")
	l := startLab(t, "", options{})
	out := l.sh(t, `"$PROGRAM" dump -c 20 -w - >piped & d=$!
ping -q -c20 -i0.05 198.51.100.2 >/dev/null; wait $d; tcpdump -nr - <piped`)
	if n := strings.Count(out, "ICMP echo"); n < 4 {
		t.Errorf("tcpdump shows %d echoes:\n%s", n, out)
	}
}

// TestCaptureRotation holds that every file of a capture is whole, and that together they have every frame.
func TestCaptureRotation(t *testing.T) {
	t.Parallel()
	need(t, "ping", "tcpdump")
	lab := strings.Replace(captureLab, `"wire.pcapng"`, `"wire.pcapng"`+"\ncapture_size = \"20KB\"\nsnaplen = 300", 1)
	l := startLab(t, lab, options{})
	l.sh(t, "ping -q -f -c200 -s 1000 198.51.100.2 >&2")
	l.stop(t)
	files, err := filepath.Glob(filepath.Join(l.dir, "wire*.pcapng"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files (%v), want some", len(files), err)
	}
	echoes := 0
	for _, f := range files {
		if i, err := os.Stat(f); err != nil || i.Size() > 20_000 {
			t.Errorf("%s: %v, %d octets, want 20000 at most", f, err, i.Size())
		}
		out, _ := reader(t, "tcpdump", "-nr", f)
		echoes += strings.Count(out, "ICMP echo")
	}
	if echoes != 400 {
		t.Errorf("%d echoes in all files, want 400", echoes)
	}
}
