package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"syscall"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/packet"
	"tapestry/link/pcap"
	"tapestry/link/pipe"
	"tapestry/link/tap"
	"tapestry/link/water"
)

// opener opens the device of a wire for a station with that address. undo, if not nil, removes what was made beside the
// device, and is called also after an error.
type opener func(w *Wire, addr ethernet.Addr) (dev link.Device, c chosen, undo func() error, err error)

// chosen says which device a wire got.
type chosen struct {
	kind string
	why  string
}

// openKernel opens a device whose other side is the kernel's, and gives that side its addresses.
func openKernel(w *Wire, addr ethernet.Addr) (link.Device, chosen, func() error, error) {
	switch w.Kind {
	case "packet":
		if w.Interface != "" {
			dev, err := openPacket(w, w.Interface, addr)
			return dev, chosen{"packet", "AF_PACKET on " + w.Interface + ", as configured"}, nil, err
		}
		return openVeth(w, addr, "as configured")
	case "xdp":
		return openXDP(w, addr)
	case "water":
		dev, err := openWater(w, addr)
		return withKernelSide(w, dev, chosen{"water", "as configured"}, err)
	case "tap":
		dev, err := openTap(w, addr)
		return withKernelSide(w, dev, chosen{"tap", "as configured"}, err)
	}
	dev, err := openTap(w, addr)
	if why, closed := isClosed(err); closed && !w.Existing {
		return openVeth(w, addr, why)
	}
	return withKernelSide(w, dev, chosen{"tap", "/dev/net/tun is open to this user"}, err)
}

// isClosed reports whether a TAP cannot be had here, and why.
func isClosed(err error) (string, bool) {
	switch {
	case err == nil:
		return "", false
	case errors.Is(err, fs.ErrPermission):
		return "/dev/net/tun is closed to this user", true
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENODEV), errors.Is(err, syscall.ENXIO):
		return "this system has no /dev/net/tun", true
	}
	return "", false
}

func openTap(w *Wire, addr ethernet.Addr) (link.Device, error) {
	d, err := tap.Open(tap.Config{
		Name: w.Name, Existing: w.Existing, Addr: addr, MTU: w.MTU,
		NoChecksum: w.Off.Has(link.OffloadChecksum), NoTSO4: w.Off.Has(link.OffloadTSO4),
		NoTSO6: w.Off.Has(link.OffloadTSO6), NoUSO: w.Off.Has(link.OffloadUSO),
		Queues: w.queues(), NoSteering: w.NoSteer, Accept: w.accept(), Spin: w.Spin,
	})
	if err != nil {
		return nil, err // not a device that is nil inside
	}
	return d, nil
}

func openWater(w *Wire, addr ethernet.Addr) (link.Device, error) {
	d, err := water.Open(water.Config{Name: w.Name, Addr: addr})
	if err != nil {
		return nil, err
	}
	return d, nil
}

func openPacket(w *Wire, iface string, addr ethernet.Addr) (link.Device, error) {
	d, err := packet.Open(packet.Config{
		Interface: iface, Addr: addr, MTU: w.MTU,
		NoChecksum: w.Off.Has(link.OffloadChecksum), NoTSO4: w.Off.Has(link.OffloadTSO4),
		NoTSO6: w.Off.Has(link.OffloadTSO6), NoUSO: w.Off.Has(link.OffloadUSO), Spin: w.Spin,
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// withCapture wraps the device in the capture that the wire wants. The device is closed if that fails. On a cable in memory,
// where a lab's file is only tried, no file is touched: it may be the capture of a lab that runs.
func withCapture(dev link.Device, w *Wire, log *slog.Logger) (link.Device, error) {
	p := w.Capture
	if p.File == "" {
		return dev, nil
	}
	if _, isTrial := dev.(*pipe.End); isTrial {
		if err := p.checkFolder(); err != nil {
			return nil, errors.Join(err, dev.Close())
		}
		return dev, nil
	}
	d, err := pcap.New(dev, pcap.Config{Path: p.File, SnapLen: p.Snaplen, MaxBytes: p.MaxBytes, Log: log.With("wire", w.Name)})
	if err != nil {
		return nil, errors.Join(err, dev.Close())
	}
	return d, nil
}

// withKernelSide configures the interface that came with the device. The device is closed if that fails.
func withKernelSide(w *Wire, dev link.Device, c chosen, err error) (link.Device, chosen, func() error, error) {
	if err != nil {
		return nil, c, nil, err
	}
	undo, err := configureKernel(w)
	if err != nil {
		return nil, c, undo, errors.Join(err, dev.Close())
	}
	return dev, c, undo, nil
}

// openVeth makes a veth pair: the kernel's end has the wire's name, and the host reads the other.
func openVeth(w *Wire, addr ethernet.Addr, why string) (link.Device, chosen, func() error, error) {
	c := chosen{"packet", "veth pair and AF_PACKET: " + why}
	if addr.IsZero() { // a segment is behind it: the end is nobody's
		addr = stableMAC("veth", w.Name, 0)
	}
	far, undo, err := makeVeth(w, addr)
	if err != nil {
		return nil, c, undo, err
	}
	dev, err := openPacket(w, far, addr)
	if err != nil {
		return nil, c, undo, err
	}
	_, err = configureKernel(w) // its addresses go with the pair
	if err != nil {
		return nil, c, undo, errors.Join(err, dev.Close())
	}
	return dev, c, undo, nil
}

// openPipe gives one end of a cable in memory.
func openPipe(w *Wire, addr ethernet.Addr) (link.Device, chosen, func() error, error) {
	near, far := pipe.New(pipe.Config{MTU: w.MTU, Names: [2]string{w.Name, w.Name + "-far"}, Addrs: [2]ethernet.Addr{addr}})
	return near, chosen{"pipe", "a cable in memory"}, far.Close, nil
}

// offloads describes what crosses the wire unfinished.
func offloads(i link.Info) string {
	if i.Rx == i.Tx {
		return i.Rx.String()
	}
	return fmt.Sprintf("receive %s, send %s", i.Rx, i.Tx)
}
