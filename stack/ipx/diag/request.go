package diag

import (
	"errors"
	"fmt"
	"strings"

	"tapestry/internal/ipxwire"
)

// MaxExclusions is how many stations a request can leave out.
const MaxExclusions = 80

const nodeLen = 6

// Why octets are no request, or a request cannot be made.
var (
	ErrRequest    = errors.New("ipx diagnostic: request shorter than its list of excluded nodes")
	ErrExclusions = errors.New("ipx diagnostic: more than 80 excluded nodes")
)

// Request is a view of a configuration request: no accessor can panic after ParseRequest. It borrows the memory it
// was parsed from, and ends with the list.
type Request []byte

// ParseRequest checks the count of the list. Octets beyond it are cut off.
func ParseRequest(b []byte) (Request, error) {
	if len(b) < 1 {
		return nil, ErrRequest
	}
	switch n := 1 + int(b[0])*nodeLen; {
	case b[0] > MaxExclusions:
		return nil, ErrExclusions
	case n > len(b):
		return nil, ErrRequest
	default:
		return Request(b[:n:n]), nil
	}
}

// Len is the number of excluded nodes.
func (r Request) Len() int { return int(r[0]) }

// Node gives excluded node i of Len.
func (r Request) Node(i int) ipxwire.Node { return ipxwire.Node(r[1+i*nodeLen:][:nodeLen]) }

// Excludes reports whether a station is not to answer.
func (r Request) Excludes(n ipxwire.Node) bool {
	for i := range r.Len() {
		if r.Node(i) == n {
			return true
		}
	}
	return false
}

// String describes the request on one line.
func (r Request) String() string {
	if r.Len() == 0 {
		return "configuration request"
	}
	var s strings.Builder
	s.WriteString("configuration request, but of")
	for i := range r.Len() {
		fmt.Fprintf(&s, " %v", r.Node(i))
	}
	return s.String()
}

// AppendRequest appends a request that some stations, at most MaxExclusions, are not to answer.
func AppendRequest(b []byte, exclude ...ipxwire.Node) ([]byte, error) {
	if len(exclude) > MaxExclusions {
		return b, ErrExclusions
	}
	b = append(b, byte(len(exclude)))
	for _, n := range exclude {
		b = append(b, n[:]...)
	}
	return b, nil
}
