package lab

import (
	"fmt"
	"io"
	"slices"
)

// writeIPX shows where the hosts are reached over IPX.
func (i Info) writeIPX(w io.Writer) {
	if _, ok := i.firstIPX(); !ok {
		return
	}
	fmt.Fprintln(w, "\nHOST\tIPX ON\tADDRESS\tFRAME\tROUTER")
	for _, h := range i.Hosts {
		for _, p := range h.IPX {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", h.Name, p.Name, p.address(), orDash(p.Frame),
				map[bool]string{true: "yes", false: "no"}[h.Router])
		}
	}
}

// address gives network and node.
func (p IPXPort) address() string { return p.Network.String() + ":" + p.Node.String() }

// ipxAddress is on the first network whose number is known; with the number 0, which is that of whoever hears it, if none is.
func (h HostInfo) ipxAddress() string {
	i := slices.IndexFunc(h.IPX, func(p IPXPort) bool { return p.Network != 0 })
	return h.IPX[max(i, 0)].address()
}

// firstIPX is the first host with IPX.
func (i Info) firstIPX() (HostInfo, bool) {
	for _, h := range i.Hosts {
		if len(h.IPX) > 0 {
			return h, true
		}
	}
	return HostInfo{}, false
}

// ipxTarget is whom the host could ask for a sign of life: another host whose number is known, or else itself.
func (i Info) ipxTarget(h HostInfo) string {
	for _, o := range i.Hosts {
		if len(o.IPX) > 0 && o.IPX[0].Network != 0 && o.Name != h.Name {
			return o.IPX[0].address()
		}
	}
	return h.IPX[0].address()
}
