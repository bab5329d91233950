// Package spool is what stands before a socket that may make its writer wait: a bounded queue, and one goroutine that
// takes from it. Who writes frames must not wait.
package spool
