package services

import (
	"strconv"
	"strings"
	"testing"
)

// assignedProtocols is RFC 1700's list, as "number name".
const assignedProtocols = `0 reserved, 1 ICMP, 2 IGMP, 3 GGP, 4 IP-in-IP, 5 ST, 6 TCP, 7 UCL, 8 EGP, 9 IGP, 10 BBN-RCC-MON,
11 NVP-II, 12 PUP, 13 ARGUS, 14 EMCON, 15 XNET, 16 CHAOS, 17 UDP, 18 MUX, 19 DCN-MEAS, 20 HMP, 21 PRM, 22 XNS-IDP, 23 TRUNK-1,
24 TRUNK-2, 25 LEAF-1, 26 LEAF-2, 27 RDP, 28 IRTP, 29 ISO-TP4, 30 NETBLT, 31 MFE-NSP, 32 MERIT-INP, 33 SEP, 34 3PC, 35 IDPR,
36 XTP, 37 DDP, 38 IDPR-CMTP, 39 TP++, 40 IL, 41 SIP, 42 SDRP, 43 SIP-SR, 44 SIP-FRAG, 45 IDRP, 46 RSVP, 47 GRE, 48 MHRP, 49 BNA,
50 SIPP-ESP, 51 SIPP-AH, 52 I-NLSP, 53 SWIPE, 54 NHRP, 61 any host internal, 62 CFTP, 63 any local network, 64 SAT-EXPAK,
65 KRYPTOLAN, 66 RVD, 67 IPPC, 68 any distributed FS, 69 SAT-MON, 70 VISA, 71 IPCV, 72 CPNX, 73 CPHB, 74 WSN, 75 PVP,
76 BR-SAT-MON, 77 SUN-ND, 78 WB-MON, 79 WB-EXPAK, 80 ISO-IP, 81 VMTP, 82 SECURE-VMTP, 83 VINES, 84 TTP, 85 NSFNET-IGP, 86 DGP,
87 TCF, 88 IGRP, 89 OSPFIGP, 90 Sprite-RPC, 91 LARP, 92 MTP, 93 AX.25, 94 IPIP, 95 MICP, 96 SCC-SP, 97 ETHERIP, 98 ENCAP,
99 private encryption, 100 GMTP, 255 reserved`

// assignedPorts is RFC 1700's list up to 150, as "name port…".
const assignedPorts = `tcpmux 1, compressnet 2 3, rje 5, echo 7, discard 9, systat 11, daytime 13, qotd 17, msp 18, chargen 19,
ftp-data 20, ftp 21, telnet 23, smtp 25, nsw-fe 27, msg-icp 29, msg-auth 31, dsp 33, time 37, rap 38, rlp 39, graphics 41,
nameserver 42, nicname 43, mpm-flags 44, mpm 45, mpm-snd 46, ni-ftp 47, auditd 48, login 49, re-mail-ck 50, la-maint 51,
xns-time 52, domain 53, xns-ch 54, isi-gl 55, xns-auth 56, xns-mail 58, ni-mail 61, acas 62, covia 64, tacacs-ds 65, sql*net 66,
bootps 67, bootpc 68, tftp 69, gopher 70, netrjs-1 71, netrjs-2 72, netrjs-3 73, netrjs-4 74, deos 76, vettcp 78, finger 79,
www-http 80, hosts2-ns 81, xfer 82, mit-ml-dev 83 85, ctf 84, mfcobol 86, kerberos 88, su-mit-tg 89, dnsix 90, mit-dov 91, npp 92,
dcp 93, objcall 94, supdup 95, dixie 96, swift-rvf 97, tacnews 98, metagram 99, newacct 100, hostname 101, iso-tsap 102,
gppitnp 103, acr-nema 104, csnet-ns 105, 3com-tsmux 106, rtelnet 107, snagas 108, pop2 109, pop3 110, sunrpc 111, mcidas 112,
auth 113, audionews 114, sftp 115, ansanotify 116, uucp-path 117, sqlserv 118, nntp 119, cfdptkt 120, erpc 121, smakynet 122,
ntp 123, ansatrader 124, locus-map 125, unitary 126, locus-con 127, gss-xlicen 128, pwdgen 129, cisco-fna 130, cisco-tna 131,
cisco-sys 132, statsrv 133, ingres-net 134, loc-srv 135, profile 136, netbios-ns 137, netbios-dgm 138, netbios-ssn 139,
emfis-data 140, emfis-cntl 141, bl-idm 142, imap2 143, news 144, uaac 145, iso-tp0 146, iso-ip 147, cronus 148, aed-512 149,
sql-net 150`

// entries splits a list at its commas.
func entries(list string) []string {
	out := strings.Split(list, ",")
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return out
}

func atoi(t *testing.T, s string, bits int) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(s, 10, bits)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestProtocols(t *testing.T) {
	want := map[uint8]string{}
	for _, e := range entries(assignedProtocols) {
		number, name, _ := strings.Cut(e, " ")
		want[uint8(atoi(t, number, 8))] = name
	}
	for n := range 256 {
		if got := protocols[n]; got != want[uint8(n)] {
			t.Errorf("protocol %d is %q, want %q", n, got, want[uint8(n)])
		}
		if _, ok := laterProtocols[uint8(n)]; ok && want[uint8(n)] != "" {
			t.Errorf("protocol %d has two names", n)
		}
	}
	if Protocol(58) != "ICMPv6" || Protocol(101) != "" || Protocol(6) != "TCP" {
		t.Errorf("58 is %q, 101 %q, 6 %q", Protocol(58), Protocol(101), Protocol(6))
	}
}

func TestLookupProtocol(t *testing.T) {
	// The lines of /etc/protocols.
	want := map[string]uint8{
		"ip": 0, "icmp": 1, "igmp": 2, "ggp": 3, "tcp": 6, "pup": 12, "udp": 17, "idp": 22, "raw": 255, "UDP": 17, "ipv6-icmp": 58,
	}
	for name, n := range want {
		if got, ok := LookupProtocol(name); !ok || got != n {
			t.Errorf("%s is %d, %v; want %d", name, got, ok, n)
		}
	}
	if n, ok := LookupProtocol(""); ok {
		t.Errorf("the empty name is %d", n)
	}
}

func TestPorts(t *testing.T) {
	want := map[uint16]string{}
	for _, e := range entries(assignedPorts) {
		f := strings.Fields(e)
		for _, port := range f[1:] {
			want[uint16(atoi(t, port, 16))] = f[0]
		}
	}
	for n := range uint16(151) {
		if got := ports[n]; got != want[n] {
			t.Errorf("port %d is %q, want %q", n, got, want[n])
		}
		if _, ok := laterPorts[n]; ok && want[n] != "" {
			t.Errorf("port %d has two names", n)
		}
		if got := Port("tcp", n); want[n] != "" && got != want[n] {
			t.Errorf("tcp port %d is %q, want %q", n, got, want[n])
		}
	}
	tests := []struct {
		network string
		port    uint16
		want    string
	}{
		{"udp", 100, ""}, {"tcp", 100, "newacct"}, {"udp", 520, "rip"}, {"tcp", 2049, "nfs"}, {"tcp", 6000, "x11"},
		{"tcp", 6063, "x11"}, {"udp", 6000, ""}, {"tcp", 6064, ""}, {"tcp", 0, ""}, {"tcp", 65535, ""}, {"tcp", 22, "ssh"},
	}
	for _, tt := range tests {
		if got := Port(tt.network, tt.port); got != tt.want {
			t.Errorf("%s port %d is %q, want %q", tt.network, tt.port, got, tt.want)
		}
	}
}

func TestLookupPort(t *testing.T) {
	tests := []struct {
		network, name string
		want          uint16
		ok            bool
	}{
		{"tcp", "www-http", 80, true}, {"tcp", "HTTP", 80, true}, {"udp", "tftp", 69, true}, {"tcp", "compressnet", 2, true},
		{"udp", "newacct", 0, false}, {"tcp", "", 0, false}, {"tcp", "x11", 6000, true}, {"tcp", "none", 0, false},
	}
	for _, tt := range tests {
		if got, ok := LookupPort(tt.network, tt.name); got != tt.want || ok != tt.ok {
			t.Errorf("%s %q is %d, %v; want %d, %v", tt.network, tt.name, got, ok, tt.want, tt.ok)
		}
	}
}
