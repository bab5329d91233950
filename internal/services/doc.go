// Package services names internet protocol numbers and ports.
//
// The tables are those of RFC 1700 (protocol numbers; well-known ports up to 150), with a few numbers that were assigned
// later and that this project or its peers use. A number keeps RFC 1700's name where it has one, whatever became of it
// since: 41 is SIP there and IPv6 today.
package services
