package stack

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"tapestry/link/pipe"
)

// serveDNS answers at beta: www has both kinds of address, four one of IPv4, cut only over TCP, fail never.
func serveDNS(t *testing.T, beta *Host) {
	t.Helper()
	inlineAt(t, beta, "udp", ":53", func(reply, request []byte, _, _ netip.AddrPort) []byte {
		return append(reply, dnsReply(request, true)...)
	})
	l, err := beta.Listen("tcp", ":53")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			answerStream(c)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
}

func answerStream(c net.Conn) {
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return
	}
	q := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, q); err != nil {
		return
	}
	a := dnsReply(q, false)
	c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...))
}

func dnsReply(request []byte, udp bool) []byte {
	var p dnsmessage.Parser
	hdr, err := p.Start(request)
	if err != nil {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	hdr.Response = true
	label, _, _ := strings.Cut(strings.ToLower(q.Name.String()), ".")
	switch label {
	case "www", "four":
	case "cut":
		hdr.Truncated = udp
	case "fail":
		hdr.RCode = dnsmessage.RCodeServerFailure
	default:
		hdr.RCode = dnsmessage.RCodeNameError
	}
	b := dnsmessage.NewBuilder(nil, hdr)
	b.StartQuestions()
	b.Question(q)
	b.StartAnswers()
	rh := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET}
	if hdr.RCode == 0 && !hdr.Truncated && q.Type == dnsmessage.TypeA {
		b.AResource(rh, dnsmessage.AResource{A: peer4.As4()})
	}
	if label == "www" && q.Type == dnsmessage.TypeAAAA {
		b.AAAAResource(rh, dnsmessage.AAAAResource{AAAA: peer6.As16()})
	}
	a, err := b.Finish()
	if err != nil {
		return nil
	}
	return a
}

// askers makes a pair of which alpha asks beta.
func askers(t *testing.T) (alpha, beta *Host) {
	t.Helper()
	alpha, beta = pair(t, pipe.AllOffloads)
	alpha.cfg.DNS = []netip.AddrPort{netip.AddrPortFrom(peer4, 53)}
	serveDNS(t, beta)
	return alpha, beta
}

func TestLookup(t *testing.T) {
	alpha, _ := askers(t)
	for _, c := range []struct {
		name, network, host string
		want                []netip.Addr
		notFound, failed    bool
	}{
		{name: "both versions", network: "tcp", host: "www.lab.example", want: []netip.Addr{peer6, peer4}},
		{name: "IPv4", network: "tcp4", host: "www.lab.example", want: []netip.Addr{peer4}},
		{name: "IPv6", network: "tcp6", host: "www.lab.example", want: []netip.Addr{peer6}},
		{name: "one version", network: "udp", host: "four.lab.example.", want: []netip.Addr{peer4}},
		{name: "over TCP", network: "udp4", host: "cut.lab.example", want: []netip.Addr{peer4}},
		{name: "not of the version", network: "tcp6", host: "four.lab.example", notFound: true},
		{name: "unknown", network: "tcp", host: "nosuch.lab.example", notFound: true},
		{name: "no name", network: "tcp", host: "a..b", notFound: true},
		{name: "label too long", network: "tcp", host: strings.Repeat("x", 64) + ".example", notFound: true},
		{name: "server fails", network: "tcp", host: "fail.lab.example", failed: true},
		{name: "literal", network: "tcp", host: "198.51.100.7", want: []netip.Addr{netip.MustParseAddr("198.51.100.7")}},
		{name: "literal with zone", network: "tcp", host: "fe80::1%eth0", want: []netip.Addr{netip.MustParseAddr("fe80::1%eth0")}},
		{name: "mapped literal", network: "tcp", host: "::ffff:198.51.100.7", want: []netip.Addr{netip.MustParseAddr("198.51.100.7")}},
		{name: "configured", network: "tcp", host: "Beta.", want: []netip.Addr{peer6, peer4}},
		{name: "localhost", network: "tcp", host: "localhost", want: []netip.Addr{netip.IPv6Loopback(), netip.MustParseAddr("127.0.0.1")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, err := parseNetwork(c.network)
			if err != nil {
				t.Fatal(err)
			}
			as, err := alpha.lookup(context.Background(), n, c.host)
			var dns *net.DNSError
			if isDNS := errors.As(err, &dns); isDNS != (c.notFound || c.failed) || isDNS && dns.IsNotFound != c.notFound {
				t.Fatalf("%v, %v", as, err)
			}
			if !slices.Equal(as, c.want) {
				t.Errorf("got %v, want %v", as, c.want)
			}
		})
	}
}

func TestLookupTimeout(t *testing.T) {
	alpha, _ := pair(t, 0)
	alpha.cfg.DNS = []netip.AddrPort{netip.MustParseAddrPort("198.51.100.200:53")} // nobody
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err := alpha.DialContext(ctx, "tcp", "www.lab.example:80")
	var dns *net.DNSError
	if !errors.As(err, &dns) || !dns.IsTimeout {
		t.Errorf("got %v, want a timeout of the name server", err)
	}
}

// TestResolver asks package net's resolver. Names end in a dot, so that the machine's search domains do not matter.
func TestResolver(t *testing.T) {
	asking, _ := askers(t)
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	r := asking.Resolver()
	for _, c := range []struct {
		name string
		want []string
	}{
		{"alpha.", []string{"198.51.100.2", "2001:db8:51::2"}},
		{"beta4.lab.example.", []string{"198.51.100.1"}},
		{"www.lab.example.", []string{"198.51.100.1", "2001:db8:51::1"}},
		{"cut.lab.example.", []string{"198.51.100.1"}},
	} {
		as, err := r.LookupHost(ctx, c.name)
		slices.Sort(as)
		if err != nil || !slices.Equal(as, c.want) {
			t.Errorf("%s: %v, %v; want %v", c.name, as, err, c.want)
		}
	}
	var dns *net.DNSError
	if _, err := r.LookupHost(ctx, "nosuch.lab.example."); !errors.As(err, &dns) || !dns.IsNotFound {
		t.Errorf("unknown name: %v", err)
	}
	asking.cfg.DNS = nil
	if _, err := r.LookupHost(ctx, "www.lab.example."); !errors.As(err, &dns) || !dns.IsNotFound {
		t.Errorf("without a server: %v", err)
	}
	if as, err := r.LookupHost(ctx, "alpha."); err != nil || len(as) != 2 {
		t.Errorf("without a server: %v, %v", as, err)
	}
}

func FuzzParseAnswer(f *testing.F) {
	q, err := question(1, "www.lab.example", dnsmessage.TypeAAAA)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(dnsReply(q, true))
	f.Add(q)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		as, cut, err := parseAnswer(b)
		if (cut || err != nil) && as != nil {
			t.Errorf("% x: %v beside %v, %v", b, as, cut, err)
		}
		if len(as) > len(b)/12 { // a record has a name of two octets, ten of header and the address
			t.Errorf("% x: %d addresses", b, len(as))
		}
		answers(b, q)
	})
}

func TestAnswersTruncated(t *testing.T) {
	q, err := question(7, "www.lab.example", dnsmessage.TypeA)
	if err != nil {
		t.Fatal(err)
	}
	a := dnsReply(q, true)
	if !answers(a, q) {
		t.Fatal("the answer does not answer")
	}
	for i := range a {
		as, cut, err := parseAnswer(a[:i])
		if err == nil || as != nil || cut {
			t.Errorf("cut to %d of %d octets: %v, %v, %v", i, len(a), as, cut, err)
		}
	}
	other, _ := question(8, "www.lab.example", dnsmessage.TypeA)
	otherName, _ := question(7, "ftp.lab.example", dnsmessage.TypeA)
	for _, o := range [][]byte{other, otherName, a[:5]} {
		if answers(a, o) {
			t.Error("the answer to another question was taken")
		}
	}
}
