package water

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"tapestry/internal/nstest"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/linktest"
	"tapestry/link/packet"
)

func TestMain(m *testing.M) { nstest.Main(m) }

func open(t testing.TB) *Device {
	t.Helper()
	nstest.Require(t)
	d, err := Open(Config{})
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
		nstest.Skip(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+d.Info().Name+"/disable_ipv6", []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	l, err := netlink.LinkByName(d.Info().Name)
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetUp(l); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDevice(t *testing.T) {
	linktest.TestDevice(t, func(t testing.TB) (link.Device, link.Device) {
		d := open(t)
		peer, err := packet.Open(packet.Config{Interface: d.Info().Name})
		if err != nil {
			t.Fatal(err)
		}
		return d, peer
	})
}

func TestRemoved(t *testing.T) {
	d := open(t)
	errs := make(chan error, 1)
	go func() {
		f := make([]link.Frame, 1)
		for {
			n, err := d.ReadFrames(f)
			if err != nil {
				errs <- err
				return
			}
			link.ReleaseAll(f[:n])
		}
	}()
	l, err := netlink.LinkByName(d.Info().Name)
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkDel(l); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-errs:
		if errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "tap0 is gone") {
			t.Errorf("the reader ended with %v, want that tap0 is gone", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the reader hears nothing of the end")
	}
	if d.Info().Up {
		t.Error("carrier on a device that is gone")
	}
}

func TestOpenErrors(t *testing.T) {
	nstest.Require(t)
	tests := []struct {
		name   string
		config Config
		is     error
		want   string
	}{
		{"long name", Config{Name: "sixteen-letters0"}, nil, "at most 15"},
		{"name taken", Config{Name: "lo"}, unix.EEXIST, "exists already"},
		{"group address", Config{Addr: ethernet.Broadcast}, nil, "group address"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Open(tt.config)
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Open = %v, want %v and %q", err, tt.is, tt.want)
			}
		})
	}
}

// TestCloseOnExec looks for the descriptor's flag where the kernel shows it.
func TestCloseOnExec(t *testing.T) {
	d := open(t)
	raw, err := d.file.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		if flags, err := unix.FcntlInt(fd, unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("descriptor flags 0x%x, %v: want close-on-exec", flags, err)
		}
	})
}
