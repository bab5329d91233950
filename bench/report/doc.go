// Package report is what a run of the benchmarks found, and its forms: the table on a terminal, JSON, lines for
// benchstat, charts, and the comparison of two runs.
//
// # JSON
//
// A report is one object; the names of its fields are those in report.go and stay what they are: fields may be added,
// none changes its meaning while "format" is 1. Durations are whole nanoseconds. Values are one a round, in the order
// measured, in the unit of the row; medians and spreads are computed by the reader. A ratio is above one when the
// row is better than what it is compared with, whatever the unit.
//
// # Benchstat
//
// One line a row and round, BenchmarkTapestry/scenario=tcp_to/path=tap-2, with the row's value in a unit that benchstat
// knows the direction of (Unit lines say it for those that benchstat has never seen). What exists once for a row
// (processor time, allocations, percentiles) stands on the row's first line alone, so that benchstat does not take a
// copy for a second measurement.
//
// # Paths
//
// Names of paths say whose they are, up to the first underscore: veth, kernel and raw are limits, gvisor, pasta and
// slirp4netns are peers, everything else is ours. Charts colour by that.
package report
