package stacktest

import (
	"bytes"
	"regexp"
	"runtime"
	"strings"
)

// bubbleOf finds the number of a goroutine's bubble in the first line of its stack:
// "goroutine 7 [select (durable), synctest bubble 3]:".
var bubbleOf = regexp.MustCompile(`^goroutine \d+ \[(.*), synctest bubble (\d+)`)

// bubbleStacks gives the stacks of the goroutines of the caller's bubble, without the caller's, synctest's and those that
// the rig and its hosts have started: what is left is the test's.
func bubbleStacks() string {
	all := bytes.Split(allStacks(), []byte("\n\n"))
	own := bubbleOf.FindSubmatch(all[0]) // the caller's is the first
	if own == nil {
		return ""
	}
	var s strings.Builder
	for _, g := range all[1:] {
		m := bubbleOf.FindSubmatch(g)
		if m == nil || !bytes.Equal(m[2], own[2]) || bytes.HasPrefix(m[1], []byte("synctest.Run")) || isRigs(g) {
			continue
		}
		s.Write(bytes.TrimSpace(g))
		s.WriteString("\n\n")
	}
	return s.String()
}

// isRigs reports whether a goroutine was started by the engine, by synctest, or by code of this module's stack and link
// that is no test.
func isRigs(stack []byte) bool {
	before, by, _ := bytes.Cut(stack, []byte("\ncreated by "))
	if inner, _, ok := bytes.Cut(before, []byte("\nsync.(*WaitGroup).Go.func1(")); ok { // what Go was given says whose it is
		lines := bytes.Split(inner, []byte("\n"))
		by = bytes.Join(lines[max(0, len(lines)-2):], []byte("\n"))
	}
	if bytes.Contains(by, []byte("_test.go:")) {
		return false
	}
	for _, p := range []string{"gvisor.dev/gvisor/", "tapestry/stack", "tapestry/link", "testing/synctest.Test "} {
		if bytes.HasPrefix(by, []byte(p)) {
			return true
		}
	}
	return false
}

// maxStacks bounds what is read of the stacks of a process.
const maxStacks = 16 << 20

func allStacks() []byte {
	for size := 256 << 10; ; size *= 2 {
		b := make([]byte, size)
		if n := runtime.Stack(b, true); n < size || size >= maxStacks {
			return b[:n]
		}
	}
}
