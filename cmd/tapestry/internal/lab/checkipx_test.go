package lab

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// old is a lab with IPX that is right: two segments, a host with two framings, a router.
const old = `
[segment.lan]
[segment.dmz]
[[host.alpha.interface]]
segment = "lan"
address = ["198.51.100.2/24"]
ipx = [{ network = "0000cafe" }, { network = "0000beef", frame = "Ethernet_II" }]
[[host.gate.interface]]
segment = "lan"
ipx = { network = "cafe" }
[[host.gate.interface]]
segment = "dmz"
ipx = { network = "f00d", frame = "snap" }
[host.gate.ipx]
router = true
`

const cafe = "ipx = { network = \"0000cafe\" }\n"

func TestIPXProblems(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"table", lan + onLAN + "ipx = 5\n", []string{
			`lab.toml:6: host.alpha.interface[0].ipx: want a table like { network = "0000cafe", frame = "802.2" }, or a list of such, one for each framing`,
		}},
		{"empty list", lan + onLAN + "ipx = []\n", []string{
			`lab.toml:6: host.alpha.interface[0].ipx: want a table like { network = "0000cafe", frame = "802.2" }, or a list of such, one for each framing`,
		}},
		{"list of numbers", lan + onLAN + "ipx = [5]\n", []string{
			`lab.toml:6: host.alpha.interface[0].ipx[0]: must be a table`,
		}},
		{"unknown key", lan + onLAN + "ipx = { netwrk = \"cafe\" }\n", []string{
			`lab.toml:6: host.alpha.interface[0].ipx.netwrk: unknown key; did you mean "network"?`,
		}},
		{"unknown key in a list", lan + onLAN + "ipx = [{ network = \"cafe\" }, { frame = \"snap\", tick = 1 }]\n", []string{
			`lab.toml:6: host.alpha.interface[0].ipx[1].tick: unknown key; did you mean "ticks"?`,
		}},
		{"type", lan + onLAN + "ipx = { network = 0xcafe }\n", []string{
			`lab.toml:6: host.alpha.interface[0].ipx.network: must be a string, not an integer; write its hexadecimal digits in quotes, like network = "0000cafe"`,
		}},
		{"types in a host", lan + onLAN + cafe + "[host.alpha.ipx]\ninternal = 5\n", []string{
			`lab.toml:8: host.alpha.ipx.internal: must be a string, not an integer; write its hexadecimal digits in quotes, like internal = "0000cafe"`,
		}},
		{"type of a socket", lan + onLAN + cafe + "[host.alpha.ipx]\nservice = [{ type = \"4\", socket = 451 }]\n", []string{
			`lab.toml:8: host.alpha.ipx.service[0].socket: must be a string, not an integer; write its hexadecimal digits in quotes, like socket = "0451"`,
		}},
		{"service without type", lan + onLAN + cafe + "[host.alpha.ipx]\nservice = [{ socket = \"0451\" }]\n", []string{
			`lab.toml:8: host.alpha.ipx.service[0].type: type is missing; write up to four hexadecimal digits in quotes, like "0004", or "file server", "print server", "print queue"`,
		}},
		{"framing", lan + onLAN + "ipx = { frame = \"802.1\" }\n", []string{
			`lab.toml:6: host.alpha.interface[0].ipx.frame: unknown framing "802.1"; did you mean "802.2"?`,
		}},
		{"network", lan + onLAN + "ipx = { network = \"coffee\" }\n", []string{
			`lab.toml:6: host.alpha.interface[0].ipx.network: "coffee" is no network number; write text of one to eight hexadecimal digits in quotes, like "0000cafe", or "auto" to learn it`,
		}},
		{"network of all", lan + onLAN + "ipx = { network = \"ffffffff\" }\n", []string{
			`lab.toml:6: host.alpha.interface[0].ipx.network: ffffffff is no network's number; use 00000001 to fffffffd, or "auto" to learn it`,
		}},
		{"framing twice", lan + onLAN + "ipx = [{ network = \"cafe\" }, { network = \"beef\" }]\n", []string{
			`lab.toml:6: host.alpha.interface[0].ipx[1]: frame = "802.2" is on this interface already (line 6); an interface has each framing once`,
			`lab.toml:6: host.alpha.interface[0].ipx[1].network: segment lan has number 0000cafe in 802.2 frames already (line 6); give the same one, or "auto"`,
		}},
		{"auto beside others", lan + onLAN + "ipx = [{ frame = \"auto\" }, { network = \"beef\" }]\n", []string{
			`lab.toml:6: host.alpha.interface[0].ipx[1]: frame = "auto" takes whatever framing it finds; leave it alone on the interface, or name each framing`,
		}},
		{"checksum on raw", lan + onLAN + "ipx = { frame = \"802.3\", checksum = true }\n", []string{
			`lab.toml:6: host.alpha.interface[0].ipx.checksum: raw 802.3 frames are known by the checksum FFFF of their packets, so these can have no other; use frame = "802.2", or remove this key`,
		}},
		{"longest packet", lan + onLAN + "ipx = { max_packet = 1498 }\n", []string{
			`lab.toml:6: host.alpha.interface[0].ipx.max_packet: 1498 is outside of 576 to 1497; every node takes 576, the default, and the link carries 1497`,
		}},
		{"ticks", lan + onLAN + "ipx = { ticks = -1 }\n", []string{
			`lab.toml:6: host.alpha.interface[0].ipx.ticks: -1 is outside of 1 to 65535; leave it out for 1, an Ethernet's`,
		}},
		{"numbers of one wire", lan + onLAN + cafe + beta + "ipx = { network = \"beef\" }\n", []string{
			`lab.toml:11: host.beta.interface[0].ipx.network: segment lan has number 0000cafe in 802.2 frames already (line 6); give the same one, or "auto"`,
		}},
		{"one number twice on a host", lan + onLAN + "ipx = [{ network = \"cafe\" }, { network = \"cafe\", frame = \"snap\" }]\n", []string{
			`lab.toml:6: host.alpha.interface[0].ipx[1].network: 0000cafe is the number of another wire or framing of this host already (line 6); each has its own`,
		}},
		{"one number twice behind routers", old + "[[host.far.interface]]\nsegment = \"dmz\"\nipx = [{ network = \"f00d\", frame = \"snap\" }, { network = \"cafe\" }]\n[host.far.ipx]\nrouter = true\n", []string{
			`lab.toml:18: host.far.interface[0].ipx[1].network: 0000cafe is another network's number already (host.alpha.interface[0].ipx[0].network, line 7); each wire and framing, and each server's inside, has a number of its own`,
		}},
		{"number of the inside", old + "internal = \"cafe\"\n", []string{
			`lab.toml:16: host.gate.ipx.internal: 0000cafe is another network's number already (host.alpha.interface[0].ipx[0].network, line 7); each wire and framing, and each server's inside, has a number of its own`,
		}},
		{"host without IPX", lan + onLAN + "[host.alpha.ipx]\n[host.alpha.spx]\n", []string{
			`lab.toml:6: host.alpha.ipx: host alpha has no IPX; add ipx = { network = "0000cafe" } to one of its interfaces, or remove this table`,
			`lab.toml:7: host.alpha.spx: host alpha has no IPX; add ipx = { network = "0000cafe" } to one of its interfaces, or remove this table`,
		}},
		{"router of one network", lan + onLAN + cafe + "[host.alpha.ipx]\nrouter = true\n", []string{
			`lab.toml:8: host.alpha.ipx.router: the host has one network, and nowhere to route to; give it another interface or framing with IPX, or remove this key`,
		}},
		{"router that knows no number", lan + onLAN + "ipx = [{}, { network = \"beef\", frame = \"snap\" }]\n[host.alpha.ipx]\nrouter = true\n", []string{
			`lab.toml:6: host.alpha.interface[0].ipx[0].network: a router tells its networks their numbers; write network = "0000cafe", or another number`,
		}},
		{"keys of a router", lan + onLAN + cafe + "[host.alpha.ipx]\nnetbios = \"none\"\nmax_hops = 4\n", []string{
			`lab.toml:8: host.alpha.ipx.netbios: is of a router; add router = true, or remove this key`,
			`lab.toml:9: host.alpha.ipx.max_hops: is of a router; add router = true, or remove this key`,
		}},
		{"hops of a router", old + "max_hops = 1000\nnetbios = \"reverse\"\nerror_rate = 5\nmax_routes = -1\n", []string{
			`lab.toml:16: host.gate.ipx.max_hops: 1000 is outside of 1 to 255; leave it out for 16`,
			`lab.toml:17: host.gate.ipx.netbios: unknown way "reverse"; known are all, none, reverse-path`,
			`lab.toml:18: host.gate.ipx.error_rate: is of errors that the host sends; add errors = true, or remove this key`,
			`lab.toml:19: host.gate.ipx.max_routes: -1 is outside of 1 to 65536; leave it out for the default`,
		}},
		{"timers", lan + onLAN + cafe + "[host.alpha.ipx]\nupdate = \"60\"\nage = \"1m\"\ngap = \"2h\"\n", []string{
			`lab.toml:8: host.alpha.ipx.update: "60" is no duration; write it like "30s", "5m" or "2h"`,
			`lab.toml:9: host.alpha.ipx.age: 1m0s is less than two updates of 1m0s, so that one lost packet would take a route away; the usual is four`,
			`lab.toml:10: host.alpha.ipx.gap: 2h0m0s is longer than 1h0m0s; leave it out for the usual one`,
		}},
		{"route", lan + onLAN + cafe + "[host.alpha.ipx]\nroute = [{ network = \"f00d\", gateway = \"beef:020000000001\", hops = 16 }, { network = \"cafe\", gateway = \"020000000001\" }]\n", []string{
			`lab.toml:8: host.alpha.ipx.route[0].hops: 16 is outside of 1 to 15; leave it out for 1`,
			`lab.toml:8: host.alpha.ipx.route[0].gateway: the host is not on network 0000beef; the gateway is a router on one of its own networks: 0000cafe`,
			`lab.toml:8: host.alpha.ipx.route[1].network: the host is on network 0000cafe itself (line 6); remove this route`,
			`lab.toml:8: host.alpha.ipx.route[1].gateway: "020000000001" is no address of a node; write network and node, like 0000cafe:020000000001`,
		}},
		{"route twice", lan + onLAN + cafe + "[[host.alpha.ipx.route]]\nnetwork = \"f00d\"\ngateway = \"cafe:1\"\n[[host.alpha.ipx.route]]\nnetwork = \"f00d\"\ngateway = \"cafe:2\"\n", []string{
			`lab.toml:11: host.alpha.ipx.route[1].network: a second route to 0000f00d; leave one`,
		}},
		{"service", lan + onLAN + cafe + "[host.alpha.ipx]\nname = \"fs 1\"\nservice = [{ type = 70000, socket = \"0\" }, { type = \"file servr\", name = \"FS1\", socket = \"451\", address = \"cafe\", hops = 16 }]\n", []string{
			`lab.toml:8: host.alpha.ipx.name: "fs 1" is no server's name; use up to 47 capitals, digits, - and _, as clients ask for them`,
			`lab.toml:9: host.alpha.ipx.service[0].type: 70000 is no type of a service; write up to four hexadecimal digits in quotes, like "0004", or "file server", "print server", "print queue"`,
			`lab.toml:9: host.alpha.ipx.service[0].socket: "0" is no socket; write one to four hexadecimal digits in quotes, like "0451"`,
			`lab.toml:9: host.alpha.ipx.service[1].type: file servr is no type of a service; write up to four hexadecimal digits in quotes, like "0004", or "file server", "print server", "print queue"`,
			`lab.toml:9: host.alpha.ipx.service[1].hops: 16 is outside of 1 to 15; leave it out for 1`,
			`lab.toml:9: host.alpha.ipx.service[1].address: "cafe" is no address of a node; write network and node, like 0000cafe:020000000001`,
		}},
		{"hops of an own service", lan + onLAN + cafe + "[host.alpha.ipx]\nservice = [{ type = \"4\", socket = \"451\", hops = 2 }]\n", []string{
			`lab.toml:8: host.alpha.ipx.service[0].hops: is of a service on another machine; add its address, or remove this key`,
		}},
		{"service twice", lan + onLAN + cafe + "[host.alpha.ipx]\nservice = [{ type = \"4\", socket = \"451\" }, { type = \"file server\", socket = \"0x452\" }]\n", []string{
			`lab.toml:8: host.alpha.ipx.service[1]: a second service of type 0004 called ALPHA; give one of them another name`,
		}},
		{"SPX", lan + onLAN + cafe + "[host.alpha.spx]\nwindow = 5000\nidle = \"1ms\"\nmin_timeout = \"6s\"\n", []string{
			`lab.toml:8: host.alpha.spx.window: 5000 is outside of 1 to 4096; leave it out for the default`,
			`lab.toml:9: host.alpha.spx.idle: 1ms is outside of 10ms to 1h0m0s; leave it out for the default`,
			`lab.toml:10: host.alpha.spx.min_timeout: 6s is more than max_timeout, 5s; lower it, or raise that`,
		}},
		{"SPX's bounds", lan + onLAN + cafe + "[host.alpha.spx]\nmax_timeout = \"50ms\"\n", []string{
			`lab.toml:8: host.alpha.spx.max_timeout: 50ms is less than min_timeout, 100ms; raise it, or lower that`,
		}},
		{"tunnel to nowhere", lan + onLAN + "[ipxtunnel.dos]\nsegment = \"lan\"\n", []string{
			`lab.toml:6: ipxtunnel.dos: nothing says where the tunnel leads; add listen = "198.51.100.1:213", which emulators join, or connect = "203.0.113.2:213", a server to join`,
		}},
		{"tunnel both ways", lan + onLAN + "[ipxtunnel.dos]\nsegment = \"lan\"\nlisten = \"198.51.100.1\"\nconnect = \"203.0.113.2\"\n", []string{
			`lab.toml:9: ipxtunnel.dos.connect: a tunnel either listens or connects; remove one of the two keys`,
		}},
		{"keys of a tunnel's server", lan + onLAN + "[ipxtunnel.dos]\nsegment = \"lan\"\nconnect = \"203.0.113.2:x\"\nallow = [\"all\"]\nframe = \"auto\"\n", []string{
			`lab.toml:8: ipxtunnel.dos.connect: "203.0.113.2:x" is no address, like 203.0.113.2 or [2001:db8::2]:213`,
			`lab.toml:9: ipxtunnel.dos.allow: is of a server; write listen in place of connect, or remove this key`,
			`lab.toml:10: ipxtunnel.dos.frame: unknown framing "auto"; known are 802.2, 802.3, ethernet-ii, snap`,
		}},
		{"tunnel's clients", lan + onLAN + "[ipxtunnel.dos]\nsegment = \"lan\"\nlisten = \"198.51.100.1\"\nmax_clients = -1\ntimeout = \"never\"\nkeep_alive = \"1ms\"\nstations = 4\n", []string{
			`lab.toml:9: ipxtunnel.dos.max_clients: -1 is outside of 1 to 4096; leave it out for the default`,
			`lab.toml:10: ipxtunnel.dos.timeout: "never" is no duration; write it like "30s", "5m" or "2h"`,
			`lab.toml:11: ipxtunnel.dos.keep_alive: 1ms is outside of 1s to 24h0m0s; leave it out for the default`,
			`lab.toml:12: ipxtunnel.dos.stations: is of a client; write connect in place of listen, or remove this key`,
		}},
		{"shared with the kernel", "netns = \"host\"\n[xdp.wan]\ninterface = \"eth1\"\nshared = true\n[[host.alpha.interface]]\nxdp = \"wan\"\naddress = [\"198.51.100.2/24\"]\n" + cafe, []string{
			`lab.toml:8: host.alpha.interface[0].ipx: of eth1 the host gets what is for its IP addresses, and the kernel the rest; remove this key, or shared`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load("lab.toml", []byte(tt.text), registry)
			if err == nil {
				t.Fatalf("no error, want %s", tt.want)
			}
			if diff := cmp.Diff(tt.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("-want +got\n%s\n%s", diff, tt.text)
			}
		})
	}
}
