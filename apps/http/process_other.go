//go:build !linux

package http

import "os/exec"

// Process groups are handled on Linux. Elsewhere the program alone is ended, and what it started is left.

func ownGroup(*exec.Cmd) {}

func awaitExit(int) bool { return false }

func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() } // it may be gone
