// Package rip is the routing protocol of IPX: the codec of its packets and a router that keeps the table.
package rip
