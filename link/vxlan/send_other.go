//go:build !linux

package vxlan

type batch struct{}

func newOutbox(c Config, header []byte, dr *drops) outbox { return newQueued(c, header, dr) }
