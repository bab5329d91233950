package stack

import (
	"log/slog"
	"net/netip"
	"time"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/stack/ipx"
	"tapestry/stack/spx"
)

// Config describes a host. The zero value of each field means its default.
type Config struct {
	Name  string                  // the host's own name, without domain; default "host"
	Names map[string][]netip.Addr // names that Resolver answers without asking anyone
	// Lookup answers, after Names, for names that come and go; default nobody does. It is called by any goroutine.
	Lookup func(name string) []netip.Addr
	DNS    []netip.AddrPort // servers that Resolver asks, over this host; default none
	TCP    TCPConfig
	IPX    ipx.Config // router or not, timers; its Name defaults to the host's; Output, Random and Log are the host's
	SPX    spx.Config // Clock, Waker and Random are the host's
	// NoShortcut has the engine carry all packets, also those that inline handlers, UDP batches and echo requests have
	// a shorter way for. Answers are the same; it is there to compare.
	NoShortcut bool
	Log        *slog.Logger // events that a person would act on; default: discarded
	Seed       int64        // of the host's own random numbers (not of keys and sequence numbers); default: random

	// Clock is what the host's timers run on; default the system's. With another one, who waits for a socket is woken by
	// a call of the clock, also when the socket is closed: it must go on making calls until the host's users are gone.
	// Deadlines of contexts are package time's all the same, so its time has to be the clock's.
	Clock link.Clock
	// Deterministic is for test rigs ONLY. It takes keys, initial sequence numbers, ports and query identifiers from Seed
	// as well, so that a run can be repeated to the octet. Whoever can guess the seed can forge the host's connections:
	// never set it on a host that anything but the test's own peers can reach.
	Deterministic bool
}

// TCPConfig limits and tunes TCP.
type TCPConfig struct {
	Congestion string // "cubic" (RFC 9438), the default, or "reno", here far hastier than RFC 5681 §3.1
	// Recovery is how the host finds and repairs what it sent and the network lost, if the peer knows SACK.
	//
	//   - "sack", the default: two full segments acknowledged above a hole show it lost (RFC 6675). After a timeout it goes
	//     on with what the window allows, and it bears some reordering. It waits for a timeout of at least 200 ms where the
	//     tail of what was sent is lost, a segment is lost twice, the first of a connection is lost, or the peer's window
	//     moves with the acknowledgements that show the hole: that of Linux does, as long as it grows.
	//   - "rack": what was sent a quarter of a round trip before what arrived is lost, and the tail of a flight is probed
	//     after two round trips (RFC 8985). It has fewer timeouts, and is the quicker one, where segments are lost at random.
	//     In the engine it stalls once a whole flight is lost, as in an outage or when a short queue overflows: every
	//     segment or two wait for a timeout until all are repaired. Under reordering it repairs what is not lost.
	//
	// bench/results/wire.txt has the figures of both.
	Recovery          string
	SendBuffer        Buffer        // default 4 KiB, 1 MiB, 6 MiB
	ReceiveBuffer     Buffer        // default 4 KiB, 1 MiB, 8 MiB
	KeepaliveIdle     time.Duration // RFC 9293 §3.8.4; default 2 h; negative: keepalive off
	KeepaliveInterval time.Duration // default 75 s
	KeepaliveCount    int           // default 9
	// AckDelay is how long an acknowledgement may wait for data to go with it, or twice as long: less than 250 ms (RFC 9293
	// §3.8.6.3). Default 20 ms with the system's clock, else none; negative: none.
	AckDelay time.Duration
	TimeWait time.Duration // RFC 9293 §3.4.1; default 60 s
	Backlog  int           // connections waiting for Accept; default 4096
}

// Buffer is the size of a socket's buffer in octets; auto-tuning moves between Min and Max.
type Buffer struct{ Min, Default, Max int }

// InterfaceConfig describes a host's port to a device.
type InterfaceConfig struct {
	Name      string         // default the device's name
	Addr      ethernet.Addr  // default the device's, or a random local one if it has none
	Addresses []netip.Prefix // static addresses with their subnets
	Gateways  []netip.Addr   // at most one of each family is used; each must lie in a subnet of Addresses or be link-local
	NoIPv6    bool           // neither link-local address nor SLAAC; so it is on a device whose MTU is below 1280 (RFC 8200 §5)
	NoSLAAC   bool           // RFC 4862 §5.5: ignore prefixes of router advertisements
	NoVerify  bool           // trust layer-4 checksums of everything that arrives
}
