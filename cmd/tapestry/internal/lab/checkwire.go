package lab

import (
	"regexp"
	"strconv"
	"strings"

	"tapestry/link"
)

// deviceKinds are what tap.NAME.device may be. To add a device: its word here and its arm in open (device.go).
var deviceKinds = []string{"auto", "tap", "packet", "water"}

// interfaceNames are those that the kernel takes and that need no quoting anywhere.
var interfaceNames = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*$`)

func (c *checker) tap(name string, t fileTap) {
	path := "tap." + name
	if len(name) > maxInterface || !interfaceNames.MatchString(name) {
		c.bad(path, "%q is no interface's name; use up to %d letters, digits, - and _", name, maxInterface)
	}
	w := &Wire{Name: name, Existing: t.Existing, Kind: t.Device, Interface: t.Interface, Snaplen: t.Snaplen, Off: offloadsOff(t)}
	c.plan.Wires = append(c.plan.Wires, w)
	var word string
	if w.Addresses, word = c.addresses(path+".address", t.Address); word != "" {
		c.bad(path+".address", "%q is for hosts; give the kernel's side a list of addresses", word)
	}
	if t.Segment != "" {
		c.bad(path+".segment", "segments are not there yet; a host takes the device itself with tap = %q", name)
	}
	c.deviceKind(path, w)
	c.mtu(path+".mtu", t.MTU, w)
	c.capture(path, t, w)
}

func (c *checker) deviceKind(path string, w *Wire) {
	if w.Kind == "" {
		w.Kind = "auto"
	}
	if _, ok := find(deviceKinds, w.Kind); !ok {
		c.bad(path+".device", "unknown device %q%s", w.Kind, didYouMean(w.Kind, deviceKinds))
	}
	if w.Interface != "" && w.Kind != "packet" {
		c.bad(path+".interface", `goes with device = "packet" only; set that, or remove this key`)
	}
	if w.Existing && (w.Kind == "packet" || c.plan.Own) {
		c.bad(path+".existing", `attaches a TAP of the caller's namespace; set netns = "host" at the top and leave device out`)
	}
	if w.Interface != "" && c.plan.Own {
		c.bad(path+".interface", `is an interface of the caller's namespace; set netns = "host" at the top of the file`)
	}
}

func (c *checker) mtu(path string, mtu int, w *Wire) {
	least := minMTU
	for _, a := range w.Addresses {
		if a.Addr().Is6() {
			least = minMTU6 // RFC 8200 §5
		}
	}
	w.MTU = mtu
	if mtu != 0 && w.Kind == "water" {
		c.bad(path, "a water device has the kernel's 1500 octets; remove this key, or set device = \"tap\"")
	}
	if mtu != 0 && (mtu < least || mtu > maxMTU) {
		c.bad(path, "%d is outside of %d to %d; the usual one is 1500", mtu, least, maxMTU)
	}
}

func (c *checker) capture(path string, t fileTap, w *Wire) {
	if t.Capture == "" {
		for key, set := range map[string]bool{"capture_size": t.CaptureSize != nil, "snaplen": t.Snaplen != 0} {
			if set {
				c.bad(path+"."+key, `is for a capture; add capture = "%s.pcapng", or remove this key`, w.Name)
			}
		}
		return
	}
	w.Capture = c.path(t.Capture)
	if t.Snaplen < 0 {
		c.bad(path+".snaplen", "%d is less than nothing; leave it out for whole frames", t.Snaplen)
	}
	if t.CaptureSize != nil {
		w.CaptureSize = c.size(path+".capture_size", t.CaptureSize)
	}
}

// size reads octets: 1000000, "64KiB", "100MB".
func (c *checker) size(path string, v any) int64 {
	n, ok := v.(int64)
	if s, isText := v.(string); isText {
		n, ok = parseSize(s)
	}
	if !ok || n < 1 {
		c.bad(path, `%v is no size; write octets, or like "64KiB", "100MB"`, v)
		return 0
	}
	return n
}

func parseSize(s string) (int64, bool) {
	unit := int64(1)
	for _, u := range []struct {
		suffix string
		octets int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}} {
		if rest, ok := strings.CutSuffix(s, u.suffix); ok {
			s, unit = strings.TrimSpace(rest), u.octets
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n * unit, err == nil && n >= 0 && n <= (1<<62)/unit
}

func offloadsOff(t fileTap) (off link.Offload) {
	for _, s := range []struct {
		on   *bool
		what link.Offload
	}{
		{t.Checksum, link.OffloadChecksum}, {t.TSO4, link.OffloadTSO4}, {t.TSO6, link.OffloadTSO6}, {t.USO, link.OffloadUSO},
	} {
		if s.on != nil && !*s.on {
			off |= s.what
		}
	}
	return off
}

func find(list []string, s string) (int, bool) {
	for i, e := range list {
		if e == s {
			return i, true
		}
	}
	return 0, false
}
