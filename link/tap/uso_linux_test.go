package tap

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"tapestry/link"
)

// usoConfigs are devices with and without UDP super-frames.
var usoConfigs = []struct {
	name   string
	config Config
}{
	{"all offloads", Config{}},
	{"two queues", Config{Queues: 2}},
	{"jumbo", Config{MTU: 9000}},
	{"no uso", Config{NoUSO: true}},
	{"no checksum", Config{NoChecksum: true}},
	{"no vnet header", Config{NoVnetHdr: true}},
}

// usoSizes are super-frames: octets of payload in datagrams of size.
var usoSizes = []struct{ payload, size int }{
	{20_333, 1000}, {20_000, 1000}, {60 * 100, 100}, {1001, 1000}, {44 * 1452, 1452}, {64, 1},
}

// eachUSO runs a test on every kind of device with every kind of super-frame.
func eachUSO(t *testing.T, run func(t *testing.T, d *Device, in <-chan arrival, station netip.Addr, payload []byte, size int)) {
	for _, c := range usoConfigs {
		t.Run(c.name, func(t *testing.T) {
			d := withKernel(t, c.config)
			in := arrivals(t, d)
			for _, station := range []netip.Addr{station4, station6} {
				for _, s := range usoSizes {
					t.Run(fmt.Sprint(station, " ", s.payload, " in ", s.size), func(t *testing.T) {
						run(t, d, in, station, pattern(s.payload), s.size)
					})
				}
			}
		})
	}
}

// pattern is no two octets alike at distances that matter.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i) ^ byte(i>>8)*31
	}
	return b
}

// TestReceiveUSO has the kernel send with UDP_SEGMENT: the super-frame arrives whole, or as the datagrams that it
// stands for.
func TestReceiveUSO(t *testing.T) {
	eachUSO(t, func(t *testing.T, d *Device, in <-chan arrival, station netip.Addr, payload []byte, size int) {
		c := kernelUDP(t, station, 9)
		setsockopt(t, c, unix.UDP_SEGMENT, size)
		before := d.Stats()
		if _, err := c.Write(payload); errors.Is(err, unix.EIO) {
			t.Skip("before Linux 6.11 UDP_SEGMENT needs a device with checksum offload")
		} else if err != nil {
			t.Fatal(err)
		}
		var got []byte
		var frames []link.Frame
		for len(got) < len(payload) {
			a := next(t, in)
			p, _ := parseUDP(&a.frame)
			got = append(got, p.payload...)
			frames = append(frames, a.frame)
		}
		defer link.ReleaseAll(frames)
		if !bytes.Equal(got, payload) {
			t.Errorf("payload differs")
		}
		whole := d.Info().Rx.Has(link.OffloadUSO) && len(payload) > size
		if n := d.Stats().RxGSO - before.RxGSO; whole != (n == 1) || whole != (len(frames) == 1) {
			t.Errorf("%d frames, %d super-frames, want one: %v", len(frames), n, whole)
		}
		checkDatagrams(t, frames, size, len(payload))
	})
}

// checkDatagrams holds each datagram of the frames to its size and checksum.
func checkDatagrams(t *testing.T, frames []link.Frame, size, total int) {
	t.Helper()
	for i := range frames {
		f := frames[i].Clone()
		if f.GSO != link.GSONone && (f.GSO != link.GSOUDP || int(f.GSOSize) != size) {
			t.Errorf("a super-frame is %v of %d, want udp of %d", f.GSO, f.GSOSize, size)
		}
		pieces, err := link.Fit(nil, f, 0)
		if err != nil {
			t.Fatal(err)
		}
		for j := range pieces {
			p, _ := parseUDP(&pieces[j])
			if want := min(size, total); len(p.payload) != want {
				t.Errorf("a datagram of %d octets, want %d", len(p.payload), want)
			}
			total -= len(p.payload)
			b := pieces[j].AppendTo(nil)
			if sum := checksum.Checksum(b[len(b)-8-len(p.payload):], p.pseudoSum(8+len(p.payload))); sum != 0xffff {
				t.Errorf("the checksum of a datagram of %d octets is wrong", len(p.payload))
			}
		}
		link.ReleaseAll(pieces)
	}
}

// TestSendUSO has the kernel receive super-frames, with UDP_GRO whole, without in datagrams.
func TestSendUSO(t *testing.T) {
	for _, gro := range []int{1, 0} {
		t.Run(fmt.Sprint("gro ", gro), func(t *testing.T) {
			eachUSO(t, func(t *testing.T, d *Device, _ <-chan arrival, station netip.Addr, payload []byte, size int) {
				c := kernelUDP(t, station, 9)
				setsockopt(t, c, unix.UDP_GRO, gro)
				local := c.LocalAddr().(*net.UDPAddr).AddrPort()
				p := udp{from: d.Info().Addr, to: hardwareAddr(t, d), dst: local, payload: payload,
					src: netip.AddrPortFrom(station, 9)}
				f := p.frame(size)
				before := d.Stats()
				if d.Queues()[d.QueueOf(&f)].WriteFrames([]link.Frame{f}) != 1 {
					t.Fatal("dropped")
				}
				hasUSO := d.Info().Tx.Has(link.OffloadUSO)
				if n := d.Stats().TxGSO - before.TxGSO; hasUSO != (n == 1) {
					t.Errorf("%d super-frames written, want one: %v", n, hasUSO)
				}
				collect(t, c, payload, size, hasUSO && gro == 1)
			})
		})
	}
}

// collect reads from the kernel's socket what the super-frame became.
func collect(t *testing.T, c *net.UDPConn, payload []byte, size int, whole bool) {
	t.Helper()
	buf, oob := make([]byte, 1<<16), make([]byte, 64)
	for rest := payload; len(rest) > 0; {
		n, oobn, _, _, err := c.ReadMsgUDP(buf, oob)
		if err != nil {
			t.Fatalf("%v, with %d octets to come", err, len(rest))
		}
		want := min(size, len(rest))
		if whole {
			want = len(rest)
			if got := groSize(t, oob[:oobn]); got != size && len(payload) > size {
				t.Errorf("UDP_GRO says %d, want %d", got, size)
			}
		}
		if !bytes.Equal(buf[:n], rest[:want]) {
			t.Fatalf("read %d octets, want %d, or they differ", n, want)
		}
		rest = rest[n:]
	}
}

// groSize is the size that a control message tells.
func groSize(t *testing.T, oob []byte) int {
	t.Helper()
	m, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range m {
		if c.Header.Level == unix.SOL_UDP && c.Header.Type == unix.UDP_GRO {
			return int(binary.NativeEndian.Uint32(c.Data))
		}
	}
	return 0
}

func setsockopt(t testing.TB, c *net.UDPConn, option, value int) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var errno error
	raw.Control(func(fd uintptr) { errno = unix.SetsockoptInt(int(fd), unix.SOL_UDP, option, value) })
	if errno != nil {
		t.Fatal(errno)
	}
}

// hardwareAddr is the kernel's.
func hardwareAddr(t testing.TB, d *Device) [6]byte {
	t.Helper()
	i, err := net.InterfaceByName(d.Info().Name)
	if err != nil {
		t.Fatal(err)
	}
	return [6]byte(i.HardwareAddr)
}
