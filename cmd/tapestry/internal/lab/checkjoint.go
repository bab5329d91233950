package lab

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"tapestry/link/pcap"
	"tapestry/link/vxlan"
)

// VXLANPlan is a tunnel end (RFC 7348).
type VXLANPlan struct {
	VNI         uint32
	Local       netip.AddrPort
	Peers       []netip.AddrPort
	Allow       []netip.Prefix
	Group       netip.AddrPort
	Interface   string
	Age         time.Duration
	TTL, TOS    uint8
	UnderlayMTU int
}

// QEMUPlan is a port for a virtual machine.
type QEMUPlan struct {
	Mode            string // stream or dgram
	Listen, Connect Socket
}

// Socket is a UNIX socket's path, or an address with a port.
type Socket struct {
	Path string
	Addr netip.AddrPort
}

// IsZero reports whether there is none.
func (s Socket) IsZero() bool { return s == Socket{} }

// String gives what a lab's file has.
func (s Socket) String() string {
	if s.Path != "" {
		return s.Path
	}
	return s.Addr.String()
}

// UnixgramPlan is a port for another process.
type UnixgramPlan struct {
	Path string // absolute
	Peer string // absolute; empty: who sends first
}

// ReplayPlan sends a capture's frames.
type ReplayPlan struct {
	File     string // absolute
	Fast     bool
	Times    int // 0: without end
	After    time.Duration
	Speed    float64       // 0: 1
	MaxPause time.Duration // 0: any
}

// maxPath is how long the path of a UNIX socket can be (unix(7)).
const maxPath = 107

// joints reads the tables of what else joins segments.
func (c *checker) joints(f file) {
	for _, name := range c.inOrder("vxlan", keys(f.VXLAN)) {
		j, k := f.VXLAN[name], "vxlan"
		c.joint(k, name, j.Segment, j.filePort, func(path string, p *JointPlan) { c.vxlan(path, p, j) })
	}
	for _, name := range c.inOrder("ipxtunnel", keys(f.Tunnel)) {
		j, k := f.Tunnel[name], "ipxtunnel"
		c.joint(k, name, j.Segment, j.filePort, func(path string, p *JointPlan) { c.tunnel(path, p, j) })
	}
	for _, name := range c.inOrder("qemu", keys(f.QEMU)) {
		j, k := f.QEMU[name], "qemu"
		c.joint(k, name, j.Segment, j.filePort, func(path string, p *JointPlan) { c.qemu(path, p, j) })
	}
	for _, name := range c.inOrder("unixgram", keys(f.Unixgram)) {
		j, k := f.Unixgram[name], "unixgram"
		c.joint(k, name, j.Segment, j.filePort, func(path string, p *JointPlan) { c.unixgram(path, p, j) })
	}
	for _, name := range c.inOrder("replay", keys(f.Replay)) {
		j, k := f.Replay[name], "replay"
		c.joint(k, name, j.Segment, j.filePort, func(path string, p *JointPlan) { c.replay(path, p, j) })
	}
}

func (c *checker) joint(kind, name, segment string, keys filePort, check func(path string, p *JointPlan)) {
	path := kind + "." + name
	c.memberName(path, name, kind+" port")
	j := &JointPlan{Name: name, At: c.join(path, segment, Port{Name: name, Kind: kind}, keys)}
	check(path, j)
	c.plan.Joints = append(c.plan.Joints, j)
}

// overMTU is what the tunnel leaves of the underlay's MTU.
func (f fileVXLAN) overMTU() int {
	mtu, outer := f.MTU, 50 // RFC 7348 §5: Ethernet, IPv4, UDP and VXLAN
	if mtu == 0 {
		mtu = defaultMTU
	}
	if strings.Contains(strings.Join(f.Peer, "")+strings.Join(f.Allow, "")+f.Group, "::") {
		outer = 70
	}
	return mtu - outer
}

func (c *checker) vxlan(path string, j *JointPlan, f fileVXLAN) {
	v := &VXLANPlan{VNI: uint32(f.VNI), Interface: f.Interface, Age: c.age(path+".age", f.Age), UnderlayMTU: f.MTU, TTL: uint8(f.TTL), TOS: uint8(f.TOS)}
	j.VXLAN = v
	c.between(path+".vni", f.VNI, 0, vxlan.MaxVNI, "it has 24 bits")
	c.between(path+".ttl", f.TTL, 0, 255, "leave it out for the system's")
	c.between(path+".tos", f.TOS, 0, 255, "leave it out for 0")
	if f.MTU != 0 {
		c.between(path+".underlay_mtu", f.MTU, 576, maxMTU, "the usual one is 1500")
	}
	if j.At != nil && f.overMTU() < j.At.Segment.MTU {
		c.bad(path+".underlay_mtu", "the tunnel leaves %d octets, and segment %s has an MTU of %d; set mtu = %d there, or raise underlay_mtu",
			f.overMTU(), j.At.Segment.Name, j.At.Segment.MTU, f.overMTU())
	}
	v.Local = netip.AddrPortFrom(netip.Addr{}, vxlan.Port)
	if f.Local != "" {
		v.Local = c.endpoint(path+".local", f.Local, vxlan.Port)
	}
	for i, s := range f.Peer {
		v.Peers = append(v.Peers, c.endpoint(fmt.Sprintf("%s.peer[%d]", path, i), s, vxlan.Port))
	}
	v.Allow = c.allowed(path+".allow", f.Allow)
	if f.Group != "" {
		v.Group = c.endpoint(path+".group", f.Group, vxlan.Port)
		if a := v.Group.Addr(); a.IsValid() && !a.IsMulticast() {
			c.bad(path+".group", "%s is no group's address; put a single peer into peer", a)
		}
	}
	if len(f.Peer) == 0 && len(f.Allow) == 0 {
		c.bad(path, `nobody may send to the tunnel; add peer = ["203.0.113.2"], or for a group allow = ["203.0.113.0/24"]`)
	}
	j.Lines = []string{fmt.Sprintf("VNI %d", v.VNI)}
	for _, p := range v.Peers {
		j.Lines = append(j.Lines, "to "+p.String())
	}
	if v.Group.IsValid() {
		j.Lines = append(j.Lines, "to group "+v.Group.String())
	}
}

// allowed reads who may send: prefixes, or single addresses.
func (c *checker) allowed(path string, list []string) (all []netip.Prefix) {
	for i, s := range list {
		p, err := netip.ParsePrefix(s)
		if a, e := netip.ParseAddr(s); e == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			c.bad(fmt.Sprintf("%s[%d]", path, i), "%q is no prefix, like 203.0.113.0/24", s)
		}
		all = append(all, p)
	}
	return all
}

// endpoint reads an address that may have a port.
func (c *checker) endpoint(path, s string, port uint16) netip.AddrPort {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(a, port)
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		c.bad(path, "%q is no address, like 203.0.113.2 or [2001:db8::2]:%d", s, port)
	}
	return ap
}

// socket reads a path, which has a slash or an extension, or an address and a port.
func (c *checker) socket(path, s string) Socket {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return Socket{Addr: ap}
	}
	if s == "" || strings.Contains(s, ":") && !strings.Contains(s, "/") {
		c.bad(path, `%q is neither a path, like "vm.sock", nor an address with a port, like 127.0.0.1:1234`, s)
		return Socket{}
	}
	return Socket{Path: c.socketPath(path, s)}
}

func (c *checker) socketPath(path, s string) string {
	full := c.path(s)
	if len(full) > maxPath {
		c.bad(path, "the path %s has %d octets; a socket's has %d at most", full, len(full), maxPath)
	} else if info, err := os.Lstat(full); err == nil && info.Mode().Type() != os.ModeSocket {
		c.bad(path, "%s exists and is no socket; choose another path", full)
	}
	return full
}

func (c *checker) qemu(path string, j *JointPlan, f fileQEMU) {
	q := &QEMUPlan{Mode: f.Mode}
	j.QEMU = q
	if q.Mode == "" {
		q.Mode = "stream"
	}
	modes := []string{"stream", "dgram"}
	if _, ok := find(modes, q.Mode); !ok {
		c.bad(path+".mode", "unknown mode %q%s", q.Mode, didYouMean(q.Mode, modes))
	}
	if f.Listen != "" {
		q.Listen = c.socket(path+".listen", f.Listen)
		j.Lines = append(j.Lines, "listens on "+f.Listen)
	}
	if f.Connect != "" {
		q.Connect = c.socket(path+".connect", f.Connect)
		j.Lines = append(j.Lines, "connects to "+f.Connect)
	}
	switch {
	case f.Listen == "" && f.Connect == "":
		c.bad(path, `nothing says where the machine is; add listen = "vm.sock", and start QEMU with -netdev stream,id=n,addr.type=unix,addr.path=vm.sock`)
	case q.Mode == "stream" && f.Listen != "" && f.Connect != "":
		c.bad(path+".connect", "a stream either listens or connects; remove one of the two keys")
	case q.Mode == "dgram" && (f.Listen == "" || f.Connect == ""):
		c.bad(path, `mode = "dgram" needs both ends: listen, ours, and connect, the machine's`)
	}
}

func (c *checker) unixgram(path string, j *JointPlan, f fileUnixgram) {
	u := &UnixgramPlan{}
	j.Unixgram = u
	if f.Path == "" {
		c.bad(path, `the socket has no path; add path = "%s.sock"`, j.Name)
		return
	}
	u.Path = c.socketPath(path+".path", f.Path)
	j.Lines = []string{f.Path}
	if f.Peer != "" {
		u.Peer = c.socketPath(path+".peer", f.Peer)
		j.Lines = append(j.Lines, "to "+f.Peer)
	}
}

func (c *checker) replay(path string, j *JointPlan, f fileReplay) {
	r := &ReplayPlan{Fast: f.Fast, Times: 1, After: c.age(path+".after", f.After), MaxPause: c.age(path+".max_pause", f.MaxPause)}
	j.Replay = r
	if f.Times != nil {
		if r.Times = *f.Times; r.Times < 0 {
			c.bad(path+".times", "%d is less than nothing; 0 is until the lab ends", r.Times)
		}
	}
	if f.Speed != nil {
		if r.Speed = *f.Speed; !(r.Speed > 0 && r.Speed <= 1e6) {
			c.bad(path+".speed", "%v is no speed; 2.0 is twice as fast as it was captured", r.Speed)
		}
	}
	if r.Fast && r.Times == 0 {
		c.bad(path+".fast", "together with times = 0 nothing would limit the rate; remove one of the two keys")
	}
	if f.File == "" {
		c.bad(path, `nothing to replay; add file = "trace.pcapng"`)
		return
	}
	r.File = c.path(f.File)
	j.Lines = []string{f.File}
	if err := checkCapture(r.File); err != nil {
		c.bad(path+".file", "%v; name a capture (pcap or pcapng) that this user can read", err)
	}
}

// checkCapture looks at a capture's beginning.
func checkCapture(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := pcap.NewReader(f); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
