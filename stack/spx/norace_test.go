//go:build !race

package spx

const isRace = false
