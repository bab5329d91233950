//go:build linux

package bench

import "testing"

func TestIsReply(t *testing.T) {
	e := &echoer{seq: 7}
	reply := func(change func(ip, icmp []byte)) []byte {
		b := make([]byte, 20+echoSize)
		b[0] = 0x45
		m := b[20:]
		m[0] = echoReply
		m[4], m[5] = echoID>>8, echoID&0xff
		m[7] = 7
		change(b, m)
		return b
	}
	for _, tt := range []struct {
		name   string
		change func(ip, icmp []byte)
		want   bool
	}{
		{"reply", func(_, _ []byte) {}, true},
		{"request", func(_, m []byte) { m[0] = echoRequest }, false},
		{"another sequence number", func(_, m []byte) { m[7] = 8 }, false},
		{"another identifier", func(_, m []byte) { m[5]++ }, false},
		{"longer header than octets", func(ip, _ []byte) { ip[0] = 0x4f }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := e.isReply(reply(tt.change)); got != tt.want {
				t.Errorf("isReply is %v, want %v", got, tt.want)
			}
		})
	}
	whole := reply(func(_, _ []byte) {})
	for i := range whole {
		if e.isReply(whole[:i]) {
			t.Errorf("the first %d octets of a reply are taken for one", i)
		}
	}
}
