//go:build race

package stack

const raceEnabled = true // pools drop at random under the race detector, so allocations are not counted
