// Package netns has a program measure in a network namespace of its own: it starts itself once more in a role, inside,
// where no device and no address of the machine is within reach.
//
// [Run] hands the role the name of the namespace outside as its first argument; the role passes it to [HasLeft] before
// it makes anything. Without privileges a user namespace is made around it, in which the caller is root.
package netns
