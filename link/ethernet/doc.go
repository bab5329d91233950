// Package ethernet reads and writes Ethernet addresses, EtherTypes, 802.1Q tags and the four frame types that share a
// wire: Ethernet II, raw 802.3 (Novell's), 802.2 LLC and SNAP.
//
// Sources: IEEE 802.3 §3, IEEE 802.1Q §9, IEEE 802.2 §3, RFC 894, RFC 1042. Frames are held without preamble and
// without FCS, as devices of this project deliver them.
//
// # Telling the frame types apart
//
// After the addresses and at most two tags come two octets. From 0x0600 on they are a type: Ethernet II. Up to 1500
// they are the length of what follows, which must have arrived; what exceeds it is pad and cut. The octets it covers
// decide: FF FF is IPX's unused checksum, so raw 802.3; AA AA 03 is SNAP; everything else is LLC. Values between are
// errors.
//
// Ethernet II has no length: its payload holds whatever pad the sender appended, zero or not, and only IP's or ARP's
// own length tells where it starts.
//
//	 6    6    0, 4, 8      2
//	dst  src  802.1Q tags  type    payload …                          Ethernet II
//	                       length  FF FF …                            raw 802.3
//	                       length  DSAP SSAP control(1 or 2) …        802.2
//	                       length  AA   AA   03  OUI(3) type(2) …     SNAP
//
// Deviates: a length above 1500 and below 0x0600 is refused, and so are more than two tags.
package ethernet
