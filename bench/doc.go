// Package bench measures whole paths: a host of ours on each of its devices, and in the same run the kernel over veth
// (the limit), stock gVisor, loops over a bare device, and programs that do the like. A result is a ratio, and each row
// proves the path that it took.
//
// # Theory of operation
//
//	Run ── starts ──► inside: a network namespace of its own, without a route
//	                    │ orders and answers, a line of JSON each
//	                    ├──► near end: blocking sockets of the kernel (package lean), one process for all paths
//	                    └──► far ends: one process a path, all open at once, idle until their turn
//
// The processes are this program in hidden roles (see [Role]). A path (path.go) says how its far end is opened; a
// scenario (scenario.go) says what the near end does and which service of the far end it talks to. Each scenario is
// measured on all paths one after the other, and that for every round, so that what disturbs the machine for a while
// disturbs every path alike. Before a measurement the same runs for a tenth of the time and does not count.
//
// # What keeps it fair
//
// The near end is the same code for every path, and so lean that its own scheduling does not show. The kernel's far end
// is as lean; hosts of ours and of stock gVisor are served as an application would, a goroutine a connection, and
// read into buffers of the same size. All share one placement on the cores.
//
// The kernel has no sockets for IPX. There the near end makes frames itself, through a socket of AF_PACKET, and the
// same with UDP for comparison (near_frames.go); or it is a host of ours in a process of its own (path_ipx.go).
//
// # Limits
//
// An end that does not answer within half a minute after its time is ended, and its path left out from then on; what
// is left out is told with the reason. Everything lies in namespaces that end with their processes: a run that is
// killed leaves nothing behind.
package bench
