//go:build linux

package bench

import (
	"encoding/binary"
	"io"
	"net"
)

// counter counts what is written to it.
type counter uint64

// Write implements io.Writer.
func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

// sinkWriteTo counts what comes as sink does. The connection hands its own memory over, where it can.
func sinkWriteTo(c net.Conn) {
	var count counter
	if _, err := io.Copy(&count, c); err != nil {
		return
	}
	c.Write(binary.BigEndian.AppendUint64(nil, uint64(count)))
}

// zeros never ends.
type zeros struct{}

// Read implements io.Reader. What b holds is as good as anything: it is read over and over.
func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// sourceReadFrom sends as source does. The connection reads into its own memory, where it can.
func sourceReadFrom(c net.Conn) {
	io.Copy(c, zeros{}) // until the client has gone
}
