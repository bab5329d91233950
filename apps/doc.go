// Package apps is the framework of the application servers (layers 5 to 7): what an app is, all that it may touch, and
// the registry that a lab chooses from.
//
// An app sees sockets through [Env] and nothing of the stack, so that it runs on a host of ours and on the machine's own
// sockets alike.
package apps
