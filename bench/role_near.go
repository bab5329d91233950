//go:build linux

package bench

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"tapestry/bench/internal/lean"
	"tapestry/bench/internal/machine"

	"github.com/vishvananda/netlink"
)

// nearThreads is how many streams a client may have, and two for the rest of the process.
const nearThreads = 66

// playNear runs clients on the kernel's sockets.
func playNear() error {
	hosts := map[string]dialer{}
	return obey(func(o order) (answer, error) {
		p, err := pathNamed(o.Path)
		if err != nil {
			return answer{}, err
		}
		switch o.Do {
		case "run":
			d, err := p.dialer(hosts)
			if err != nil {
				return answer{}, err
			}
			r, err := runClient(d, p, o)
			lean.Collect()
			return answer{Result: r}, err
		case "look":
			s, err := lookNear(p)
			return answer{State: s}, err
		}
		return answer{}, fmt.Errorf("near end: no order %q", o.Do)
	})
}

// dialer gives what clients dial through. A near end that is a host is made once.
func (p *path) dialer(hosts map[string]dialer) (d dialer, err error) {
	if !p.hosts {
		return kernelDialer{p}, nil
	}
	if hosts[p.name] == nil {
		if d, err = openNearHost(p); err != nil {
			return nil, err
		}
		hosts[p.name] = d
	}
	return hosts[p.name], nil
}

// runClient runs a scenario's client once.
func runClient(net dialer, p *path, o order) (*result, error) {
	s, err := scenarioNamed(o.Scenario)
	if err != nil {
		return nil, err
	}
	v := serviceNamed(s.service)
	c := &call{
		net: net, network: v.network, to: p.address(v),
		duration: o.Duration, streams: s.streams, size: s.size,
	}
	before := machine.ProcessTime()
	r, err := s.client(c)
	r.CPU = machine.ProcessTime() - before
	return &r, err
}

// address is where clients find a service.
func (p *path) address(v *service) string {
	if v.network == "spx" {
		return farNode(v.port).String()
	}
	return netip.AddrPortFrom(p.far(), v.port).String()
}

// lookNear reads the counters of the path's interface and of the kernel's TCP.
func lookNear(p *path) (*state, error) {
	l, err := netlink.LinkByName(p.device())
	if err != nil {
		return nil, err
	}
	n := l.Attrs().Statistics
	return &state{To: traffic{n.TxPackets, n.TxBytes}, From: traffic{n.RxPackets, n.RxBytes}, Retrans: snmp("Tcp", "RetransSegs")}, nil
}

// snmp reads a counter of the kernel's MIB in this namespace; zero where it cannot be read.
func snmp(group, name string) uint64 {
	b, err := os.ReadFile("/proc/thread-self/net/snmp")
	if err != nil {
		return 0
	}
	return mibValue(string(b), group, name)
}

// mibValue finds a counter in pairs of lines: "Tcp: names…", "Tcp: values…".
func mibValue(text, group, name string) uint64 {
	var names []string
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != group+":" {
			continue
		}
		if names == nil {
			names = f
			continue
		}
		for i := range min(len(f), len(names)) {
			if names[i] == name {
				v, _ := strconv.ParseUint(f[i], 10, 64)
				return v
			}
		}
	}
	return 0
}
