//go:build linux

package bench

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Helper 51 of the kernel, bpf_redirect_map, sends a frame to the socket that the map has for an index; else its last
// argument is the verdict. Offset 16 of struct xdp_md is the receive queue.
const (
	helperRedirectMap = 51
	queueOffset       = 16
	xdpPass           = 2
)

// redirectAll has the first receive queue of an interface hand all frames to a socket, by the shortest program that can.
// It ends with this process.
func redirectAll(ifindex int, socket uint32) error {
	sockets, err := bpf(unix.BPF_MAP_CREATE, &[4]uint32{unix.BPF_MAP_TYPE_XSKMAP, 4, 4, 1})
	if err != nil {
		return fmt.Errorf("map: %w", err)
	}
	key := uint32(0)
	update := struct {
		fd         uint32
		_          uint32
		key, value unsafe.Pointer
		flags      uint64
	}{fd: uint32(sockets), key: unsafe.Pointer(&key), value: unsafe.Pointer(&socket)}
	if _, err := bpf(unix.BPF_MAP_UPDATE_ELEM, &update); err != nil {
		return fmt.Errorf("socket into the map: %w", err)
	}
	program, err := loadRedirect(sockets)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	_, err = bpf(unix.BPF_LINK_CREATE, &[4]uint32{uint32(program), uint32(ifindex), unix.BPF_XDP, unix.XDP_FLAGS_DRV_MODE})
	return err
}

// instruction is struct bpf_insn.
type instruction struct {
	op, registers uint8 // the source is in the upper half of registers
	offset        int16
	value         int32
}

func loadRedirect(sockets int) (int, error) {
	code := [...]instruction{
		{unix.BPF_LDX | unix.BPF_MEM | unix.BPF_W, 0x12, queueOffset, 0},                             // r2 = the queue
		{unix.BPF_LD | unix.BPF_DW | unix.BPF_IMM, unix.BPF_PSEUDO_MAP_FD<<4 | 1, 0, int32(sockets)}, // r1 = the map
		{},
		{unix.BPF_ALU64 | unix.BPF_MOV | unix.BPF_K, 3, 0, xdpPass},
		{unix.BPF_JMP | unix.BPF_CALL, 0, 0, helperRedirectMap},
		{unix.BPF_JMP | unix.BPF_EXIT, 0, 0, 0},
	}
	license := []byte("MIT\x00")
	load := struct {
		kind, count   uint32
		code, license unsafe.Pointer
		_             [32]byte // log, version, flags and part of the name
		_             [16]byte
		_             uint32
		attach        uint32
	}{kind: unix.BPF_PROG_TYPE_XDP, count: uint32(len(code)), code: unsafe.Pointer(&code), license: unsafe.Pointer(&license[0]), attach: unix.BPF_XDP}
	return bpf(unix.BPF_PROG_LOAD, &load)
}

// bpf is bpf(2) with a struct of the command's own.
func bpf[T any](command uintptr, attr *T) (int, error) {
	n, _, errno := unix.Syscall(unix.SYS_BPF, command, uintptr(unsafe.Pointer(attr)), unsafe.Sizeof(*attr))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
