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
	Name     string           `toml:"name"`     // default: the host's, in capitals
	Router   bool             `toml:"router"`   // between all of its networks
	Internal string           `toml:"internal"` // number of a network within the host, as servers have one
	NetBIOS  *bool            `toml:"netbios"`  // of a router: pass broadcasts of type 20 on; default true
	MaxHops  int              `toml:"max_hops"` // of a router; default 16
	Update   string           `toml:"update"`   // between announcements of all routes and services; default "60s"
	Age      string           `toml:"age"`      // after which a route or service that nobody announces is gone; default 4 updates
	Gap      string           `toml:"gap"`      // between two packets of one announcement; default "55ms"
	Route    []fileIPXRoute   `toml:"route"`
	Service  []fileIPXService `toml:"service"`
}

// fileIPXRoute is a static route.
type fileIPXRoute struct {
	Network string `toml:"network"`
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
	Hops    int    `toml:"hops"` // default 1
}

// fileSPX tunes SPX.
type fileSPX struct {
	SPX2 *bool `toml:"spx2"` // offer SPX II; default true
}
