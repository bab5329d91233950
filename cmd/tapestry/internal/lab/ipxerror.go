package lab

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx"
)

// errNoRoute is that of a network to which the host knows no way.
type errNoRoute ipxwire.Network

// Error implements error.
func (e errNoRoute) Error() string {
	return fmt.Sprintf("no route to network %v; see tapestry ipx route", ipxwire.Network(e))
}

// Unwrap gives ENETUNREACH.
func (errNoRoute) Unwrap() error { return syscall.ENETUNREACH }

// ipxError says of an error in sending to a network what there is to look at.
func (h *host) ipxError(err error, to ipxwire.Network) error {
	switch name, isReached := h.exit(to); {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENETDOWN) && name != "":
		return fmt.Errorf("network %v: %s is down", to, name)
	case errors.Is(err, syscall.ENETUNREACH), !isReached && isTimeout(err):
		return errNoRoute(to)
	}
	return err
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// exit names the port by which a network is reached, and reports whether there is a way. Network 0 is that of the first
// port.
func (h *host) exit(to ipxwire.Network) (name string, isReached bool) {
	h.IPX().Do(func(_ time.Time, n *ipx.Node) {
		for _, p := range n.Ports() {
			if p.Network == to || to == 0 {
				name, isReached = p.Name, true
				return
			}
		}
		if r, ok := n.RIP().Lookup(to); ok {
			name, isReached = portName(n, r.Port), true
		}
	})
	return name, isReached
}
