package xdp

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
	"tapestry/internal/nstest"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/pipe"
)

// loadResponder loads a program that answers for host4, second and host6, and takes everything else.
func loadResponder(t testing.TB, f filter) (*ebpf.Program, *ebpf.Map) {
	t.Helper()
	nstest.Require(t)
	m, err := newCounters()
	if errors.Is(err, unix.EPERM) {
		nstest.Skip(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	f.addr, f.counters = ours, m
	if f.addrs == nil {
		f.addrs = []netip.Addr{second, host4, host6}
	}
	sockets, err := newMap(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sockets.Close() })
	p, err := f.load(sockets, false, verdictMissed)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(func() { p.Close() })
	return p, m
}

// verdictMissed is what a program with a responder under test says about frames that it would redirect: XDP_DROP.
const verdictMissed = 1

// ask runs a program on a frame and gives what it becomes, if the program answers.
func ask(t testing.TB, p *ebpf.Program, b []byte) (reply []byte, verdict uint32) {
	t.Helper()
	o := ebpf.RunOptions{Data: b, DataOut: make([]byte, len(b)+64)}
	v, err := p.Run(&o)
	if err != nil {
		t.Fatalf("run on %x: %v", b, err)
	}
	if v == verdictTx {
		return o.DataOut, v
	}
	if !bytes.Equal(o.DataOut, b) {
		t.Fatalf("left to others, but changed: %x, was %x", o.DataOut, b)
	}
	return nil, v
}

func TestResponder(t *testing.T) {
	p, m := loadResponder(t, filter{all: true})
	var answered uint64
	for _, tt := range answers() {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := ask(t, p, tt.ask)
			if !bytes.Equal(got, tt.want) {
				t.Errorf("answers %x\nwith    %x\nwant    %x", tt.ask, got, tt.want)
			}
			if got == nil {
				return
			}
			answered++
			for n := 14; n < len(tt.ask) && !strings.Contains(tt.name, "padded"); n++ {
				if got, _ := ask(t, p, tt.ask[:n]); got != nil {
					t.Errorf("answers the first %d octets of %d with %x", n, len(tt.ask), got)
				}
			}
		})
	}
	s := readCounters(m)
	if got := s.ARP + s.Echo4 + s.Echo6 + s.Solicit; got < answered || s.ARP < 4 || s.Echo4 < 9 || s.Echo6 < 4 || s.Solicit < 2 {
		t.Errorf("counters %+v after %d answers", s, answered)
	}
}

// TestResponderSizes asks with every length of an echo.
func TestResponderSizes(t *testing.T) {
	p, _ := loadResponder(t, filter{all: true})
	for n := range 1472 + 1 {
		text := randomOctets(byte(n), n)
		got, _ := ask(t, p, frame(ours, asker, 0x0800, ip4(0, 64, 0, asker4, host4, icmp4Of(8, text))))
		if want := frame(asker, ours, 0x0800, ip4(0, 64, 0, host4, asker4, icmp4Of(0, text))); !bytes.Equal(got, want) {
			t.Fatalf("%d octets: %x, want %x", n, got, want)
		}
		if n > 1452 {
			continue
		}
		got, _ = ask(t, p, frame(ours, asker, 0x86dd, ip6(0, 64, asker6, host6, icmp6Of(128, text))))
		if want := frame(asker, ours, 0x86dd, ip6(0, 64, host6, asker6, icmp6Of(129, text))); !bytes.Equal(got, want) {
			t.Fatalf("%d octets of IPv6: %x, want %x", n, got, want)
		}
	}
}

// TestResponderIsTheHost has a host answer what the program answers: the octets are the same.
func TestResponderIsTheHost(t *testing.T) {
	near, d := pipe.New(pipe.Config{Addrs: [2]ethernet.Addr{asker, ours}})
	h := newHost(t, d)
	if err := h.AddAddress(h.Interfaces()[0].Name, netip.PrefixFrom(second, 24)); err != nil {
		t.Fatal(err)
	}
	said := frames(near)
	all := answers()
	isEcho := func(a answer) bool { return strings.HasPrefix(a.name, "echo") }
	echoes := slices.DeleteFunc(slices.Clone(all), func(a answer) bool { return !isEcho(a) })
	all = append(slices.DeleteFunc(all, isEcho), echoes...) // from the others the host learns whom to answer
	for _, tt := range all {
		if tt.want == nil || strings.Contains(tt.name, "padded") {
			continue // a host does not repeat the padding
		}
		t.Run(tt.name, func(t *testing.T) {
			near.Queues()[0].WriteFrames([]link.Frame{link.NewFrame(tt.ask)})
			for {
				select {
				case got := <-said:
					if isOwn(got) {
						continue
					}
					if !bytes.Equal(got, tt.want) {
						t.Errorf("the host answers %x\nthe program       %x", got, tt.want)
					}
					return
				case <-time.After(10 * time.Second):
					t.Fatal("the host does not answer")
				}
			}
		})
	}
}

// isOwn reports whether a host says b without being asked: to a group, or to see whether a neighbour is still there.
func isOwn(b []byte) bool {
	isProbe := b[12] == 8 && b[13] == 6 && b[arpOp+1] == 1 || b[12] == 0x86 && b[ipv6Next] == protoICMPv6 && b[icmp6] == typeSolicit
	return ethernet.Addr(b).IsMulticast() || isProbe
}

// TestResponderMany has the kernel verify the longest program.
func TestResponderMany(t *testing.T) {
	for _, base := range []netip.Addr{host4, host6} {
		f := filter{all: true}
		for a := base; len(f.addrs) < maxAddresses; a = a.Next() {
			f.addrs = append(f.addrs, a)
		}
		p, _ := loadResponder(t, f)
		last := f.addrs[maxAddresses-1]
		b := frame(ours, asker, 0x0800, ip4(0, 64, 0, netip.MustParseAddr("203.0.113.1"), last, icmp4Of(8, nil)))
		if last.Is6() {
			b = frame(ours, asker, 0x86dd, ip6(0, 64, netip.MustParseAddr("2001:db8:1::1"), last, icmp6Of(128, nil)))
		}
		if got, _ := ask(t, p, b); got == nil {
			t.Errorf("no answer for %v", last)
		}
	}
}

// TestResponderRouter has advertisements say that the host forwards.
func TestResponderRouter(t *testing.T) {
	p, _ := loadResponder(t, filter{all: true, router: true})
	mac, grp := groupOf(host6)
	got, _ := ask(t, p, frame(mac, asker, 0x86dd, ip6(0, 255, asker6, grp, neighbour(135, 0, host6, 1, asker))))
	want := frame(asker, ours, 0x86dd, ip6(0, 255, host6, asker6, neighbour(136, 0xe0, host6, 2, ours)))
	if !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// TestResponderRest holds that the filter behind the responder does what it does without.
func TestResponderRest(t *testing.T) {
	for _, f := range []filter{{}, {noBroadcast: true}, {noMulticast: true}, {whole: true}} {
		p, _ := loadResponder(t, f)
		f.addr, f.addrs = ours, []netip.Addr{second, host4, host6}
		if f.whole {
			f.addrs = nil
		}
		for _, tt := range answers() {
			got, v := ask(t, p, tt.ask)
			want := f.wants(tt.ask)
			if tt.want != nil && want && !bytes.Equal(got, tt.want) {
				t.Errorf("%s: %+v answers %x, want %x", tt.name, f, got, tt.want)
			}
			if got == nil && (v == verdictMissed) != want {
				t.Errorf("%s: %+v takes: %v, want %v", tt.name, f, v == verdictMissed, want)
			}
		}
	}
}

// FuzzResponder holds the program in the kernel against plain Go.
func FuzzResponder(f *testing.F) {
	for _, tt := range answers() {
		f.Add(tt.ask)
	}
	if os.Getuid() != 0 {
		f.Skip("needs the right to load programs")
	}
	p, _ := loadResponder(f, filter{all: true})
	own := []netip.Addr{second, host4, host6}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 14 || len(b) > 2000 { // the kernel runs no test on less than a header
			return
		}
		got, _ := ask(t, p, b)
		if want := answerTo(b, own); !bytes.Equal(got, want) {
			t.Errorf("answers %x\nwith %x\nwant %x", b, got, want)
		}
	})
}
