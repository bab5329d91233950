package stack

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
)

// Names are looked up in this order: literal addresses; localhost (RFC 6761 §6.3); Config.Names; Config.Lookup; the servers of
// Config.DNS, asked over this host. Nothing is asked of the machine's network. Config.Names and a name are compared
// without regard to case and to a final dot.

// Resolver gives a resolver for programs that want package net's. It answers from Config.Names and else asks the
// servers of Config.DNS over this host. It never sends anything to the machine's network, but it is package net's code
// and reads what that reads on the machine: /etc/hosts before anything is asked, and from /etc/resolv.conf the search
// domains, ndots, timeouts and the number of servers to try (not their addresses). To order several addresses it also
// asks the machine's kernel for routes, which sends nothing. A name with a final dot is not searched for. Dial of this
// host uses none of that.
func (h *Host) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: h.dialDNS}
}

// static answers from the configuration.
func (h *Host) static(name string) ([]netip.Addr, bool) {
	name = canonicalName(name)
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return []netip.Addr{netip.IPv6Loopback(), netip.AddrFrom4([4]byte{127, 0, 0, 1})}, true
	}
	if as, ok := h.cfg.Names[name]; ok {
		return as, true
	}
	for n, as := range h.cfg.Names {
		if canonicalName(n) == name {
			return as, true
		}
	}
	if h.cfg.Lookup != nil {
		if as := h.cfg.Lookup(name); len(as) > 0 {
			return as, true
		}
	}
	return nil, false
}

func canonicalName(s string) string { return strings.ToLower(strings.TrimSuffix(s, ".")) }

// lookup gives the addresses of a host as Dial and Listen use them, IPv6 first, at least one.
func (h *Host) lookup(ctx context.Context, n network, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		if a.Is6() && a.IsUnspecified() {
			return []netip.Addr{a, netip.IPv4Unspecified()}, nil // as package net
		}
		return []netip.Addr{a.Unmap()}, nil
	}
	if as, ok := h.static(host); ok {
		return versionOrder(as), nil
	}
	if !isDomainName(host) || len(h.cfg.DNS) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	as, err := h.lookupDNS(ctx, n, host)
	if err != nil {
		return nil, err
	}
	return versionOrder(as), nil
}

// versionOrder puts IPv6 before IPv4 and keeps the order within a version.
func versionOrder(as []netip.Addr) []netip.Addr {
	var v6, v4 []netip.Addr
	for _, a := range as {
		if a = a.Unmap(); a.Is4() {
			v4 = append(v4, a)
		} else {
			v6 = append(v6, a)
		}
	}
	return append(v6, v4...)
}

// isDomainName reports whether a name can be asked for at all (RFC 1035 §2.3.4).
func isDomainName(s string) bool {
	s = strings.TrimSuffix(s, ".")
	if s == "" || len(s) > 253 || strings.ContainsAny(s, " %/[]:") {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return true
}

// dnsError gives err the name that was asked for and the server, in package net's type.
func dnsError(err error, name, server string) *net.DNSError {
	e := &net.DNSError{Name: name, Server: server, UnwrapErr: err}
	var ne net.Error
	switch {
	case errors.Is(err, context.Canceled):
		e.Err = errCanceled.Error()
	case errors.As(err, &ne) && ne.Timeout(), errors.Is(err, context.DeadlineExceeded):
		e.Err, e.IsTimeout = "i/o timeout", true
	default:
		e.Err = err.Error()
	}
	return e
}
