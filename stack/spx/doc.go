// Package spx is Sequenced Packet Exchange, SPX and SPX II: connections of IPX nodes.
package spx
