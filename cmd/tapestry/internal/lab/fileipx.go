package lab

// fileIPX is IPX on an interface, in one framing.
type fileIPX struct {
	Frame     string `toml:"frame"`      // "802.2", the default, "802.3", "snap", "ethernet-ii" or "auto"
	Network   string `toml:"network"`    // default "auto": learned
	MaxPacket int    `toml:"max_packet"` // octets with header; default 576
	Checksum  bool   `toml:"checksum"`   // send the real one
	Ticks     int    `toml:"ticks"`      // what a packet costs here, in 1/18 s; default 1
}

// fileHostIPX is what a host does with IPX beside its own sockets.
type fileHostIPX struct {
	Name            string           `toml:"name"`             // default: the host's, in capitals
	Router          bool             `toml:"router"`           // between all of its networks
	Internal        string           `toml:"internal"`         // number of a network within the host, as servers have one
	NetBIOS         string           `toml:"netbios"`          // of broadcasts of type 20; default "all"
	MaxHops         int              `toml:"max_hops"`         // of a router; default 16
	Errors          bool             `toml:"errors"`           // tell senders of packets that cannot be delivered
	ErrorRate       int              `toml:"error_rate"`       // so many a second; default 10
	Update          string           `toml:"update"`           // between announcements; default "60s"
	Age             string           `toml:"age"`              // of what nobody announces any more; default 4 updates
	Gap             string           `toml:"gap"`              // between two packets of one announcement; default "55ms"
	MaxRoutes       int              `toml:"max_routes"`       // default 4096
	MaxServices     int              `toml:"max_services"`     // default 4096
	DiagnosticDelay string           `toml:"diagnostic_delay"` // most that an answer to a broadcast waits; default "500ms"
	Route           []fileIPXRoute   `toml:"route"`
	Service         []fileIPXService `toml:"service"`
}

// fileIPXRoute is a static route.
type fileIPXRoute struct {
	Network string `toml:"network"` // or "default"
	Gateway string `toml:"gateway"` // network and node of a router on one of the host's wires
	Hops    int    `toml:"hops"`    // default 1
	Ticks   int    `toml:"ticks"`   // default hops + 1
}

// fileIPXService is a static service.
type fileIPXService struct {
	Type    any    `toml:"type"`    // a number, or its name
	Name    string `toml:"name"`    // default: the host's
	Address string `toml:"address"` // network and node; default: this host
	Socket  string `toml:"socket"`
	Hops    int    `toml:"hops"` // of a service on another machine; default 1
}

// fileSPX tunes SPX; see spx.Config.
type fileSPX struct {
	SPX2         *bool  `toml:"spx2"`       // default true
	MaxPacket    int    `toml:"max_packet"` // octets; default: the interface's
	Window       int    `toml:"window"`     // packets
	SendQueue    int    `toml:"send_queue"` // likewise
	FirstTimeout string `toml:"first_timeout"`
	MinTimeout   string `toml:"min_timeout"`
	MaxTimeout   string `toml:"max_timeout"`
	Retries      int    `toml:"retries"`
	Idle         string `toml:"idle"` // of the watchdog
	Probe        string `toml:"probe"`
	Probes       int    `toml:"probes"`
	Linger       string `toml:"linger"`
	Backlog      int    `toml:"backlog"`
	MaxConns     int    `toml:"max_connections"`
}
