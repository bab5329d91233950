//go:build race

package spx

const isRace = true
