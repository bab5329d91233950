package dns

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"strings"
)

// boot is what a file named.boot says, the configuration of the first name servers.
type boot struct {
	zones   []zoneConfig
	forward []netip.AddrPort
	ignored []string // directives that mean nothing here
	folder  string
}

const maxBootLine = 4096

// readBoot reads the directives. Files are relative to folder, or to the folder that the file names if that exists
// within the meaning of the file: an absolute one.
func readBoot(r io.Reader, folder string) (b *boot, line int, err error) {
	b = &boot{folder: folder}
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxBootLine)
	for s.Scan() {
		line++
		text, _, _ := strings.Cut(s.Text(), ";")
		if f := strings.Fields(text); len(f) > 0 {
			if err := b.directive(f[0], f[1:]); err != nil {
				return nil, line, err
			}
		}
	}
	return b, line, s.Err()
}

func (b *boot) directive(name string, args []string) error {
	switch name {
	case "directory":
		return b.directory(args)
	case "primary":
		if len(args) != 2 {
			return fmt.Errorf("write \"primary zone file\"")
		}
		b.zones = append(b.zones, zoneConfig{Name: args[0], File: b.path(args[1])})
	case "forwarders":
		return b.forwarders(args)
	case "cache":
		b.ignored = append(b.ignored, "cache: root servers are not asked, forward is")
	case "secondary":
		return fmt.Errorf("secondary zones are not served: copy the zone's file and write \"primary\"")
	default:
		return fmt.Errorf("unknown directive %q: directory, primary, forwarders and cache are known", name)
	}
	return nil
}

func (b *boot) directory(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("write \"directory folder\"")
	}
	b.folder = b.path(args[0])
	return nil
}

func (b *boot) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(b.folder, name)
}

func (b *boot) forwarders(args []string) error {
	for _, s := range args {
		a, err := parseServer(s)
		if err != nil {
			return err
		}
		b.forward = append(b.forward, a)
	}
	return nil
}

// parseServer reads an address with or without a port.
func parseServer(s string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(a, port), nil
	}
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		return a, fmt.Errorf("%q is no address: write 203.0.113.53, or 203.0.113.53:5353 with a port", s)
	}
	return a, nil
}
