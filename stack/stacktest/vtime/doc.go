// Vtime runs the go command with a gVisor that can live in a bubble of testing/synctest, which the rigs of
// tapestry/stack/stacktest need:
//
//	go run tapestry/stack/stacktest/vtime test ./...
//
// Why: synctest takes a goroutine as blocked only if the reason it parked with is one that something inside the bubble
// has to end. gVisor's TCP processors park by calling the runtime itself, with the reason of a plain select, which is
// none of those, so time in the bubble never passes. With the reason that a select of the bubble's own channels has,
// which is as true of them, it does.
//
// How: gVisor's packages are linked or copied from where the module at hand has them to a folder of the user's cache,
// with that constant changed in pkg/sync. Its value is looked up in the sources of the Go that is used. A copy of the
// module's go.mod, which replaces gVisor by that folder, goes to the go command by -modfile. Nothing of the module at hand
// is changed. Both folders are named by a hash of what is in them and come into being by a rename, so any number of
// vtimes may run at once, and the second finds what the first made.
//
// Limits: a module in a workspace (go.work) or one that vendors is told what to do; Go before 1.25 has no synctest.
package main
