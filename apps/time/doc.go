// Package time tells the time as a number: RFC 868, on TCP and UDP, and asks a server for it.
//
// The number is the seconds since 1900-01-01 00:00 UTC in 32 bits. RFC 868 has no eras: in 2036, on February 7 at
// 06:28:16 UTC, the count begins again at 0. The server goes on counting modulo 2^32, and the client takes the
// number for the moment nearest to its own clock, so that both work until that clock is wrong by 68 years.
package time
