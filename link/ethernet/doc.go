// Package ethernet reads and writes Ethernet addresses, EtherTypes, 802.1Q tags and the four frame types that share a
// wire: Ethernet II, raw 802.3 (Novell's), 802.2 LLC and SNAP.
//
// Sources: IEEE 802.3 §3, IEEE 802.1Q §9, IEEE 802.2 §3, RFC 894, RFC 1042. Frames are held without preamble and
// without FCS, as devices of this project deliver them.
package ethernet
