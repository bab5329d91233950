//go:build unix

package report

import (
	"os"

	"golang.org/x/sys/unix"
)

// TerminalWidth gives the columns of the terminal that f is, zero if it is none.
func TerminalWidth(f *os.File) int {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	if size.Col == 0 {
		return 80 // a terminal that does not know its size
	}
	return int(size.Col)
}
