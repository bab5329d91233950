package lab

// To add a key: a field here with its comment, its check in the check*.go of its table, a row in the test tables of both,
// a row in docs/LAB.md.

// file is a lab's file as it is written.
type file struct {
	Name     string                  `toml:"name"`   // default: the file's name without .toml
	Domain   string                  `toml:"domain"` // default lab.example
	Netns    string                  `toml:"netns"`  // "own", the default, or "host"
	State    string                  `toml:"state"`  // folder of the state database; default: none is kept
	Seed     *int64                  `toml:"seed"`   // of all impairments; default: derived from the lab's name
	Procs    any                     `toml:"procs"`  // processors that the program uses at a time, or "auto", the default
	Segment  map[string]fileSegment  `toml:"segment"`
	Trunk    map[string]fileTrunk    `toml:"trunk"`
	Tap      map[string]fileTap      `toml:"tap"`
	XDP      map[string]fileXDP      `toml:"xdp"`
	VXLAN    map[string]fileVXLAN    `toml:"vxlan"`
	Tunnel   map[string]fileTunnel   `toml:"ipxtunnel"`
	QEMU     map[string]fileQEMU     `toml:"qemu"`
	Unixgram map[string]fileUnixgram `toml:"unixgram"`
	Replay   map[string]fileReplay   `toml:"replay"`
	Host     map[string]fileHost     `toml:"host"`
}

// fileSegment is an Ethernet in memory.
type fileSegment struct {
	Kind             string `toml:"kind"` // "switch", the default, or "hub"
	MTU              int    `toml:"mtu"`  // default 1500
	Impair           any    `toml:"impair"`
	Age              string `toml:"age"`                // default "5m"
	MaxAddresses     int    `toml:"max_addresses"`      // default 16384
	MaxPortAddresses int    `toml:"max_port_addresses"` // default 4096
	STP              bool   `toml:"stp"`
	Priority         int    `toml:"priority"`      // default 32768
	Hello            string `toml:"hello"`         // default "2s"
	MaxAge           string `toml:"max_age"`       // default "20s"
	ForwardDelay     string `toml:"forward_delay"` // default "15s"
	Jabber           int    `toml:"jabber"`        // frames a second from one station; default: no bound
	Floods           int    `toml:"floods"`        // of them to all ports
	JabberShut       string `toml:"jabber_shut"`   // default "10s"
	fileCapture
}

// fileCapture is a capture of what crosses.
type fileCapture struct {
	Capture     string `toml:"capture"`      // pcapng of all frames
	CaptureSize any    `toml:"capture_size"` // octets after which a new file is begun; default: never
	Snaplen     int    `toml:"snaplen"`      // octets of each frame in the capture; default: all
}

// filePort is how a station joins a segment.
type filePort struct {
	VLAN     int  `toml:"vlan"`      // of frames without a tag; default 1, or none with tagged
	Tagged   any  `toml:"tagged"`    // VLANs whose frames carry a tag: a list, text, or "all"
	Impair   any  `toml:"impair"`    // both directions
	ImpairTx any  `toml:"impair_tx"` // from the station
	ImpairRx any  `toml:"impair_rx"` // to the station
	Queue    int  `toml:"queue"`     // frames that wait for the station; default 8192
	Cost     int  `toml:"cost"`      // of the spanning tree
	Down     bool `toml:"down"`      // begin with the cable cut
}

// fileTrunk is a cable between two segments.
type fileTrunk struct {
	Segments []string `toml:"segments"`
	filePort
}

// fileTap is a wire whose other end is the kernel's.
type fileTap struct {
	Address   any    `toml:"address"`   // of the kernel's side
	MTU       int    `toml:"mtu"`       // default 1500
	Existing  bool   `toml:"existing"`  // attach a TAP that is there already
	Device    string `toml:"device"`    // "auto", the default, "tap", "packet" or "water"
	Interface string `toml:"interface"` // of a packet device
	Checksum  *bool  `toml:"checksum"`  // offloads; default: what the device can do
	TSO4      *bool  `toml:"tso4"`
	TSO6      *bool  `toml:"tso6"`
	USO       *bool  `toml:"uso"`
	Queues    any    `toml:"queues"`   // default 1; "auto": one for each processor
	Steering  *bool  `toml:"steering"` // of flows to queues, by a program in the kernel; default true
	Filter    *bool  `toml:"filter"`   // of frames that the host has no use for; default: if a host is straight on it and nothing is captured
	Spin      string `toml:"spin"`     // how long a reader may go on trying; default "50us"
	Segment   string `toml:"segment"`  // default: a host is straight on it
	fileCapture
	filePort
}

// fileXDP is a wire on which AF_XDP takes a host's frames before the kernel makes packets of them.
type fileXDP struct {
	Interface string `toml:"interface"` // default: the far end of a veth pair that is made
	Address   any    `toml:"address"`   // of the kernel's end of that pair
	MTU       int    `toml:"mtu"`       // default: the interface's
	Shared    bool   `toml:"shared"`    // with the kernel
	Queues    any    `toml:"queues"`    // default: all that the interface has; "auto": one for each processor
	Attach    string `toml:"attach"`    // "auto", the default, "driver" or "generic"
	ZeroCopy  *bool  `toml:"zero_copy"` // default: where the driver can
	BusyPoll  string `toml:"busy_poll"` // how long a reader asks the driver; default "off"
	Budget    int    `toml:"budget"`    // frames of a turn of that
	Ring      int    `toml:"ring"`      // descriptors; default 2048
	Responder bool   `toml:"responder"` // the program answers ARP, echo requests and solicitations itself
	fileCapture
}

// fileVXLAN stretches a segment over UDP (RFC 7348).
type fileVXLAN struct {
	Segment   string   `toml:"segment"`
	VNI       int      `toml:"vni"`       // default 0
	Local     string   `toml:"local"`     // address and port of the socket; default port 4789 of all addresses
	Peer      []string `toml:"peer"`      // who gets what is flooded
	Allow     []string `toml:"allow"`     // who else may send, as prefixes
	Group     string   `toml:"group"`     // multicast group that is flooded to
	Interface string   `toml:"interface"` // where the group is
	Age       string   `toml:"age"`       // default "5m"
	TTL       int      `toml:"ttl"`
	TOS       int      `toml:"tos"`
	MTU       int      `toml:"underlay_mtu"` // default 1500
	filePort
}

// fileTunnel is the tunnel of IPX in UDP that emulators speak; see ipxtunnel.ServerConfig and ipxtunnel.ClientConfig.
type fileTunnel struct {
	Segment          string   `toml:"segment"`
	Listen           string   `toml:"listen"`     // a server: address, and port, of the socket; default port 213
	Connect          string   `toml:"connect"`    // a client: of the server
	Frame            string   `toml:"frame"`      // on the segment; default "802.2"
	Network          string   `toml:"network"`    // on the segment, 0 in the tunnel; default: what hosts have there
	MaxPacket        int      `toml:"max_packet"` // default 1424
	KeepAlive        string   `toml:"keep_alive"` // default "20s" of a server, "30s" of a client
	Allow            []string `toml:"allow"`      // who may join a server, as prefixes; default: everybody who reaches it
	MaxClients       int      `toml:"max_clients"`
	MaxPerAddress    int      `toml:"max_per_address"`
	RegistrationRate int      `toml:"registration_rate"` // new clients a minute
	Timeout          string   `toml:"timeout"`           // after which a silent client is forgotten
	Stations         int      `toml:"stations"`          // of a client: registrations
	StationTimeout   string   `toml:"station_timeout"`   // after which a silent station gives its registration up
	filePort
}

// fileQEMU is a port for a virtual machine.
type fileQEMU struct {
	Segment string `toml:"segment"`
	Mode    string `toml:"mode"`    // "stream", the default, or "dgram"
	Listen  string `toml:"listen"`  // path of a socket, or address and port
	Connect string `toml:"connect"` // likewise
	filePort
}

// fileUnixgram is a port for another process.
type fileUnixgram struct {
	Segment string `toml:"segment"`
	Path    string `toml:"path"` // of our socket
	Peer    string `toml:"peer"` // of the other's; default: who sends first
	filePort
}

// fileReplay sends the frames of a capture into a segment.
type fileReplay struct {
	Segment  string   `toml:"segment"`
	File     string   `toml:"file"`
	Fast     bool     `toml:"fast"`      // without the pauses between frames
	Times    *int     `toml:"times"`     // default 1; 0: until the lab ends
	After    string   `toml:"after"`     // from the start of the lab
	Speed    *float64 `toml:"speed"`     // default 1
	MaxPause string   `toml:"max_pause"` // default: any
	filePort
}

// fileHost is a host of ours.
type fileHost struct {
	Interface []fileInterface `toml:"interface"`
	DNS       []string        `toml:"dns"` // servers that the host's own look-ups ask
	App       map[string]any  `toml:"app"`
	TCP       fileTCP         `toml:"tcp"`
	IPX       *fileHostIPX    `toml:"ipx"`
	SPX       *fileSPX        `toml:"spx"`
}

// fileInterface is a host's port.
type fileInterface struct {
	Tap     string   `toml:"tap"` // straight on the device
	XDP     string   `toml:"xdp"` // likewise
	Segment string   `toml:"segment"`
	Address any      `toml:"address"`
	Gateway []string `toml:"gateway"`
	MAC     string   `toml:"mac"`   // default: derived from the names of lab and host
	IPv6    *bool    `toml:"ipv6"`  // default true
	SLAAC   *bool    `toml:"slaac"` // default true
	IPX     any      `toml:"ipx"`   // a fileIPX, or a list of such
	filePort
}

// fileTCP tunes TCP; see stack.TCPConfig.
type fileTCP struct {
	Congestion        string `toml:"congestion"`
	Recovery          string `toml:"recovery"`
	SendBuffer        []int  `toml:"send_buffer"`    // least, default, most
	ReceiveBuffer     []int  `toml:"receive_buffer"` // least, default, most
	KeepaliveIdle     string `toml:"keepalive_idle"` // durations: "30s"; "off"
	KeepaliveInterval string `toml:"keepalive_interval"`
	KeepaliveCount    int    `toml:"keepalive_count"`
	TimeWait          string `toml:"time_wait"`
	Backlog           int    `toml:"backlog"`
}
