package netns

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Trim gives the memory back that holds program text which starting took and waiting does not need. What is needed
// after all comes back from the page cache. It does nothing where it is not sure.
func Trim() {
	if !isFixed() {
		return
	}
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer f.Close()
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	for s := bufio.NewScanner(f); s.Scan(); {
		dropMapping(s.Text(), exe)
	}
}

// dropMapping drops the pages of a line of maps, if these are unchanged pages of the program's file.
func dropMapping(line, exe string) {
	var from, to uint64
	var mode string
	if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); err != nil || !strings.HasSuffix(line, exe) {
		return
	}
	if strings.Contains(mode, "w") || !strings.HasSuffix(mode, "p") {
		return // data: a private page that was written to would be lost
	}
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, uintptr(from), uintptr(to-from), unix.MADV_DONTNEED) // it is advice
}

// isFixed reports whether the program runs at the address it was linked for: otherwise read-only pages can hold
// relocations that the file does not.
func isFixed() bool {
	f, err := os.Open("/proc/self/exe")
	if err != nil {
		return false
	}
	defer f.Close()
	const typeOffset, typeExec = 16, 2 // e_type, ET_EXEC of elf(5)
	var b [typeOffset + 2]byte
	if _, err := f.ReadAt(b[:], 0); err != nil {
		return false
	}
	return binary.NativeEndian.Uint16(b[typeOffset:]) == typeExec
}
