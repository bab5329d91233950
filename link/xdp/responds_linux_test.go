package xdp

import (
	"net/netip"
	"testing"
	"time"

	"tapestry/link"
)

// responding opens a device with a responder; the machine's kernel, whose receive offload is on or off, is at the far end.
func responding(t *testing.T, gro string, c Config) (*Device, *far) {
	t.Helper()
	a, b := veth(t, 1500, 1)
	f := newFar(t, b, "198.51.100.1/24", "2001:db8::1/64")
	f.command(t, "ethtool", "-K", b, "gro", gro)
	c.Interface, c.Addresses, c.Responder = a, []netip.Addr{host4, host6}, true
	return open(t, c), f
}

// TestResponds has the machine's own tools ask a device that nobody reads: the program answers, and the device's owner sees
// nothing of it.
func TestResponds(t *testing.T) {
	tests := []struct {
		name   string
		gro    string
		config Config
	}{
		{"driver", "on", Config{Attach: AttachDriver}},
		{"driver, whole station", "on", Config{Attach: AttachDriver, Whole: true, NoBroadcast: true, NoMulticast: true}},
		{"generic", "off", Config{Attach: AttachGeneric}},
		{"driver, all frames", "on", Config{Attach: AttachDriver, All: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, f := responding(t, tt.gro, tt.config)
			if !d.Mode().Responder {
				t.Fatalf("mode %v has no responder", d.Mode())
			}
			if tt.config.NoMulticast { // then nobody asks for our hardware address
				f.command(t, "ip", "neigh", "replace", "198.51.100.2", "lladdr", d.Info().Addr.String(), "dev", "vethb")
				f.command(t, "ip", "neigh", "replace", "2001:db8::2", "lladdr", d.Info().Addr.String(), "dev", "vethb")
			}
			const each = 3
			sizes := []string{"0", "1", "55", "1451", "1452"}
			for _, size := range sizes {
				for _, to := range []string{"198.51.100.2", "2001:db8::2"} {
					f.command(t, "ping", "-c", "3", "-i", "0.01", "-W", "5", "-s", size, to)
				}
			}
			f.command(t, "ping", "-c", "1", "-W", "5", "-s", "1472", "198.51.100.2")
			f.command(t, "ping", "-q", "-f", "-c", "1000", "-W", "5", "198.51.100.2")
			s := d.ResponderStats()
			if s.Echo4 != uint64(each*len(sizes)+1+1000) || s.Echo6 != uint64(each*len(sizes)) {
				t.Errorf("counters %+v", s)
			}
			if !tt.config.NoMulticast && (s.ARP == 0 || s.Solicit == 0) {
				t.Errorf("counters %+v, want that the kernel asked for hardware addresses", s)
			}
			if r := d.QueueStats()[0]; !tt.config.All && r.RxFrames+r.RingFull > 0 {
				t.Errorf("the device's owner got %+v", r)
			}
			d.Close()
			if got := d.ResponderStats(); got != s {
				t.Errorf("%+v after Close, was %+v", got, s)
			}
		})
	}
}

// TestResponderNeverLoses has the far end of a veth pair become unable to take answers, and able again: meanwhile the host
// answers itself.
func TestResponderNeverLoses(t *testing.T) {
	d, f := responding(t, "off", Config{Attach: AttachDriver})
	newHost(t, d)
	last := d.ResponderStats()
	for _, gro := range []string{"off", "on", "off", "on"} {
		f.command(t, "ethtool", "-K", "vethb", "gro", gro)
		await(t, "the responder follows the peer", func() bool { return d.Mode().Responder == (gro == "on") })
		f.command(t, "ping", "-c", "5", "-i", "0.01", "-W", "5", "198.51.100.2")
		s := d.ResponderStats()
		if (s.Echo4 > last.Echo4) != (gro == "on") {
			t.Errorf("receive offload %s: counters %+v, were %+v", gro, s, last)
		}
		last = s
	}
	if n := d.Stats().RxFrames; n < 10 {
		t.Errorf("the host answered %d frames, want 10 echoes", n)
	}
}

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 1000 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not after 10 s: %s", what)
}

// TestResponderAddresses changes whom the program answers for, and sends it what it must leave: that arrives here.
func TestResponderAddresses(t *testing.T) {
	a, b := veth(t, 1500, 1)
	d := open(t, Config{Interface: a, Addr: ours, Responder: true, Attach: AttachGeneric, Addresses: []netip.Addr{second}})
	if err := d.SetAddresses([]netip.Addr{host4}); err != nil {
		t.Fatal(err)
	}
	taken, peer := frames(d), openPacket(t, b)
	said := frames(peer)
	left := frame(ours, asker, 0x0800, ip4(0, 64, 0, asker4, host4, icmp4Of(0, nil)))
	for _, ask := range [][]byte{
		frame(ours, asker, 0x0800, ip4(0, 64, 0, asker4, second, icmp4Of(8, nil))), // the kernel's
		frame(ours, asker, 0x0800, ip4(0, 64, 0, asker4, host4, icmp4Of(8, nil))),
		left,
	} {
		peer.Queues()[0].WriteFrames([]link.Frame{link.NewFrame(ask)})
	}
	want := frame(asker, ours, 0x0800, ip4(0, 64, 0, host4, asker4, icmp4Of(0, nil)))
	for _, c := range []struct {
		who   string
		heard <-chan []byte
		want  []byte
	}{{"the device", taken, left}, {"the peer", said, want}} {
		select {
		case got := <-c.heard:
			if string(got) != string(c.want) {
				t.Errorf("%s got %x, want %x", c.who, got, c.want)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s hears nothing", c.who)
		}
	}
	if s := d.ResponderStats(); s.Echo4 != 1 {
		t.Errorf("counters %+v, want one echo", s)
	}
}
