//go:build linux

package bench

import (
	"testing"

	mdns "github.com/miekg/dns"
)

// TestDNSQuery holds that the question is the one that every server has an answer to.
func TestDNSQuery(t *testing.T) {
	b, err := dnsQuery()
	if err != nil {
		t.Fatal(err)
	}
	var m mdns.Msg
	if err := m.Unpack(b); err != nil {
		t.Fatal(err)
	}
	if len(m.Question) != 1 || m.Question[0].Name != dnsName || m.Question[0].Qtype != mdns.TypeA || m.Response {
		t.Errorf("the question is %v", &m)
	}
	if want := labHost.Name(labHost{}) + "." + labHost.Domain(labHost{}) + "."; dnsName != want {
		t.Errorf("%s is asked for, the host of ours is %s", dnsName, want)
	}
}
