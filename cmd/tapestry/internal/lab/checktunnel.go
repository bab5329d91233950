package lab

import "fmt"

// Limits of a tunnel of IPX in UDP.
const (
	tunnelPort       = 213 // IANA's for IPX in IP; the emulators' default
	maxTunnelClients = 4096
)

// tunnel reads one end of a tunnel: a server that emulators join, or a client that joins one.
func (c *checker) tunnel(path string, j *JointPlan, f fileTunnel) {
	t := &TunnelPlan{MaxClients: f.MaxClients, Idle: c.age(path+".idle", f.Idle)}
	j.Tunnel = t
	t.Frame = c.frame(path+".frame", f.Frame, frameNames()[1:])
	switch {
	case f.Listen == "" && f.Connect == "":
		c.bad(path, `nothing says where the tunnel leads; add listen = "198.51.100.1:213", which emulators join, or connect = "203.0.113.2:213", a server to join`)
	case f.Listen != "" && f.Connect != "":
		c.bad(path+".connect", "a tunnel either listens or connects; remove one of the two keys")
	case f.Listen != "":
		t.Listen = c.endpoint(path+".listen", f.Listen, tunnelPort)
		j.Lines = []string{"listens on " + t.Listen.String()}
	default:
		t.Connect = c.endpoint(path+".connect", f.Connect, tunnelPort)
		j.Lines = []string{"joins " + t.Connect.String()}
	}
	j.Lines = append(j.Lines, t.Frame+" frames")
	t.Allow = c.allowed(path+".allow", f.Allow)
	if f.MaxClients != 0 {
		c.between(path+".max_clients", f.MaxClients, 1, maxTunnelClients, "leave it out for the default")
	}
	if f.Connect == "" {
		return
	}
	for key, set := range map[string]bool{"allow": f.Allow != nil, "max_clients": f.MaxClients != 0, "idle": f.Idle != ""} {
		if set {
			c.bad(fmt.Sprintf("%s.%s", path, key), "is of a server; write listen in place of connect, or remove this key")
		}
	}
}
