package water

import "tapestry/link/ethernet"

// Config describes a plain TAP device. The zero value of each field means its default.
type Config struct {
	Name string        // default: the first free of tap0, tap1, …
	Addr ethernet.Addr // of the station behind this port, not of the kernel's interface; default: random
}
