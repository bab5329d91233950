package lab

import (
	"fmt"
	"io"
	"strings"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack"
)

// IPXPort is a network that a host is on: one framing of an interface, or the one within.
type IPXPort struct {
	Name      string          `json:"name"`
	Network   ipxwire.Network `json:"network"`
	Learned   bool            `json:"learned"` // the number is not from the lab's file
	Node      ipxwire.Node    `json:"node"`
	Frame     string          `json:"frame"` // empty: of the network within
	MaxPacket int             `json:"max_packet"`
	Checksum  bool            `json:"checksum"`
	Ticks     uint16          `json:"ticks"`
	Up        bool            `json:"up"`
}

// IPXRoute is a way to a network.
type IPXRoute struct {
	Network   ipxwire.Network `json:"network"`
	Hops      uint16          `json:"hops"`
	Ticks     uint16          `json:"ticks"`
	Interface string          `json:"interface"`
	NextHop   *ipxwire.Node   `json:"next_hop,omitempty"` // absent: the host is on the network
	Static    bool            `json:"static,omitempty"`
	Expires   float64         `json:"expires_seconds,omitempty"` // 0: never
}

// IPXServer is somebody who serves.
type IPXServer struct {
	Type      Hex16           `json:"type"`
	TypeName  string          `json:"type_name,omitempty"` // as Wireshark has it
	Name      string          `json:"name"`
	Network   ipxwire.Network `json:"network"`
	Node      ipxwire.Node    `json:"node"`
	Socket    Hex16           `json:"socket"`
	Hops      uint16          `json:"hops"`
	Interface string          `json:"interface"`
	Static    bool            `json:"static,omitempty"`
	Expires   float64         `json:"expires_seconds,omitempty"` // 0: never
}

// Hex16 is a number that is read and written in hexadecimal: 0451 in JSON, too.
type Hex16 uint16

// MarshalText gives four hexadecimal digits.
func (n Hex16) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%04x", uint16(n)), nil }

// UnmarshalText reads one to four.
func (n *Hex16) UnmarshalText(b []byte) error {
	s, err := ipxwire.ParseSocket(string(b))
	*n = Hex16(s)
	return err
}

// local is the interface of what is in the host itself.
const local = "local"

// WriteIPXPorts lists the networks that a host is on.
func WriteIPXPorts(w io.Writer, all []IPXPort) error {
	t := table(w, "INTERFACE\tNETWORK\tNODE\tFRAME\tMAX PACKET\tCHECKSUM\tTICKS\tSTATE")
	for _, p := range all {
		state := map[bool]string{true: "up", false: "down"}[p.Up]
		switch {
		case p.Learned:
			state += ", learned"
		case p.Network == 0:
			state += ", number unknown"
		}
		fmt.Fprintf(t, "%s\t%v\t%v\t%s\t%d\t%s\t%d\t%s\n", p.Name, p.Network, p.Node, orDash(p.Frame), p.MaxPacket,
			map[bool]string{true: "yes", false: "no"}[p.Checksum], p.Ticks, state)
	}
	return t.Flush()
}

// WriteIPXRoutes lists the networks that a host knows.
func WriteIPXRoutes(w io.Writer, all []IPXRoute) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(w,
			"no network is known: no router has told the number of a wire that the host is on; see tapestry ipx ports")
		return err
	}
	t := table(w, "NETWORK\tHOPS\tTICKS\tNEXT HOP\tINTERFACE\tAGES IN")
	for _, r := range all {
		next := "on link"
		if r.NextHop != nil {
			next = r.NextHop.String()
		} else if r.Interface == local {
			next = "this host"
		}
		fmt.Fprintf(t, "%v\t%d\t%d\t%s\t%s\t%s\n", r.Network, r.Hops, r.Ticks, next, r.Interface,
			ages(r.Static, r.Expires))
	}
	return t.Flush()
}

// ages says when an entry goes.
func ages(isStatic bool, seconds float64) string {
	switch {
	case isStatic:
		return "static"
	case seconds == 0:
		return "-"
	}
	return (time.Duration(seconds) * time.Second).String()
}

// WriteIPXServers lists the services that a host knows.
func WriteIPXServers(w io.Writer, all []IPXServer) error {
	t := table(w, "TYPE\tNAME\tNETWORK\tNODE\tSOCKET\tHOPS\tINTERFACE\tAGES IN\tWHAT IT IS")
	for _, s := range all {
		fmt.Fprintf(t, "%04x\t%s\t%v\t%v\t%04x\t%d\t%s\t%s\t%s\n", s.Type, s.Name, s.Network, s.Node, s.Socket, s.Hops,
			s.Interface,
			ages(s.Static, s.Expires), orDash(s.TypeName))
	}
	return t.Flush()
}

// WriteServerList lists them as NetWare's SLIST does.
func WriteServerList(w io.Writer, all []IPXServer) error {
	t := table(w, "SERVER\tNETWORK\tNODE ADDRESS\tHOPS\tTYPE")
	for _, s := range all {
		fmt.Fprintf(t, "%s\t%v\t%v\t%d\t%s\n", s.Name, s.Network, s.Node, s.Hops,
			strings.TrimSpace(fmt.Sprintf("%04x %s", s.Type, s.TypeName)))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	servers := "servers"
	if len(all) == 1 {
		servers = "server"
	}
	_, err := fmt.Fprintf(w, "\nTotal of %d %s found\n", len(all), servers)
	return err
}

// WriteIPXSockets lists the sockets of IPX and the connections of SPX.
func WriteIPXSockets(w io.Writer, all []stack.IPXSocket) error {
	t := table(w, "PROTO\tRECV-Q\tSEND-Q\tLOCAL\tREMOTE\tSTATE\tOWNER")
	for _, s := range all {
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\t%s\t%s\n", s.Network, s.RecvQ, s.SendQ, socketAddr(s.Local),
			socketAddr(s.Remote),
			orDash(s.State), orDash(s.Owner))
	}
	return t.Flush()
}

// socketAddr leaves out what is any.
func socketAddr(a ipxwire.Addr) string {
	switch {
	case a == ipxwire.Addr{}:
		return "*"
	case a.Net == 0 && a.Node.IsZero():
		return fmt.Sprintf("*:%04x", uint16(a.Socket))
	}
	return a.String()
}
