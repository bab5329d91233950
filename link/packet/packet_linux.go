package packet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/internal/vnet"
	"tapestry/link/internal/wire"
)

// Device is a packet socket: a [link.Device].
type Device struct {
	link.Counters
	info    link.Info
	queue   *vnet.Queue
	ring    *ring         // nil: none
	gone    chan struct{} // closed when the device is closed or its interface has been removed
	goneSet sync.Once
	closing sync.Once
}

// Open opens a socket on an interface in the network namespace of the calling thread.
func Open(c Config) (*Device, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	ifi, err := net.InterfaceByName(c.Interface)
	if err != nil {
		return nil, fmt.Errorf("packet: no interface %q in this network namespace (`ip link` lists them): %w", c.Interface, unix.ENODEV)
	}
	if c, err = c.fitTo(ifi); err != nil {
		return nil, err
	}
	s := socket{Config: c}
	if err := s.open(ifi); err != nil {
		s.close()
		return nil, err
	}
	d := &Device{gone: make(chan struct{}), ring: s.ring}
	d.info = link.Info{Name: c.Interface, Addr: c.Addr, MTU: c.MTU, Rx: c.offload(), Tx: c.offload(), Up: true, Changed: d.gone}
	if d.queue, err = vnet.NewQueue(s.fd, d.queueConfig(c)); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Device) queueConfig(c Config) vnet.Config {
	r := &receiver{}
	q := vnet.Config{
		Name: c.Interface, Header: !c.NoVnetHdr, MTU: c.MTU, Rx: d.info.Rx, Tx: d.info.Tx, Counters: &d.Counters,
		Receive: r.receive, Amend: r.amend, Gap: ethernet.TagLen, Exists: exists, Gone: d.setGone, Spin: c.Spin,
	}
	if d.ring != nil {
		d.ring.withHeader, d.ring.aux = q.Header, &r.aux
		q.Receive = d.ring.receive
	}
	return q
}

// fitTo takes from the interface what the configuration leaves open.
func (c Config) fitTo(ifi *net.Interface) (Config, error) {
	own := len(ifi.HardwareAddr) == ethernet.AddrLen
	if !own && ifi.Flags&net.FlagLoopback == 0 {
		return c, fmt.Errorf("packet: %s is no Ethernet interface: %w", c.Interface, unix.EOPNOTSUPP)
	}
	if c.Addr.IsZero() && own {
		c.Addr = ethernet.Addr(ifi.HardwareAddr)
	}
	if c.MTU == 0 {
		c.MTU = ifi.MTU
	}
	if c.MTU > ifi.MTU {
		return c, fmt.Errorf("%w: MTU %d, %s has %d: `ip link set %s mtu %d` raises it", errConfig, c.MTU, c.Interface, ifi.MTU, c.Interface, c.MTU)
	}
	return c, nil
}

// Info implements [link.Device].
func (d *Device) Info() link.Info { return wire.Now(d.info, d.gone) }

// Queues implements [link.Device].
func (d *Device) Queues() []link.Queue { return []link.Queue{d.queue} }

// SpinStats counts how often the reader went on trying before it waited, and how often a frame came meanwhile.
func (d *Device) SpinStats() (spins, hits uint64) { return d.queue.SpinStats() }

// Close implements [link.Device]. The interface stays.
func (d *Device) Close() error {
	var err error
	d.closing.Do(func() {
		d.setGone()
		err = d.queue.Close() // waits for the reader to leave the ring
		if d.ring != nil {
			err = errors.Join(err, d.ring.close())
		}
	})
	return err
}

func (d *Device) setGone() { d.goneSet.Do(func() { close(d.gone) }) }

// exists reports whether the interface that the socket is bound to is there: the kernel unbinds it (packet(7)).
func exists(c syscall.RawConn) bool {
	bound := false
	c.Control(func(fd uintptr) {
		sa, err := unix.Getsockname(int(fd))
		ll, ok := sa.(*unix.SockaddrLinklayer)
		bound = err == nil && ok && ll.Ifindex > 0
	})
	return bound
}

// socket is a device while it is being opened.
type socket struct {
	Config
	fd   int
	ring *ring
}

func (s *socket) close() {
	if s.ring != nil {
		s.ring.close()
	}
	if s.fd >= 0 {
		unix.Close(s.fd)
	}
}

// open makes the socket with protocol 0, which hears nothing, and binds it last: it never hears another interface.
func (s *socket) open(ifi *net.Interface) error {
	var err error
	s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return fmt.Errorf("packet: this user may not open a packet socket: it takes CAP_NET_RAW in the network namespace; run as root, or in a user and network namespace (`unshare -rn`): %w", err)
	}
	if err != nil {
		return fmt.Errorf("packet: socket: %w", err)
	}
	if err := s.setOptions(ifi); err != nil {
		return err
	}
	if s.Ring {
		if s.ring, err = newRing(s.fd); err != nil {
			return err
		}
	}
	if err := unix.Bind(s.fd, &unix.SockaddrLinklayer{Protocol: bigEndian(unix.ETH_P_ALL), Ifindex: ifi.Index}); err != nil {
		return fmt.Errorf("packet: bind to %s: %w", s.Interface, err)
	}
	return nil
}

func bigEndian(v uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], v)
	return binary.NativeEndian.Uint16(b[:])
}

func (s *socket) setOptions(ifi *net.Interface) error {
	options := []struct {
		name  string
		opt   int
		value int
	}{
		{"PACKET_IGNORE_OUTGOING", unix.PACKET_IGNORE_OUTGOING, 1},
		{"PACKET_AUXDATA", unix.PACKET_AUXDATA, 1},
		{"PACKET_VNET_HDR", unix.PACKET_VNET_HDR, 1},
	}
	if s.NoVnetHdr {
		options = options[:2]
	}
	for _, o := range options {
		if err := unix.SetsockoptInt(s.fd, unix.SOL_PACKET, o.opt, o.value); err != nil {
			return fmt.Errorf("packet: %s: %s (Linux 4.20 or later has it): %w", s.Interface, o.name, err)
		}
	}
	s.setBuffer(unix.SO_RCVBUFFORCE, unix.SO_RCVBUF)
	s.setBuffer(unix.SO_SNDBUFFORCE, unix.SO_SNDBUF)
	if s.Addr.IsZero() || s.Addr == ethernet.Addr(ifi.HardwareAddr) {
		return nil
	}
	m := unix.PacketMreq{Ifindex: int32(ifi.Index), Type: unix.PACKET_MR_PROMISC}
	if err := unix.SetsockoptPacketMreq(s.fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &m); err != nil {
		return fmt.Errorf("packet: make %s promiscuous: %w", s.Interface, err)
	}
	return nil
}

// setBuffer exceeds the administrator's limit only with the right to; less than asked for is no error.
func (s *socket) setBuffer(force, normal int) {
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, force, s.Buffer) != nil {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, normal, s.Buffer)
	}
}
