package stack

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A small stub resolver (RFC 1035 §5.3.1): questions for A and AAAA, over UDP and, where the answer was cut, TCP.
const (
	dnsTries   = 2               // rounds through all servers
	dnsTimeout = 2 * time.Second // of one server in one round
	maxDNS     = 4096            // octets of an answer over UDP; the size that is offered (RFC 6891 §6.2.3) is 1232
)

var (
	errNoSuchHost  = errors.New("no such host")
	errMisbehaving = errors.New("server misbehaving")
)

// lookupDNS asks for the addresses that the network can use.
func (h *Host) lookupDNS(ctx context.Context, n network, name string) ([]netip.Addr, error) {
	var types []dnsmessage.Type
	if !strings.HasSuffix(n.kind, "4") {
		types = append(types, dnsmessage.TypeAAAA)
	}
	if !strings.HasSuffix(n.kind, "6") {
		types = append(types, dnsmessage.TypeA)
	}
	type answer struct {
		as  []netip.Addr
		err error
	}
	answers := make(chan answer, len(types))
	for _, t := range types {
		go func() { // ends with the context or dnsTries·dnsTimeout a server
			as, err := h.query(ctx, name, t)
			answers <- answer{as, err}
		}()
	}
	var all []netip.Addr
	var first error
	for range types {
		r := <-answers
		all = append(all, r.as...)
		if first == nil {
			first = r.err
		}
	}
	switch {
	case len(all) > 0:
		return all, nil
	case first != nil:
		return nil, first
	}
	return nil, &net.DNSError{Err: errNoSuchHost.Error(), Name: name, Server: h.cfg.DNS[0].String(), IsNotFound: true}
}

// query asks one question of one server after the other. No address of the type is no error.
func (h *Host) query(ctx context.Context, name string, t dnsmessage.Type) ([]netip.Addr, error) {
	var last error
	for range dnsTries {
		for _, server := range h.cfg.DNS {
			if err := ctx.Err(); err != nil {
				return nil, dnsError(mapContextError(err), name, server.String())
			}
			as, err := h.ask(ctx, server, name, t)
			switch {
			case err == nil:
				return as, nil
			case errors.Is(err, errNoSuchHost):
				return nil, &net.DNSError{Err: err.Error(), Name: name, Server: server.String(), IsNotFound: true}
			}
			last = dnsError(err, name, server.String())
		}
	}
	return nil, last
}

// ask makes one exchange with one server.
func (h *Host) ask(ctx context.Context, server netip.AddrPort, name string, t dnsmessage.Type) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, dnsTimeout)
	defer cancel()
	id := h.queryID()
	q, err := question(id, name, t)
	if err != nil {
		return nil, err
	}
	for _, network := range []string{"udp", "tcp"} {
		a, err := h.exchange(ctx, network, server, q)
		if err != nil {
			return nil, err
		}
		as, cut, err := parseAnswer(a)
		if !cut {
			return as, err
		}
	}
	return nil, errMisbehaving // TC over TCP
}

// queryID is hard to guess (RFC 5452 §9.2).
func (h *Host) queryID() uint16 {
	r := h.ns.SecureRNG()
	return r.Uint16()
}

// question builds a query with recursion desired.
func question(id uint16, name string, t dnsmessage.Type) ([]byte, error) {
	n, err := dnsmessage.NewName(strings.TrimSuffix(name, ".") + ".")
	if err != nil {
		return nil, errNoSuchHost
	}
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: id, RecursionDesired: true})
	b.StartQuestions()
	if err := b.Question(dnsmessage.Question{Name: n, Type: t, Class: dnsmessage.ClassINET}); err != nil {
		return nil, err
	}
	var edns dnsmessage.ResourceHeader
	if err := edns.SetEDNS0(1232, dnsmessage.RCodeSuccess, false); err != nil {
		return nil, err
	}
	b.StartAdditionals()
	if err := b.OPTResource(edns, dnsmessage.OPTResource{}); err != nil {
		return nil, err
	}
	return b.Finish()
}

// exchange sends a query and gives the answer that belongs to it.
func (h *Host) exchange(ctx context.Context, network string, server netip.AddrPort, q []byte) ([]byte, error) {
	c, err := h.DialContext(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if network == "tcp" { // RFC 1035 §4.2.2
		q = append(binary.BigEndian.AppendUint16(nil, uint16(len(q))), q...)
	}
	if _, err := c.Write(q); err != nil {
		return nil, err
	}
	if network == "tcp" {
		return readStreamAnswer(c, q[2:])
	}
	b := make([]byte, maxDNS)
	for {
		n, err := c.Read(b)
		if err != nil {
			return nil, err
		}
		if answers(b[:n], q) {
			return b[:n], nil
		}
	}
}

func readStreamAnswer(c net.Conn, q []byte) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, b); err != nil {
		return nil, err
	}
	if !answers(b, q) {
		return nil, errMisbehaving
	}
	return b, nil
}

// answers reports whether a is a response to q: the same number and the same question (RFC 5452 §9.1).
func answers(a, q []byte) bool {
	var pa, pq dnsmessage.Parser
	ha, err := pa.Start(a)
	if err != nil {
		return false
	}
	hq, err := pq.Start(q)
	if err != nil || !ha.Response || ha.ID != hq.ID {
		return false
	}
	qa, err := pa.Question()
	if err != nil {
		return false
	}
	qq, err := pq.Question()
	return err == nil && qa.Type == qq.Type && qa.Class == qq.Class && strings.EqualFold(qa.Name.String(), qq.Name.String())
}

// parseAnswer reads the addresses. The server has followed aliases (RFC 1034 §5.2.2), so all records of the type are
// the answer.
func parseAnswer(b []byte) (as []netip.Addr, cut bool, err error) {
	var p dnsmessage.Parser
	hdr, err := p.Start(b)
	if err != nil {
		return nil, false, errMisbehaving
	}
	switch {
	case hdr.Truncated:
		return nil, true, nil
	case hdr.RCode == dnsmessage.RCodeNameError:
		return nil, false, errNoSuchHost
	case hdr.RCode != dnsmessage.RCodeSuccess:
		return nil, false, errMisbehaving
	}
	if err := p.SkipAllQuestions(); err != nil {
		return nil, false, errMisbehaving
	}
	for {
		r, err := p.Answer()
		if err == dnsmessage.ErrSectionDone {
			return as, false, nil
		}
		if err != nil {
			return nil, false, errMisbehaving
		}
		switch body := r.Body.(type) {
		case *dnsmessage.AResource:
			as = append(as, netip.AddrFrom4(body.A))
		case *dnsmessage.AAAAResource:
			as = append(as, netip.AddrFrom16(body.AAAA))
		}
	}
}

// nextServer takes the servers in turn.
func (h *Host) nextServer() netip.AddrPort {
	return h.cfg.DNS[int(h.socks.server.Add(1)-1)%len(h.cfg.DNS)]
}
