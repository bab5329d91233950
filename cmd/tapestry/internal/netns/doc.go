// Package netns gives a lab a network namespace of its own, with root's rights inside, for any user.
//
// # Theory of operation
//
// A Go process has many threads from its start, and a namespace belongs to a thread, so the program enters by starting
// once more: [Enter] is called early, and does not return in the process that stays outside.
//
//	root    one thread unshares CLONE_NEWNET and executes the program again: the process stays the same one.
//	others  unsharing a user namespace is for processes of one thread, so a child is cloned with
//	        CLONE_NEWUSER|CLONE_NEWNET, in which the user is root. The parent waits, passes signals on and ends
//	        with the child's status; the child gets SIGTERM if the parent dies.
//
// The new process knows itself by an environment variable that holds the namespace it came from, which must differ from
// its own, and the user's number outside. The namespace has a loopback interface that is up and no route to anywhere;
// it ends with its last process.
package netns
