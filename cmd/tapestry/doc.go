// Tapestry runs hosts in user space on a virtual wire.
//
//	tapestry run                    the default lab, until Ctrl-C
//	tapestry run lab.toml           a lab of your own
//	tapestry run -- curl http://198.51.100.2/
//	tapestry check lab.toml
//	tapestry ping 198.51.100.1      from inside a host of the running lab
//	tapestry impair lan loss=5%     the running lab's segment loses frames
//	tapestry draw lab.toml
//
// This package is flags and wiring: the lab is in internal/lab, its namespace in internal/netns, the socket between
// tools and lab in internal/control.
//
// To add a command: a file with a function that gives its cobra.Command, one line in newRoot, and what it asks of the
// lab in internal/lab/commands.go.
package main
