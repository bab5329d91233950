package xdp

import (
	"encoding/binary"
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// What an interface can do with XDP is told by the kernel's netdev family of generic netlink (Linux 6.3), see its UAPI
// header netdev.h.
const (
	netdevFamily   = "netdev"
	netdevGroup    = "mgmt" // hears of changes
	netdevVersion  = 1
	netdevGet      = 1 // NETDEV_CMD_DEV_GET
	netdevIndex    = 1 // NETDEV_A_DEV_IFINDEX
	netdevFeatures = 3 // NETDEV_A_DEV_XDP_FEATURES
	featureBasic   = 1 // NETDEV_XDP_ACT_BASIC: XDP_TX among others
	featureXmit    = 4 // NETDEV_XDP_ACT_NDO_XMIT
)

// driverOf names the driver of an interface; "" if it does not tell.
func driverOf(name string) string {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	info, err := unix.IoctlGetEthtoolDrvinfo(fd, name)
	if err != nil {
		return ""
	}
	return unix.ByteSliceToString(info.Driver[:])
}

// answering says how the program sends frames back, see responder.via, and whether they arrive. They do in generic mode,
// and in every driver that has XDP_TX. veth takes frames only if its peer has a program or receive offload (GRO), and tells
// so as a feature of its own; and after XDP_TX it wakes only a peer with a program, but after a redirect any.
func answering(driver bool, name string, ifindex int) (via int, ok bool) {
	if !driver {
		return 0, true
	}
	features, err := xdpFeatures(ifindex)
	if driverOf(name) != "veth" {
		return 0, err != nil || features&featureBasic != 0 // older kernels do not tell
	}
	return ifindex, err == nil && features&featureXmit != 0
}

// featureGroup is the group that hears of changes of features.
func featureGroup() (int, error) {
	family, err := netlink.GenlFamilyGet(netdevFamily)
	if err != nil {
		return 0, fmt.Errorf("xdp: news of what the interface can do (Linux 6.3 or later gives them): %w", err)
	}
	for _, g := range family.Groups {
		if g.Name == netdevGroup {
			return int(g.ID), nil
		}
	}
	return 0, fmt.Errorf("xdp: no news of what the interface can do: %w", unix.EOPNOTSUPP)
}

func xdpFeatures(ifindex int) (uint64, error) {
	family, err := netlink.GenlFamilyGet(netdevFamily)
	if err != nil {
		return 0, fmt.Errorf("xdp: what the interface can do (Linux 6.3 or later tells): %w", err)
	}
	req := nl.NewNetlinkRequest(int(family.ID), 0)
	// The library's header carries two octets of chance where the kernel wants zero.
	req.AddRawData(append([]byte{netdevGet, netdevVersion, 0, 0}, nl.NewRtAttr(netdevIndex, nl.Uint32Attr(uint32(ifindex))).Serialize()...))
	msgs, err := req.Execute(unix.NETLINK_GENERIC, 0)
	if err != nil {
		return 0, fmt.Errorf("xdp: what the interface can do: %w", err)
	}
	for _, m := range msgs {
		if len(m) < nl.SizeofGenlmsg {
			continue
		}
		attrs, err := nl.ParseRouteAttr(m[nl.SizeofGenlmsg:])
		if err != nil {
			return 0, fmt.Errorf("xdp: what the interface can do: %w", err)
		}
		for _, a := range attrs {
			if a.Attr.Type == netdevFeatures && len(a.Value) == 8 {
				return binary.NativeEndian.Uint64(a.Value), nil
			}
		}
	}
	return 0, fmt.Errorf("xdp: the kernel does not tell what the interface can do: %w", unix.EOPNOTSUPP)
}
