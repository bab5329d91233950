package ethtool

import (
	"errors"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"tapestry/internal/nstest"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// pair makes a veth pair with 3 receive and 2 transmit queues at the first end.
func pair(t *testing.T) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.NumRxQueues, attrs.NumTxQueues = "a", 3, 2
	nstest.Veth(t, &netlink.Veth{LinkAttrs: attrs, PeerName: "b", PeerNumRxQueues: 2, PeerNumTxQueues: 3})
}

func TestValue(t *testing.T) {
	pair(t)
	for _, want := range []uint32{0, 1, 0} {
		if _, err := Value("a", unix.ETHTOOL_SGSO, want); err != nil {
			t.Fatal(err)
		}
		if got, err := Value("a", unix.ETHTOOL_GGSO, 0); got != want || err != nil {
			t.Errorf("generic segmentation is %d, %v, want %d", got, err, want)
		}
	}
}

func TestQueues(t *testing.T) {
	pair(t)
	if rx, tx, err := Queues("a"); rx != 3 || tx != 2 || err != nil {
		t.Errorf("%d and %d queues, %v, want 3 and 2", rx, tx, err)
	}
}

func TestErrors(t *testing.T) {
	nstest.Require(t)
	if _, err := Value("none", unix.ETHTOOL_GGSO, 0); !errors.Is(err, unix.ENODEV) {
		t.Errorf("an interface that is not there: %v", err)
	}
	if _, _, err := Queues("lo"); !errors.Is(err, unix.EOPNOTSUPP) {
		t.Errorf("queues of the loopback: %v", err)
	}
}
