// Package steer keeps the affinity of a flow to a queue for devices that wrap others: a wrapper hides the method QueueOf
// of what it wraps, and whoever writes to it cannot ask.
package steer
