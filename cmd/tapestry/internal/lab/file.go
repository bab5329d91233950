package lab

// To add a key: a field here with its comment, its check in check.go, a row in the test tables of both.

// file is a lab's file as it is written.
type file struct {
	Name    string              `toml:"name"`   // default: the file's name without .toml
	Domain  string              `toml:"domain"` // default lab.example
	Netns   string              `toml:"netns"`  // "own", the default, or "host"
	State   string              `toml:"state"`  // folder of the state database; default: none is kept
	Tap     map[string]fileTap  `toml:"tap"`
	Host    map[string]fileHost `toml:"host"`
	Segment map[string]any      `toml:"segment"`
}

// fileTap is a wire whose other end is the kernel's.
type fileTap struct {
	Address     any    `toml:"address"`   // of the kernel's side
	MTU         int    `toml:"mtu"`       // default 1500
	Existing    bool   `toml:"existing"`  // attach a TAP that is there already
	Device      string `toml:"device"`    // "auto", the default, "tap", "packet" or "water"
	Interface   string `toml:"interface"` // of a packet device
	Checksum    *bool  `toml:"checksum"`  // offloads; default: what the device can do
	TSO4        *bool  `toml:"tso4"`
	TSO6        *bool  `toml:"tso6"`
	USO         *bool  `toml:"uso"`
	Capture     string `toml:"capture"`      // pcapng of all frames
	CaptureSize any    `toml:"capture_size"` // octets after which a new file is begun; default: never
	Snaplen     int    `toml:"snaplen"`      // octets of each frame in the capture; default: all
	Segment     string `toml:"segment"`
}

// fileHost is a host of ours.
type fileHost struct {
	Interface []fileInterface `toml:"interface"`
	DNS       []string        `toml:"dns"` // servers that the host's own look-ups ask
	App       map[string]any  `toml:"app"`
	TCP       fileTCP         `toml:"tcp"`
}

// fileInterface is a host's port.
type fileInterface struct {
	Tap     string   `toml:"tap"`
	Segment string   `toml:"segment"`
	Address any      `toml:"address"`
	Gateway []string `toml:"gateway"`
	MAC     string   `toml:"mac"`   // default: derived from the names of lab and host
	IPv6    *bool    `toml:"ipv6"`  // default true
	SLAAC   *bool    `toml:"slaac"` // default true
	IPX     any      `toml:"ipx"`
}

// fileTCP tunes TCP; see stack.TCPConfig.
type fileTCP struct {
	Congestion        string `toml:"congestion"`
	SendBuffer        []int  `toml:"send_buffer"`    // least, default, most
	ReceiveBuffer     []int  `toml:"receive_buffer"` // least, default, most
	KeepaliveIdle     string `toml:"keepalive_idle"` // durations: "30s"; "off"
	KeepaliveInterval string `toml:"keepalive_interval"`
	KeepaliveCount    int    `toml:"keepalive_count"`
	TimeWait          string `toml:"time_wait"`
	Backlog           int    `toml:"backlog"`
}
