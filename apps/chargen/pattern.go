package chargen

import (
	"bytes"
	"sync"
)

const (
	first    = byte(' ')          // of the printing characters of ASCII
	ring     = int('~' - ' ' + 1) // 95 of them
	lineText = 72
	lineSize = lineText + len("\r\n")
	period   = ring * lineSize
	periods  = 19 // in a block
)

// block is what TCP sessions write over and over. It is never changed.
var block = sync.OnceValue(func() []byte { return bytes.Repeat(pattern(), periods) })

// pattern makes one period: RFC 864, "Data Syntax".
func pattern() []byte {
	b := make([]byte, 0, period)
	for line := range ring {
		for column := range lineText {
			b = append(b, first+byte((line+column)%ring))
		}
		b = append(b, "\r\n"...)
	}
	return b
}

// appendDatagram appends the nth answer.
func appendDatagram(b []byte, n uint64) []byte {
	const most = 512
	h := mix(n)
	length := 1 + int(h%most)
	start := int(h>>32%uint64(ring)) * lineSize
	return append(b, block()[start:start+length]...)
}

// mix is the output function of SplitMix64: it makes a count look random, without state and without a lock.
func mix(n uint64) uint64 {
	n = (n + 1) * 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}
