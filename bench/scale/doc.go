// Scale measures what a host costs in memory and time: many hosts with an echo server each, on one switch in one
// process, each added on its own and the whole checked by sampled pairs that echo over TCP and UDP. With -measure
// wire it measures what a switch carries between two hosts, beside a cable without a switch, in the same run.
//
//	go run ./bench/scale -hosts 1000
//	go run ./bench/scale -measure wire -rounds 5
//
// # How to read it
//
// Time to add a host is that of the calls: making it, its interface with a static address, and its echo server. What
// the other hosts do about its announcements meanwhile runs on other goroutines, so the processor's time for each host
// is told beside it: that of the calls alone, and that of the whole process until the wire is quiet. The verdict goes by
// the median time and by the processor's time of the calls, because a machine that others use, too, stretches the mean.
//
// Memory is that of the whole process as the kernel counts it, once without any collection forced and once after one
// that gave back what it freed. The verdict is about quiet hosts. The traffic of the check comes after that, and memory
// is read again then: connections in TIME-WAIT, neighbours and stacks that have grown take as much again until they
// are collected; with GOMEMLIMIT=120MiB the process stays below 150 MB then, too. The engine has a goroutine for each of
// GOMAXPROCS processors in each host, about 3 KB each.
//
// What a wire carries is told beside the cores that were busy, since a machine that others use gives what it has to
// spare: compare the processor's time for each frame. Every figure comes with its proof, the mean size of a frame and
// the super-frames that the far end counted. The switch has ports that nobody uses in the paths switch_100 and
// switch_1000; a frame between two known stations must not cost more for them.
//
// Everything stays in memory: no device of the machine is touched and no privilege is needed.
package main
