// Package segment is a virtual Ethernet in memory: a hub or a learning switch with any number of ports.
package segment
