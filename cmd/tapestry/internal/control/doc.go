// Package control is the socket through which tools reach a running lab, and the folder that it stands in.
//
// # The folder
//
// Each user has one folder, $XDG_RUNTIME_DIR/tapestry or else /tmp/tapestry-UID, mode 0700, and each running lab one in it:
//
//	lock      held by an open file description lock (fcntl(2)) while the lab runs; contains the number of its process
//	control   the socket, mode 0600
//	ca.pem    the authority of the certificates that the lab made
//
// The kernel drops a lock with the process that held it, so what a lab left that died is taken over by the next one of
// that name. Tools look in both folders, in the first one first (labs --help). A folder that is a link, belongs to
// someone else or is open to others is refused.
//
// # The protocol
//
// A connection carries one request: a line of JSON, {"op":"ping","host":"alpha","args":{…}}. The answer is lines of JSON,
// {"data":…} each, and a last one, {"done":true} or {"error":"…"}. The client ends a request that has no end by closing.
// The lab asks the kernel who the peer is (SO_PEERCRED) and serves its own user alone.
//
// Limits: [MaxRequest] octets a request, which must be there within [requestTime]; [maxSessions] connections at once, of
// which more are refused; a client that does not read for [writeTime] is dropped.
package control
