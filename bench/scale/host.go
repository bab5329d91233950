package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"tapestry/apps"
	"tapestry/apps/echo"
	"tapestry/link/segment"
	"tapestry/stack"
)

// echoPort is the port of RFC 862.
const echoPort = 7

// station is a host with its echo server.
type station struct {
	*stack.Host
	addr netip.Addr
}

// lab is a switch and the stations on it.
type lab struct {
	wire     *segment.Segment
	stations []*station
	echo     apps.Config
	stop     context.CancelFunc
	ctx      context.Context
	serving  sync.WaitGroup
	v4only   bool
}

func newLab(v4only bool) (*lab, error) {
	table, err := apps.TableConfig("")
	if err != nil {
		return nil, err
	}
	wire, err := segment.New(segment.Config{Name: "lan"})
	if err != nil {
		return nil, err
	}
	l := &lab{echo: table, v4only: v4only, wire: wire}
	l.ctx, l.stop = context.WithCancel(context.Background())
	return l, nil
}

// add makes one host: a port of the switch, the stack, an address and an echo server on TCP and UDP.
func (l *lab) add() error {
	n := len(l.stations)
	s := &station{addr: address(n)}
	dev, err := l.wire.NewDevice(segment.PortConfig{Offload: segment.AllOffloads})
	if err != nil {
		return err
	}
	if s.Host, err = stack.New(stack.Config{Name: fmt.Sprintf("host%d", n)}); err != nil {
		dev.Close()
		return err
	}
	l.stations = append(l.stations, s)
	if _, err := s.AddInterface(dev, stack.InterfaceConfig{
		Addresses: []netip.Prefix{netip.PrefixFrom(s.addr, prefixLen)},
		NoIPv6:    l.v4only,
	}); err != nil {
		return err
	}
	return l.serve(s)
}

// serve starts the echo server; it ends with the lab.
func (l *lab) serve(s *station) error {
	server, err := echo.App.New(apps.NewEnv(apps.EnvConfig{Net: s.Host, HostName: s.Name(), AppName: echo.App.Name}), l.echo)
	if err != nil {
		return err
	}
	l.serving.Go(func() { server.Serve(l.ctx) })
	return nil
}

func (l *lab) close() error {
	l.stop()
	l.serving.Wait()
	var errs []error
	for _, s := range l.stations {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, l.wire.Close())...)
}

// prefixLen has room for 65,534 stations.
const prefixLen = 16

// address is that of station n, in the block for benchmarks (RFC 2544 appendix C.2.2).
func address(n int) netip.Addr {
	n++
	return netip.AddrFrom4([4]byte{198, 18, byte(n >> 8), byte(n)})
}
