// Package ring is a bounded queue of frames: what a device in memory has between those who write to it and the one who
// reads it. A writer never waits. The reader waits for the first frame and then takes all that are there.
package ring
