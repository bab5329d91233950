package packet

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/internal/vnet"
	"tapestry/link/internal/wire"
)

// aux is what the kernel says beside a frame.
type aux struct {
	status    uint32
	tci, tpid uint16
}

// receiver reads frames with recvmsg(2).
type receiver struct {
	aux     aux
	msg     unix.Msghdr
	control [64]byte // one control message of SizeofTpacketAuxdata octets
}

// statusChecksum says that the layer-4 checksum is partial.
const statusChecksum = unix.TP_STATUS_CSUMNOTREADY

func (r *receiver) receive(fd uintptr, c *vnet.Chunks) (int, unix.Errno) {
	v := c.Vector()
	r.msg = unix.Msghdr{Iov: &v[0], Control: &r.control[0]}
	r.msg.SetIovlen(len(v))
	r.msg.SetControllen(len(r.control))
	n, _, errno := unix.Syscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&r.msg)), unix.MSG_DONTWAIT)
	if errno != 0 {
		return 0, errno
	}
	if r.msg.Flags&unix.MSG_TRUNC != 0 {
		return 0, unix.EMSGSIZE
	}
	r.aux = parseAux(r.control[:r.msg.Controllen])
	return int(n), 0
}

// Offsets in struct cmsghdr and struct tpacket_auxdata (packet(7)).
const (
	auxStatus = unix.SizeofCmsghdr
	auxTCI    = auxStatus + 16
	auxTPID   = auxStatus + 18
	auxEnd    = auxStatus + 20
)

// parseAux reads the only control message that was asked for.
func parseAux(b []byte) aux {
	if len(b) < auxEnd {
		return aux{}
	}
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	if h.Level != unix.SOL_PACKET || h.Type != unix.PACKET_AUXDATA {
		return aux{}
	}
	ne := binary.NativeEndian
	return aux{status: ne.Uint32(b[auxStatus:]), tci: ne.Uint16(b[auxTCI:]), tpid: ne.Uint16(b[auxTPID:])}
}

// amend fills the gap in front of f with the VLAN tag that the kernel took off, or removes it, and marks what only the
// control message tells.
func (r *receiver) amend(f *link.Frame) {
	if r.aux.status&unix.TP_STATUS_VLAN_VALID == 0 {
		f.Data.TrimFront(ethernet.TagLen)
	} else {
		r.putTag(f)
	}
	switch {
	case f.NeedsChecksum:
	case r.aux.status&statusChecksum != 0:
		wire.MarkChecksum(f)
	case r.aux.status&unix.TP_STATUS_CSUM_VALID != 0:
		f.DataValid = true
	}
}

// putTag moves the addresses into the gap and writes the tag behind them (IEEE 802.1Q §9.6).
func (r *receiver) putTag(f *link.Frame) {
	const addrs = 12
	var b [addrs + ethernet.TagLen]byte
	f.Data.ReadAt(b[:addrs], ethernet.TagLen)
	tpid := r.aux.tpid
	if r.aux.status&unix.TP_STATUS_VLAN_TPID_VALID == 0 {
		tpid = unix.ETH_P_8021Q
	}
	binary.BigEndian.PutUint16(b[addrs:], tpid)
	binary.BigEndian.PutUint16(b[addrs+2:], r.aux.tci)
	f.Overwrite(0, b[:])
	if f.NeedsChecksum {
		f.CsumStart += ethernet.TagLen
	}
}
