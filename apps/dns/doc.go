// Package dns is a name server: RFC 1034 and RFC 1035, with the clarifications of RFC 2181, RFC 2308 (negative answers),
// RFC 4343 (case), RFC 4592 (wildcards), RFC 6672 (DNAME), RFC 6891 (EDNS), RFC 7766 (TCP), RFC 5936 (AXFR), RFC 8482
// (ANY), RFC 9520 (failures are kept) and RFC 9619 (one question).
//
// # Theory of operation
//
// What is served is one value of type data: zones (master files, and zones made of the lab's names), and a table of
// hosts. It is never changed: when the lab's names change, which is looked for every few seconds, another takes its
// place, and with it goes every answer that was made of it.
//
//	request ─► query.parse ──ignore──► nothing           a response, less than a header, a port that answers all
//	               │ ├──────reject───► FORMERR, NOTIMP, BADVERS
//	               ▼
//	         data.cached ────hit─────► copy, patch ID RD RA, case, OPT
//	               │
//	         forwarder.cache ─hit────► the same, TTLs less the age         only with forwarding, RD, and an allowed client
//	               │
//	         data.lookup ────────────► pack, keep, patch                   zones, then hosts
//	               │ in no zone
//	         forwarder.resolve ──────► ask, tidy, keep, patch              on a goroutine of its own
//
// A name is looked for in the deepest zone that it is in. If that zone does not have it, or there is no such zone, the
// hosts table is asked. A zone is searched from its apex down for delegations and DNAMEs, then for the name, then for a
// wildcard.
//
// An answer from memory is made on the goroutine that received the datagram, and does not allocate if it was given
// before. Kept are only answers about names and types that are in the data, so that made-up questions push nothing
// out. With forwarding configured, an answer may have to wait: then a goroutine of this app reads the port, and each
// question that needs another server waits in a goroutine of its own.
//
// # Limits
//
//   - 16 aliases in a chain; addresses of 16 names in the additional section; 16384 kept answers (any goes first);
//   - UDP answers have at most the size that the client offers and payload; what is larger goes out without the records
//     that can be left out, else as a header and a question with TC set;
//   - 256 questions to other servers at once: more are dropped (UDP) or wait (TCP); 16 of one TCP session;
//   - max_sessions TCP sessions, each idle no longer than idle_timeout;
//   - zones: 2^20 records, 256 MiB with what they include, 1024 included files in seven levels.
//
// # Locks
//
// server.refresh is held by who replaces the data; data.mu, ttlCache.mu and forwarder.mu each guard a map and are held
// alone.
//
// # Left out
//
// DNSSEC (signed records are served as data, nothing is signed or validated), dynamic update, NOTIFY, secondary zones,
// IXFR other than as a whole zone, TSIG, cookies, iteration from the root: names of no zone are forwarded or refused.
// A referral is given even to a client that asks for recursion.
//
// Deviates: a record given twice is dropped with a warning, where RFC 2181 §5 says nothing about files. A record of
// $GENERATE (not in RFC 1035) without a TTL has 3600 seconds.
package dns
