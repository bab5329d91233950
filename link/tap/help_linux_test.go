package tap

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/packet"
)

// TestHelp holds that a device says what helps it, and works without: TestUserNamespace runs it where no program may be
// loaded.
func TestHelp(t *testing.T) {
	ipv4 := []ethernet.EtherType{ethernet.TypeIPv4}
	tests := []struct {
		name             string
		config           Config
		steering, filter By // with the privilege
		without          Help
	}{
		{"one queue", Config{}, Nobody, Nobody, Help{}},
		{"two queues", Config{Queues: 2}, Program, Nobody, Help{Steering: Aid{By: Builtin}}},
		{"the kernel's choice", Config{Queues: 2, NoSteering: true}, Builtin, Nobody, Help{Steering: Aid{By: Builtin}}},
		{"filter", Config{Accept: &Accept{}}, Nobody, Program, Help{Filter: Aid{By: Builtin}}},
		{"both", Config{Queues: 2, Accept: &Accept{Types: ipv4}}, Program, Program, Help{Aid{By: Builtin}, Aid{By: Builtin}}},
		{"guests", Config{Accept: &Accept{Unicast: make([]ethernet.Addr, 20)}}, Nobody, Program, Help{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			tt.config.Log = slog.New(slog.NewTextHandler(&log, nil))
			d := open(t, tt.config)
			h := d.Help()
			want := Help{Steering: Aid{By: tt.steering}, Filter: Aid{By: tt.filter}}
			for _, a := range []*Aid{&h.Steering, &h.Filter} {
				if errors.Is(a.Err, unix.EPERM) {
					want = tt.without
					if !strings.Contains(a.Err.Error(), "CAP_BPF") || !strings.Contains(log.String(), "CAP_BPF") {
						t.Errorf("says %v, logs %q: want that CAP_BPF is missing", a.Err, log.String())
					}
				} else if a.Err != nil {
					t.Errorf("%v", a.Err)
				}
				a.Err = nil
			}
			if h != want {
				t.Errorf("Help = %v, want %v", h, want)
			}
			if said, want := log.Len() > 0, tt.config.Queues > 1 || tt.config.Accept != nil; said != want {
				t.Errorf("logs %q", log.String())
			}
		})
	}
}

// Addresses for frames that no kernel sends by itself.
var (
	ownAddr = ethernet.Addr{2, 0, 0, 0, 0, 1}
	guest   = ethernet.Addr{2, 0, 0, 0, 0, 2}
	someone = ethernet.Addr{2, 0, 0, 0, 0, 3}
	group   = ethernet.Addr{1, 0, 0x5e, 0, 0, 0xfb}
	others  = ethernet.Addr{1, 0, 0x5e, 0, 0, 0xfc}
)

// sift has a packet socket on the kernel's side send one frame to each address and gives who is heard of. The last
// frame, to own, always is.
func sift(t *testing.T, d *Device) []ethernet.Addr {
	t.Helper()
	bringUp(t, d.Info().Name)
	peer, err := packet.Open(packet.Config{Interface: d.Info().Name})
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	mark := func(to ethernet.Addr, n byte) link.Frame {
		return link.NewFrame(append(append(to[:], someone[:]...), 0x88, 0xb5, n, 0, 0, 0))
	}
	for _, to := range []ethernet.Addr{guest, someone, ethernet.Broadcast, group, others} {
		peer.Queues()[0].WriteFrames([]link.Frame{mark(to, 0)})
	}
	peer.Queues()[0].WriteFrames([]link.Frame{mark(ownAddr, 1)})
	var heard []ethernet.Addr
	f := make([]link.Frame, 1)
	for {
		if _, err := d.Queues()[0].ReadFrames(f); err != nil {
			t.Fatal(err)
		}
		b := f[0].AppendTo(nil)
		f[0].Release()
		switch {
		case [6]byte(b[6:]) != someone:
		case b[14] == 1:
			return heard
		default:
			heard = append(heard, ethernet.Addr(b))
		}
	}
}

// TestAccept holds both filters against the kernel's side, and that what they drop is counted there.
func TestAccept(t *testing.T) {
	experimental := []ethernet.EtherType{0x88b5}
	all := []ethernet.Addr{guest, someone, ethernet.Broadcast, group, others}
	tests := []struct {
		name   string
		accept *Accept
		want   []ethernet.Addr
	}{
		{"all", nil, all},
		{"own and groups", &Accept{}, []ethernet.Addr{ethernet.Broadcast, group, others}},
		{"a guest", &Accept{Unicast: []ethernet.Addr{guest}}, []ethernet.Addr{guest, ethernet.Broadcast, group, others}},
		{"one group", &Accept{Groups: []ethernet.Addr{group}}, []ethernet.Addr{group}},
		{"no groups", &Accept{Groups: []ethernet.Addr{}}, nil},
		{"a protocol", &Accept{Types: experimental}, []ethernet.Addr{ethernet.Broadcast, group, others}},
	}
	for _, builtin := range []bool{false, true} {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s, built in %v", tt.name, builtin), func(t *testing.T) {
				d := open(t, Config{Addr: ownAddr, Accept: tt.accept})
				if builtin && tt.accept != nil {
					d.queues[0].Control(func(fd uintptr) {
						unfilter(int(fd))
						d.help.Filter = filterAddrs(int(fd), ownAddr, tt.accept)
					})
				}
				if got := sift(t, d); !slices.Equal(got, tt.want) {
					t.Errorf("with %v heard of %v, want %v", d.Help().Filter, got, tt.want)
				}
				l, err := netlink.LinkByName(d.Info().Name)
				if err != nil {
					t.Fatal(err)
				}
				if got, want := l.Attrs().Statistics.TxDropped, uint64(len(all)-len(tt.want)); got != want {
					t.Errorf("the interface counts %d drops, want %d", got, want)
				}
			})
		}
	}
}

// TestAcceptProtocols drops by protocol, which takes the program.
func TestAcceptProtocols(t *testing.T) {
	d := open(t, Config{Addr: ownAddr, Accept: &Accept{Types: []ethernet.EtherType{ethernet.TypeIPv4}}})
	if h := d.Help().Filter; h.By != Program {
		if h.By != Builtin || !errors.Is(h.Err, unix.EPERM) {
			t.Errorf("Help = %v", h)
		}
		return
	}
	bringUp(t, d.Info().Name)
	peer, err := packet.Open(packet.Config{Interface: d.Info().Name})
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	for _, typ := range []uint16{0x86dd, 0x0806, 0x0800} {
		b := append(append(ownAddr[:], someone[:]...), byte(typ>>8), byte(typ))
		peer.Queues()[0].WriteFrames([]link.Frame{link.NewFrame(append(b, make([]byte, 46)...))})
	}
	f := make([]link.Frame, 1)
	if _, err := d.Queues()[0].ReadFrames(f); err != nil {
		t.Fatal(err)
	}
	if b := f[0].Head(); b[12] != 8 || b[13] != 0 {
		t.Errorf("a frame of type %x came in, want the one of IPv4", b[12:14])
	}
	f[0].Release()
}

// TestSetAccept changes the filter of a device in use.
func TestSetAccept(t *testing.T) {
	d := open(t, Config{Addr: ownAddr})
	for _, step := range []struct {
		accept *Accept
		want   int
	}{{nil, 5}, {&Accept{}, 3}, {&Accept{Groups: []ethernet.Addr{group}, Unicast: []ethernet.Addr{guest}}, 2}, {nil, 5}} {
		if err := d.SetAccept(step.accept); err != nil {
			t.Fatal(err)
		}
		if on := d.Help().Filter.By != Nobody; on != (step.accept != nil) {
			t.Errorf("Help = %v with %+v", d.Help(), step.accept)
		}
		if got := sift(t, d); len(got) != step.want {
			t.Errorf("with %+v heard of %v, want %d", step.accept, got, step.want)
		}
	}
	if err := d.SetAccept(&Accept{Groups: []ethernet.Addr{guest}}); !errors.Is(err, errConfig) {
		t.Errorf("SetAccept of a bad one = %v", err)
	}
	d.Close()
	if err := d.SetAccept(nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("SetAccept after Close = %v", err)
	}
}

// TestAttach attaches to a persistent device with other numbers of queues, and leaves none behind; nor programs,
// whether the device is closed or its owner ends without.
func TestAttach(t *testing.T) {
	persistent(t, "keep0", netlink.TUNTAP_MULTI_QUEUE_DEFAULTS)
	c := Config{Name: "keep0", Existing: true, Addr: ownAddr}
	for _, crash := range []bool{false, true} {
		for _, n := range []int{1, 3, 2} {
			c.Queues, c.Accept = n, &Accept{Groups: []ethernet.Addr{}}
			d := open(t, c)
			if got := numQueues(t, "keep0"); got != n {
				t.Errorf("the kernel counts %d queues, want %d", got, n)
			}
			if crash {
				for _, q := range d.queues {
					q.Close()
				}
			} else if err := d.Close(); err != nil {
				t.Error(err)
			}
			if got := numQueues(t, "keep0"); got != 0 {
				t.Errorf("%d queues are left", got)
			}
			c.Queues, c.Accept = 1, nil
			d = open(t, c)
			if got := sift(t, d); len(got) != 5 {
				t.Errorf("after %d queues (crash %v) heard of %v alone", n, crash, got)
			}
			d.Close()
		}
	}
}

// TestCloseRemovesPrograms looks at the device as Close left it.
func TestCloseRemovesPrograms(t *testing.T) {
	persistent(t, "keep0", netlink.TUNTAP_MULTI_QUEUE_DEFAULTS)
	c := Config{Name: "keep0", Existing: true, Addr: ownAddr, Queues: 2, Accept: &Accept{Groups: []ethernet.Addr{}}}
	open(t, c).Close()
	c.Accept, c.Queues = nil, 1
	p := port{Config: c}
	t.Cleanup(p.closeUnused)
	fd, err := openNode()
	if err != nil {
		t.Fatal(err)
	}
	p.fds = append(p.fds, fd)
	if err := p.attach(fd); err != nil {
		t.Fatal(err)
	}
	if err := p.setOffload(fd); err != nil {
		t.Fatal(err)
	}
	p.fds[0] = -1
	d := &Device{config: c, gone: make(chan struct{}), info: link.Info{Name: "keep0", MTU: 1500, Rx: p.offload}}
	if err := d.addQueue(fd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if got := sift(t, d); len(got) != 5 {
		t.Errorf("after Close the filter lets %v through alone", got)
	}
}

// numQueues is how many queues the kernel counts on a TAP.
func numQueues(t *testing.T, name string) int {
	t.Helper()
	l, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return l.(*netlink.Tuntap).Queues
}
