//go:build linux

package bench

import "time"

// idleScenarios measure what connections cost that do nothing.
var idleScenarios = []scenario{
	{
		name: "idle", title: "idle TCP connections, memory of each", unit: kibibytes, client: idleMemory, service: "hold", longer: 2 * time.Minute,
		paths: []string{"tap", "gvisor", "pipe"}, aims: []aim{{path: "tap", atMost: 8}, {path: "pipe", atMost: 8}},
		doc: "10,000 connections, on pipe 100,000, of which both ends are ours; live heap and stacks of the far end after a " +
			"collection, for each end of each; a stream alone and beside them",
	},
}
