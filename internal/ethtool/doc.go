// Package ethtool asks and sets what the kernel's SIOCETHTOOL knows of a network interface (linux/ethtool.h), by name, in
// the network namespace of the caller's thread.
package ethtool
