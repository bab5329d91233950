// Package rigs has three tests of networked code that need a network which misbehaves as told, in virtual time:
//
//   - retry_test.go: a client that retries, on a wire that loses frames and a server that is away for a while
//   - partition_test.go: five nodes that elect a leader, through a partition that goes round
//   - deadline_test.go: a service behind a slow lossy link that must answer within a time
//
// Run them with
//
//	go run tapestry/stack/stacktest/vtime test ./...
//
// With a plain go test they are skipped and say so.
package rigs
