package lab

import (
	"math"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/link/ipxtunnel"
)

// Limits of a tunnel of IPX in UDP.
const (
	maxTunnelClients = 4096
	leastTunnelTimer = time.Second
	maxTunnelTimer   = 24 * time.Hour
)

// tunnel reads one end of a tunnel: a server that emulators join, or a client that joins one.
func (c *checker) tunnel(path string, j *JointPlan, f fileTunnel) {
	t := &TunnelPlan{Frame: c.frame(path+".frame", f.Frame, frameNames()[1:])}
	j.Tunnel = t
	switch {
	case f.Listen == "" && f.Connect == "":
		c.bad(path, `nothing says where the tunnel leads; add listen = "198.51.100.1:213", which emulators join, `+
			`or connect = "203.0.113.2:213", a server to join`)
		return
	case f.Listen != "" && f.Connect != "":
		c.bad(path+".connect", "a tunnel either listens or connects; remove one of the two keys")
		return
	case f.Listen != "":
		c.tunnelServer(path, t, f)
		j.Lines = []string{"listens on " + t.Listen.String()}
	default:
		c.tunnelClient(path, t, f)
		j.Lines = []string{"joins " + t.Client.Server.String()}
	}
	j.Lines = append(j.Lines, "IPX "+t.Frame)
	c.tunnelWire(path, j, f)
}

func (c *checker) tunnelServer(path string, t *TunnelPlan, f fileTunnel) {
	t.Listen = c.endpoint(path+".listen", f.Listen, ipxtunnel.Port)
	t.Server = &ipxtunnel.ServerConfig{
		Allow: c.allowed(path+".allow", f.Allow), MaxClients: f.MaxClients, MaxPerAddress: f.MaxPerAddress,
		RegistrationRate: f.RegistrationRate, Timeout: c.tunnelTime(path+".timeout", f.Timeout),
		KeepAlive: c.tunnelTime(path+".keep_alive", f.KeepAlive),
	}
	t.wire = &t.Server.Wire
	for key, n := range map[string]int{"max_clients": f.MaxClients, "max_per_address": f.MaxPerAddress} {
		if n != 0 {
			c.between(path+"."+key, n, 1, maxTunnelClients, "leave it out for the default")
		}
	}
	if f.RegistrationRate != 0 {
		c.between(path+".registration_rate", f.RegistrationRate, 1, math.MaxInt32, "leave it out for the default")
	}
	for key, set := range map[string]bool{"stations": f.Stations != 0, "station_timeout": f.StationTimeout != ""} {
		if set {
			c.bad(path+"."+key, "is of a client; write connect in place of listen, or remove this key")
		}
	}
}

func (c *checker) tunnelClient(path string, t *TunnelPlan, f fileTunnel) {
	t.Client = &ipxtunnel.ClientConfig{
		Server: c.endpoint(path+".connect", f.Connect, ipxtunnel.Port), Stations: f.Stations,
		StationTimeout: c.tunnelTime(path+".station_timeout", f.StationTimeout),
		KeepAlive:      c.tunnelTime(path+".keep_alive", f.KeepAlive),
	}
	t.wire = &t.Client.Wire
	if f.Stations != 0 {
		c.between(path+".stations", f.Stations, 1, maxTunnelClients, "leave it out for the default")
	}
	for key, set := range map[string]bool{
		"allow": f.Allow != nil, "max_clients": f.MaxClients != 0, "max_per_address": f.MaxPerAddress != 0,
		"registration_rate": f.RegistrationRate != 0, "timeout": f.Timeout != "",
	} {
		if set {
			c.bad(path+"."+key, "is of a server; write listen in place of connect, or remove this key")
		}
	}
}

// tunnelWire is what server and client have in common: how packets stand on the segment.
func (c *checker) tunnelWire(path string, j *JointPlan, f fileTunnel) {
	w := j.Tunnel.wire
	w.Frame, w.MaxPacket = kinds[j.Tunnel.Frame], f.MaxPacket
	if f.Network != "" {
		w.Network = c.network(path+".network", f.Network, "; left out it is that of the hosts on the segment")
	}
	if j.At == nil {
		return
	}
	w.MTU = j.At.Segment.MTU
	if f.MaxPacket != 0 {
		c.between(path+".max_packet", f.MaxPacket, ipxwire.DefaultMax,
			min(mostPacket(j.Tunnel.Frame, w.MTU), w.MTU-tunnelHead, lastLength-tunnelHead),
			"leave it out for 1424, what DOSBox has room for")
	}
}

// tunnelHead is what the tunnel keeps free in a frame: the longest head of the four framings, and a pad.
const tunnelHead = 9

func (c *checker) tunnelTime(path, s string) time.Duration {
	d := c.age(path, s)
	if d != 0 && (d < leastTunnelTimer || d > maxTunnelTimer) {
		c.bad(path, "%v is outside of %v to %v; leave it out for the default", d, leastTunnelTimer, maxTunnelTimer)
	}
	return d
}
