// Package qotd says a quote of the day: RFC 865, on TCP and UDP. The request's content is ignored; the quotes come in
// turn.
//
// A quote is at most 512 octets, lines end with CR LF.
package qotd
