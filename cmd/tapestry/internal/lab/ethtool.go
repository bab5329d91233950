package lab

import (
	"fmt"

	"golang.org/x/sys/unix"
	"tapestry/internal/ethtool"
)

// finishWhatIsSent has the kernel compute checksums and segment before it sends by the interface: at the other end of the
// cable is one whom nobody could tell that this is still to be done.
func finishWhatIsSent(iface string) error {
	for _, cmd := range []uint32{unix.ETHTOOL_STSO, unix.ETHTOOL_SGSO, unix.ETHTOOL_STXCSUM} {
		if _, err := ethtool.Value(iface, cmd, 0); err != nil {
			return fmt.Errorf("interface %s: switch offloads off (`ethtool -K %s tx off tso off gso off`): %w", iface, iface, err)
		}
	}
	return nil
}
