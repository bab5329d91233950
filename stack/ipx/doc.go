// Package ipx is one node of IPX: ports, sockets, services and router.
package ipx
