// Package apps is the framework of the application servers (layers 5 to 7): what an app is, all that it may touch, and
// the registry that a lab chooses from (package all).
//
// An app sees sockets through [Env] and nothing of the stack, so that it runs on a host of ours and on the machine's own
// sockets ([System]) alike.
//
// # Life of an app
//
//	ParseConfig ──► Document ──► Table ─┐
//	                                    ├─► App.New ──► Server ──► Serve ──► nil
//	Network, State, CounterSet, … ─► Env┘   sockets open      until the context ends
//
// New reports everything that can be wrong with a configuration, and opens the sockets, so that a lab either starts
// whole or not at all. [ServeStream] runs sessions and [ServeDatagrams] waits for the end of datagram handlers; both
// return when every goroutine of theirs is gone.
//
// # Configuration
//
// A file is parsed once into a [Document] with an index of the place of each key. Tables are decoded out of it in
// place, strictly, so that a [ConfigError] has the file's name and line, whether TOML, the decoder or the app found it
// ([Invalid]).
//
// # Networks
//
// What serves a [net.Listener] serves SPX, too: a key of type [Socket] in the app's table turns it on. [ServePackets]
// is the same for datagrams of IPX, and [ServeAll] runs the parts of a server that has several of these. Addresses of
// IPX are no *net.TCPAddr: what a log or a program is told of a client comes from their text.
//
// # Limits
//
// A listener has at most [Limits].Sessions sessions; one more is closed as soon as it is accepted, since a session that
// waits in the queue looks to its client like a server that hangs. A session that moves nothing for Limits.Idle is
// closed. One that panics is logged and ends alone; a datagram handler that panics loses that datagram.
//
// # Locks
//
// Counters are added to without a lock once a name is known. StateDB.mu, streamServer.mu, idleConn.mu and
// counterGroup.grow are never held together.
package apps
