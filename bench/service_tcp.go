//go:build linux

package bench

import (
	"encoding/binary"
	"errors"
	"io"
	"net"

	"tapestry/bench/internal/lean"
)

// Each service is written once over io.ReadWriter: the kernel's far end runs the same loop on its blocking sockets.

func sink(c net.Conn)   { runSink(c, make([]byte, blockSize)) }
func source(c net.Conn) { runSource(c, make([]byte, blockSize)) }
func echo(c net.Conn)   { runEcho(c, make([]byte, datagramSize)) }

func kernelSink(s lean.Socket)   { withBlock(func(b []byte) { runSink(s, b) }) }
func kernelSource(s lean.Socket) { withBlock(func(b []byte) { runSource(s, b) }) }
func kernelEcho(s lean.Socket)   { withBlock(func(b []byte) { runEcho(s, b[:datagramSize]) }) }

// blocks are kept by the kernel's far end, which collects no garbage.
var blocks = make(chan []byte, 128)

func withBlock(run func(b []byte)) {
	var b []byte
	select {
	case b = <-blocks:
	default:
		b = make([]byte, blockSize)
	}
	run(b)
	select {
	case blocks <- b:
	default:
	}
}

// runSink counts what comes and says how much it was.
func runSink(c io.ReadWriter, block []byte) {
	for count := uint64(0); ; {
		n, err := c.Read(block)
		count += uint64(n)
		if errors.Is(err, io.EOF) {
			c.Write(binary.BigEndian.AppendUint64(nil, count))
			return
		}
		if err != nil {
			return
		}
	}
}

func runSource(c io.Writer, block []byte) {
	for {
		if _, err := c.Write(block); err != nil {
			return
		}
	}
}

func runEcho(c io.ReadWriter, block []byte) {
	for {
		n, err := c.Read(block)
		if err != nil {
			return
		}
		if _, err := c.Write(block[:n]); err != nil {
			return
		}
	}
}
