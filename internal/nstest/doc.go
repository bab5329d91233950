// Package nstest gives the tests of a package a network namespace of their own.
//
//	func TestMain(m *testing.M) { nstest.Main(m) }
//
//	func TestPing(t *testing.T) {
//		nstest.Require(t)
//		ping := nstest.Tool(t, "ping")
//		…
//	}
//
// # Theory of operation
//
// A Go process cannot enter a namespace as a whole, because it has many threads; it can start another one in it. So
// [Main] starts its own test binary once more, with the same arguments, in a new network namespace, and passes its
// exit status on. A process that may not make one (not root) gets it inside a new user namespace, in which it is root.
// The child knows itself by an environment variable that holds the parent's namespace, which must differ from its own.
// Fuzzing workers are children of the child and stay inside.
//
// The namespace holds nothing but a loopback interface that is up: no route leads out of it, and it ends with its
// processes. Where it cannot be had, the tests run in place and those that call [Require] are skipped with the reason,
// or fail if the environment says TAPESTRY_REQUIRE=1.
package nstest
