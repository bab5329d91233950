package lab

import (
	"net/netip"
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
	c.interfaceName(path, name)
	w := &Wire{Name: name, Table: "tap", Existing: t.Existing, Kind: t.Device, Interface: t.Interface, Off: offloadsOff(t)}
	c.plan.Wires = append(c.plan.Wires, w)
	var word string
	if w.Addresses, word = c.addresses(path+".address", amongKernel, t.Address); word != "" {
		c.bad(path+".address", "%q is for hosts; give the kernel's side a list of addresses", word)
	}
	c.deviceKind(path, w)
	c.mtu(path+".mtu", t.MTU, w)
	w.Capture = c.capture(path, name, t.fileCapture)
	c.queues(path, w, t)
	c.filter(path, w, t)
	c.spin(path+".spin", w, t.Spin)
	if t.Segment == "" {
		c.noPort(path, t.filePort)
		return
	}
	w.At = c.join(path, t.Segment, Port{Name: name, Kind: "tap"}, t.filePort)
	c.tapOnSegment(path, w)
}

func (c *checker) interfaceName(path, name string) {
	if len(name) > maxInterface || !interfaceNames.MatchString(name) {
		c.bad(path, "%q is no interface's name; use up to %d letters, digits, - and _", name, maxInterface)
	}
}

// tapOnSegment gives the kernel's side the segment's MTU.
func (c *checker) tapOnSegment(path string, w *Wire) {
	if w.At == nil {
		return
	}
	mtu := w.At.Segment.MTU
	switch {
	case w.MTU != 0 && w.MTU != mtu:
		c.bad(path+".mtu", "%d differs from the %d of segment %s; remove this key", w.MTU, mtu, w.At.Segment.Name)
	case w.Kind == "water" && mtu != defaultMTU:
		c.bad(path+".device", "a water device has the kernel's 1500 octets and segment %s %d; set device = \"tap\"", w.At.Segment.Name, mtu)
	case mtu < minMTU6 && len(prefixesOf6(w.Addresses)) > 0:
		c.bad(path+".segment", "segment %s has an MTU of %d, and IPv6 needs %d (RFC 8200 §5); raise it, or remove the IPv6 addresses", w.At.Segment.Name, mtu, minMTU6)
	case w.Kind != "water":
		w.MTU = mtu
	}
}

func prefixesOf6(list []netip.Prefix) (six []netip.Prefix) {
	for _, p := range list {
		if p.Addr().Is6() {
			six = append(six, p)
		}
	}
	return six
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

func (c *checker) capture(path, name string, f fileCapture) (to CapturePlan) {
	if f.Capture == "" {
		for key, set := range map[string]bool{"capture_size": f.CaptureSize != nil, "snaplen": f.Snaplen != 0} {
			if set {
				c.bad(path+"."+key, `is for a capture; add capture = "%s.pcapng", or remove this key`, name)
			}
		}
		return to
	}
	to = CapturePlan{File: c.path(f.Capture), Snaplen: f.Snaplen}
	if f.Snaplen < 0 {
		c.bad(path+".snaplen", "%d is less than nothing; leave it out for whole frames", f.Snaplen)
	}
	if f.CaptureSize != nil {
		to.MaxBytes = c.size(path+".capture_size", f.CaptureSize)
	}
	return to
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
