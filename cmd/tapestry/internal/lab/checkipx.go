package lab

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"tapestry/apps"
	"tapestry/internal/ipxwire"
)

// frames are what ipx.frame of an interface may be, and what a packet loses to the framing.
var frames = []frame{{"802.2", 3, true}, {"802.3", 0, true}, {"snap", 8, true}, {"ethernet-ii", 0, false}}

// frame is one of the four ways in which IPX stands in an Ethernet frame.
type frame struct {
	name      string
	head      int  // octets between the Ethernet header and the packet
	hasLength bool // in place of a type: 1500 octets at most (IEEE 802.3 §3.2.6)
}

// Limits of IPX.
const (
	autoFrame    = "auto"
	defaultFrame = "802.2"                 // NetWare's since 3.12
	minMaxPacket = ipxwire.DefaultMax      // what every node takes
	lastNetwork  = ipxwire.AllNetworks - 2 // the two above stand for all routes and for the default route
	lastLength   = 1500                    // of a frame with a length
	mostTicks    = 1<<16 - 1
	autoNetwork  = "auto" // learned
	likeNetwork  = `text of one to eight hexadecimal digits in quotes, like "0000cafe"`
)

func frameNames() []string {
	names := []string{autoFrame}
	for _, f := range frames {
		names = append(names, f.name)
	}
	return names
}

func frameNamed(s string) frame {
	i := slices.IndexFunc(frames, func(f frame) bool { return f.name == s })
	return frames[max(i, 0)]
}

// frame reads the name of a framing, as here or as NetWare writes it: Ethernet_802.2.
func (c *checker) frame(path, s string, known []string) string {
	if s == "" {
		return defaultFrame
	}
	name := strings.ToLower(s)
	name = strings.TrimPrefix(name, "ethernet_")
	if name == "ii" {
		name = "ethernet-ii"
	}
	if _, ok := find(known, name); !ok {
		c.bad(path, "unknown framing %q%s", s, didYouMean(s, known))
		return defaultFrame
	}
	return name
}

// network reads a number that one network can have.
func (c *checker) network(path, s, remedy string) ipxwire.Network {
	n, err := ipxwire.ParseNetwork(s)
	switch {
	case err != nil:
		c.bad(path, "%q is no network number; write %s%s", s, likeNetwork, remedy)
	case n == 0 || n > lastNetwork:
		c.bad(path, "%v is no network's number; use 00000001 to %v%s", n, lastNetwork, remedy)
	default:
		return n
	}
	return 0
}

// ipxOf reads the IPX of an interface: a table, or a list of tables.
func (c *checker) ipxOf(path string, p *Interface, f fileInterface) (all []IPXPlan) {
	list, isList := f.IPX.([]any)
	switch _, isTable := f.IPX.(map[string]any); {
	case isTable:
		return []IPXPlan{c.ipx(path+".ipx", p, f.IPX)}
	case !isList || len(list) == 0:
		c.bad(path+".ipx",
			`want a table like { network = "0000cafe", frame = "802.2" }, or a list of such, one for each framing`)
	}
	for i, e := range list {
		all = append(all, c.ipx(fmt.Sprintf("%s.ipx[%d]", path, i), p, e))
	}
	for i, a := range all {
		for _, b := range all[:i] {
			switch {
			case a.Frame == b.Frame:
				c.bad(a.path, "frame = %q is on this interface already (line %d); an interface has each framing once",
					a.Frame, lineOf(c.doc, b.path))
			case a.Frame == autoFrame || b.Frame == autoFrame:
				c.bad(a.path, `frame = "auto" takes whatever framing it finds; leave it alone on the interface, or name each framing`)
			default:
				continue
			}
			break
		}
	}
	return all
}

// ipx reads one of them.
func (c *checker) ipx(path string, at *Interface, v any) IPXPlan {
	var f fileIPX
	if !c.tableAt(path, v, &f) {
		return IPXPlan{Frame: defaultFrame, path: path}
	}
	p := IPXPlan{
		Frame: c.frame(path+".frame", f.Frame, frameNames()), Checksum: f.Checksum, MaxPacket: f.MaxPacket,
		Ticks: uint16(f.Ticks), path: path,
	}
	if f.Network != "" && f.Network != autoNetwork {
		p.Network = c.network(path+".network", f.Network, `, or "auto" to learn it`)
	}
	if f.MaxPacket != 0 {
		most := mostPacket(p.Frame, at.mtu())
		c.between(path+".max_packet", f.MaxPacket, minMaxPacket, most,
			fmt.Sprintf("every node takes %d, the default, and the link carries %d", minMaxPacket, most))
	}
	if f.Ticks != 0 {
		c.between(path+".ticks", f.Ticks, 1, mostTicks, "leave it out for 1, an Ethernet's")
	}
	if f.Checksum && p.Frame == "802.3" {
		c.bad(path+".checksum",
			`raw 802.3 frames are known by the checksum FFFF of their packets, so these can have no other; `+
				`use frame = "802.2", or remove this key`)
	}
	return p
}

// mostPacket is the longest packet that fits into a frame of the link.
func mostPacket(name string, mtu int) int {
	f := frameNamed(name)
	if f.hasLength {
		mtu = min(mtu, lastLength)
	}
	return mtu - f.head
}

// mtu is that of what the interface is on; an interface that exists may have another one than is usual.
func (i *Interface) mtu() int {
	switch {
	case i.At != nil:
		return i.At.Segment.MTU
	case i.Wire != nil && i.Wire.MTU != 0:
		return i.Wire.MTU
	}
	return defaultMTU
}

// tableAt decodes a table that the file has as any, as strictly as the rest of the file.
func (c *checker) tableAt(path string, v, to any) bool {
	if _, ok := v.(map[string]any); !ok {
		c.bad(path, "must be a table")
		return false
	}
	text, err := toml.Marshal(v)
	if err == nil {
		var d *apps.Document
		if d, err = apps.ParseConfig(c.doc.File, text); err == nil {
			err = d.Decode(to)
		}
	}
	var ps Problems
	ps.add(c.doc, path, err)
	for _, e := range ps {
		if err != nil && errors.As(err, new(*apps.ConfigError)) {
			e.Key = path + "." + e.Key
			e.Line = lineOf(c.doc, e.Key)
		}
	}
	c.problems = append(c.problems, ps...)
	return ps.areUnknownKeys()
}
