//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	nethttp "net/http"
	"net/netip"
	"os"
	"path/filepath"

	mdns "github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"tapestry/apps"
	"tapestry/apps/dns"
	"tapestry/apps/http"
)

// serveHTTP serves two files: on a host of ours with its own web server, elsewhere with net/http's file server.
func serveHTTP(f *far, s sockets, at netip.AddrPort) error {
	root, err := webRoot()
	if err != nil {
		return err
	}
	if host, ok := s.(apps.Network); ok {
		return serveApp(f, host, http.App, fmt.Sprintf("root = %q\ntls = false\n", root))
	}
	l, err := s.Listen("tcp", at.String())
	if err != nil {
		return err
	}
	go nethttp.Serve(l, nethttp.FileServer(nethttp.Dir(root))) // ends with the process
	return nil
}

// webFiles are what is served, by their size.
var webFiles = map[string]int{"small.txt": 128, "large.bin": 1 << 20}

// webRoot makes a folder in memory that only this process sees: it is in a mount namespace of its own, and gone with it.
func webRoot() (string, error) {
	if !ownMounts() {
		return "", errors.New("a mount namespace of this process alone is needed for files in memory")
	}
	root := os.TempDir()
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return "", fmt.Errorf("a mount namespace of its own: %w", err)
	}
	if err := unix.Mount("tapestry-bench", root, "tmpfs", unix.MS_NODEV|unix.MS_NOSUID|unix.MS_NOEXEC, "size=4m"); err != nil {
		return "", fmt.Errorf("files in memory on %s: %w", root, err)
	}
	for name, size := range webFiles {
		if err := os.WriteFile(filepath.Join(root, name), make([]byte, size), 0o644); err != nil {
			return "", err
		}
	}
	return root, nil
}

// serveDNS answers for one name: on a host of ours with its own server, elsewhere with miekg/dns, whose handler makes
// each answer as its examples do.
func serveDNS(f *far, s sockets, at netip.AddrPort) error {
	if host, ok := s.(apps.Network); ok {
		return serveApp(f, host, dns.App, "")
	}
	c, err := s.ListenPacket("udp", at.String())
	if err != nil {
		return err
	}
	server := &mdns.Server{PacketConn: c, Handler: mdns.HandlerFunc(func(w mdns.ResponseWriter, q *mdns.Msg) {
		m := new(mdns.Msg)
		m.SetReply(q)
		m.Authoritative = true
		h := mdns.RR_Header{Name: dnsName, Rrtype: mdns.TypeA, Class: mdns.ClassINET, Ttl: 3600}
		m.Answer = []mdns.RR{&mdns.A{Hdr: h, A: net.IP(at.Addr().AsSlice())}}
		w.WriteMsg(m) // a client that is gone asks no more
	})}
	go server.ActivateAndServe() // ends with the process
	return nil
}

// serveApp starts an app of ours on a host of ours.
func serveApp(f *far, host apps.Network, app apps.App, table string) error {
	c, err := apps.TableConfig(table)
	if err != nil {
		return err
	}
	env := apps.NewEnv(apps.EnvConfig{Net: host, Host: labHost{f.path.far()}, HostName: "host", AppName: app.Name})
	server, err := app.New(env, c)
	if err != nil {
		return fmt.Errorf("app %s: %w", app.Name, err)
	}
	go server.Serve(context.Background()) // ends with the process
	return nil
}

// labHost is what an app sees of its host: its name and its address.
type labHost struct{ at netip.Addr }

func (labHost) Name() string                     { return "host" }
func (labHost) Domain() string                   { return "example.org" }
func (h labHost) Addresses() []netip.Prefix      { return []netip.Prefix{netip.PrefixFrom(h.at, prefixLen)} }
func (h labHost) Names() map[string][]netip.Addr { return map[string][]netip.Addr{"host": {h.at}} }
