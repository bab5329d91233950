package lab

import (
	"slices"
	"time"

	"tapestry/link/xdp"
)

// XDPPlan is how a wire of AF_XDP sockets runs.
type XDPPlan struct {
	Shared bool // the kernel keeps what is not for the host's addresses
	Queues int  // 0: all that the interface has; autoQueues: one for each processor
	Attach xdp.Attach
	NoZero bool
	Spin   time.Duration
	Budget int // 0: the default
	Ring   int // 0: the default

	Responder bool // the program answers for the host
}

// attachments are what xdp.NAME.attach may be.
var attachments = []string{"auto", "driver", "generic"}

func (c *checker) xdp(name string, f fileXDP) {
	path := "xdp." + name
	c.interfaceName(path, name)
	p := &XDPPlan{Shared: f.Shared, Budget: f.Budget, Ring: f.Ring, NoZero: f.ZeroCopy != nil && !*f.ZeroCopy, Responder: f.Responder}
	w := &Wire{Name: name, Table: "xdp", Kind: "xdp", Interface: f.Interface, XDP: p}
	if slices.ContainsFunc(c.plan.Wires, func(o *Wire) bool { return o.Name == name }) {
		c.bad(path, "a tap has this name; give the xdp another one")
	}
	c.plan.Wires = append(c.plan.Wires, w)
	var word string
	if w.Addresses, word = c.addresses(path+".address", amongKernel, f.Address); word != "" {
		c.bad(path+".address", "%q is for hosts; give the kernel's side a list of addresses", word)
	}
	c.xdpInterface(path, w, f)
	c.mtu(path+".mtu", f.MTU, w)
	c.xdpQueues(path, p, f)
	if i, ok := find(attachments, f.Attach); ok {
		p.Attach = xdp.Attach(i)
	} else if f.Attach != "" {
		c.bad(path+".attach", "unknown place of the program %q%s", f.Attach, didYouMean(f.Attach, attachments))
	}
	if f.Ring != 0 && (f.Ring < 64 || f.Ring > 65536 || f.Ring&(f.Ring-1) != 0) {
		c.bad(path+".ring", "%d is no power of two from 64 to 65536; leave it out for 2048", f.Ring)
	}
	w.Capture = c.capture(path, name, f.fileCapture)
}

// xdpInterface tells an interface that is there from a pair that the lab makes.
func (c *checker) xdpInterface(path string, w *Wire, f fileXDP) {
	if f.Interface == "" {
		if f.Shared {
			c.bad(path+".shared", "is for an interface that the kernel uses too; add interface = \"eth1\", or remove this key")
		}
		return
	}
	if !interfaceNames.MatchString(f.Interface) || len(f.Interface) > maxInterface {
		c.bad(path+".interface", "%q is no interface's name; use up to %d letters, digits, - and _", f.Interface, maxInterface)
	}
	if c.plan.Own {
		c.bad(path+".interface", `is an interface of the caller's namespace; set netns = "host" at the top of the file, or remove this key: the lab then makes a veth pair`)
	}
	if f.Address != nil {
		c.bad(path+".address", "is for the veth pair that the lab makes without interface; remove this key, and give the kernel's side its addresses with `ip address add`")
		w.Addresses = nil
	}
	for _, other := range c.plan.Wires {
		if other != w && other.Interface == f.Interface {
			c.bad(path+".interface", "%s is that of %s.%s already; give each its own", f.Interface, other.Table, other.Name)
		}
	}
}

func (c *checker) xdpQueues(path string, p *XDPPlan, f fileXDP) {
	if f.Queues != nil {
		p.Queues = c.numberOrAuto(path+".queues", f.Queues, maxQueues, autoQueues, "queues")
	}
	if f.Interface == "" && p.Queues == 0 {
		p.Queues = 1
	}
	if p.Spin = c.duration(path+".busy_poll", f.BusyPoll); p.Spin < 0 {
		p.Spin = 0 // off
	}
	if p.Spin > maxSpin {
		c.bad(path+".busy_poll", `%v is longer than %v; the usual ones are some 10 µs, like "50us"`, p.Spin, maxSpin)
	}
	if f.Budget != 0 {
		c.between(path+".budget", f.Budget, 1, 1<<16-1, "leave it out for 64")
	}
	if f.Budget != 0 && p.Spin == 0 {
		c.bad(path+".budget", `is of busy polling; add busy_poll = "50us", or remove this key`)
	}
}

// onXDP checks what a host cannot have that shares an interface with the kernel, or has the program answer for it.
func (c *checker) onXDP(path string, w *Wire, f fileInterface) {
	if _, isWord := f.Address.(string); isWord && w.XDP != nil && w.XDP.Responder {
		c.bad(path+".address", "the responder of %s answers for addresses that the file has; give a list, or remove responder there", w.Name)
	}
	if !w.isShared() {
		return
	}
	if f.IPX != nil {
		c.bad(path+".ipx", "of %s the host gets what is for its IP addresses, and the kernel the rest; remove this key, or shared", w.Interface)
	}
	if f.MAC != "" {
		c.bad(path+".mac", "the host shares that of %s with the kernel; remove this key, or shared", w.Interface)
	}
	if _, isWord := f.Address.(string); isWord || f.SLAAC != nil && *f.SLAAC {
		c.bad(path+".address", "a host that shares an interface with the kernel hears only of addresses that the file has; give a list, without slaac")
	}
}
