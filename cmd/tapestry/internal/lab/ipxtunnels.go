package lab

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"tapestry/cmd/tapestry/internal/control"
	"tapestry/internal/ipxwire"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/ipxtunnel"
)

// IPXTunnel is somebody who joined by a tunnel: an emulator a server of ours, or a station of ours a server elsewhere.
type IPXTunnel struct {
	Tunnel  string       `json:"tunnel"`
	Role    string       `json:"role"`    // of our end: server or client
	Station ipxwire.Node `json:"station"` // on the segment
	Node    ipxwire.Node `json:"node"`    // in the tunnel; zero: the server has not answered
	Remote  string       `json:"remote"`  // the other end's socket
	Heard   time.Time    `json:"heard,omitzero"`
	State   string       `json:"state"`
}

// openTunnel is a tunnel's end: one of the two.
type openTunnel struct {
	name   string
	server *ipxtunnel.Server
	client *ipxtunnel.Client
	remote string
}

// tunnelPort tells the segment what the tunnel has a use for, and the tools that it is there.
func (l *Lab) tunnelPort(j *JointPlan, dev link.Device) {
	t := &openTunnel{name: j.Name}
	p := l.buses[j.At.Segment].port(j.At)
	switch d := dev.(type) {
	case *ipxtunnel.Server:
		t.server = d
		p.isThere = func() bool { return len(d.Clients()) > 0 }
	case *ipxtunnel.Client:
		t.client, t.remote = d, j.Tunnel.Client.Server.String()
	default:
		return
	}
	p.SetFilter(mayBeIPX)
	l.tunnels = append(l.tunnels, t)
}

// mayBeIPX reports whether a frame that begins so can carry IPX: it has its type, or a length.
func mayBeIPX(head []byte) bool {
	if len(head) < ethernet.HeaderLen {
		return false
	}
	t := ethernet.EtherType(binary.BigEndian.Uint16(head[ethernet.HeaderLen-2:]))
	return t == ethernet.TypeIPX || t <= lastLength
}

// ipxTunnels lists who joined.
func (l *Lab) ipxTunnels(_ context.Context, _ control.Request, send func(any) error) error {
	all := []IPXTunnel{}
	for _, t := range l.tunnels {
		all = append(all, t.list()...)
	}
	return send(all)
}

func (t *openTunnel) list() (all []IPXTunnel) {
	if t.server != nil {
		for _, c := range t.server.Clients() {
			state := map[bool]string{true: "joined", false: "not confirmed"}[c.Confirmed]
			all = append(all, IPXTunnel{t.name, "server", c.Node, c.Node, c.Remote.String(), c.Heard, state})
		}
		return all
	}
	for _, s := range t.client.Sessions() {
		state := map[bool]string{true: "asking", false: "joined"}[s.Node.IsZero()]
		all = append(all, IPXTunnel{t.name, "client", s.Station, s.Node, t.remote, s.Heard, state})
	}
	return all
}

// WriteIPXTunnels lists who joined by a tunnel.
func WriteIPXTunnels(w io.Writer, all []IPXTunnel) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "nobody has joined: the lab has no [ipxtunnel], or no station of either side has sent yet;",
			"see tapestry info")
		return err
	}
	t := table(w, "TUNNEL\tOUR END\tSTATION\tIN THE TUNNEL\tOTHER END\tHEARD\tSTATE")
	for _, x := range all {
		heard := "-"
		if !x.Heard.IsZero() {
			heard = time.Since(x.Heard).Truncate(time.Second).String() + " ago"
		}
		fmt.Fprintf(t, "%s\t%s\t%v\t%v\t%s\t%s\t%s\n", x.Tunnel, x.Role, x.Station, x.Node, x.Remote, heard, x.State)
	}
	return t.Flush()
}
