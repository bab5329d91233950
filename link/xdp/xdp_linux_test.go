package xdp

import (
	"testing"
	"time"

	"tapestry/internal/nstest"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/linktest"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// station is whom linktest sends to.
var station = ethernet.Addr{0x02, 0x7e, 0x57, 0, 0, 2}

func TestDevice(t *testing.T) {
	tests := []struct {
		name   string
		mtu    int
		queues int
		config Config
		want   Mode
	}{
		{"driver", 1500, 1, Config{}, Mode{Driver: true}},
		{"generic", 1500, 1, Config{Attach: AttachGeneric}, Mode{}},
		{"two queues", 1500, 2, Config{}, Mode{Driver: true}},
		{"large chunks", 1500, 1, Config{Chunk: 4096}, Mode{Driver: true}},
		{"MTU for large chunks", 3000, 1, Config{}, Mode{Driver: true}},
		{"several chunks", 9000, 1, Config{}, Mode{Driver: true, MultiBuffer: true}},
		{"several chunks, generic", 9000, 1, Config{Attach: AttachGeneric}, Mode{MultiBuffer: true}},
		{"small rings", 1500, 1, Config{Ring: 256}, Mode{Driver: true}},
		{"busy polling", 1500, 1, Config{Spin: 50 * time.Microsecond}, Mode{Driver: true, BusyPoll: true}},
		{"no super-frames", 1500, 1, Config{NoSuper: true}, Mode{Driver: true}},
		{"all frames", 1500, 1, Config{All: true}, Mode{Driver: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			linktest.TestDevice(t, func(t testing.TB) (link.Device, link.Device) {
				a, b := veth(t, tt.mtu, tt.queues)
				c := tt.config
				c.Interface, c.Addr = a, station
				d := open(t, c)
				if d.Mode() != tt.want || len(d.Queues()) != tt.queues {
					t.Errorf("mode is %v on %d queues, want %v on %d", d.Mode(), len(d.Queues()), tt.want, tt.queues)
				}
				return d, openPacket(t, b)
			})
		})
	}
}
