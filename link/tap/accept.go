package tap

import (
	"fmt"

	"tapestry/link/ethernet"
)

// Accept says which frames the kernel's side may send here. It drops the others before they take a place in a queue and
// wake a reader, and counts them among its interface's tx_dropped. The zero value accepts what a station hears: what
// is for Config.Addr, and what is for groups, the broadcast address among them.
type Accept struct {
	Unicast []ethernet.Addr      // stations besides Config.Addr; at most 64
	Groups  []ethernet.Addr      // the only groups, Broadcast if it is wanted; at most 64. Nil: all. Empty: none
	Types   []ethernet.EtherType // the only protocols, behind at most two tags; at most 64. Nil: all
	LLC     bool                 // with Types: also frames that have a length in place of the type (802.2, raw 802.3)
}

// maxAccept bounds each list: the program compares one by one.
const maxAccept = 64

func (a *Accept) check() error {
	for _, l := range []struct {
		name string
		n    int
	}{{"stations", len(a.Unicast)}, {"groups", len(a.Groups)}, {"protocols", len(a.Types)}} {
		if l.n > maxAccept {
			return fmt.Errorf("%w: %d %s to accept, want at most %d", errConfig, l.n, l.name, maxAccept)
		}
	}
	for _, u := range a.Unicast {
		if u.IsMulticast() {
			return fmt.Errorf("%w: %v is a group address, no station's: list it among the groups", errConfig, u)
		}
	}
	for _, g := range a.Groups {
		if !g.IsMulticast() {
			return fmt.Errorf("%w: %v is a station's address, no group's", errConfig, g)
		}
	}
	if a.Types != nil && len(a.Types) == 0 && !a.LLC {
		return fmt.Errorf("%w: no protocols to accept: nil accepts all", errConfig)
	}
	for _, t := range a.Types {
		if t < ethernet.MinEtherType || t == ethernet.TypeVLAN || t == ethernet.TypeQinQ {
			return fmt.Errorf("%w: type %v to accept: want a protocol of 0x%04x or more, not a tag", errConfig, t, uint16(ethernet.MinEtherType))
		}
	}
	return nil
}
