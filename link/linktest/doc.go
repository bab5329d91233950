// Package linktest is the contract of [link.Device] as a test that every device runs:
//
//	linktest.TestDevice(t, func(t testing.TB) (dev, peer link.Device) { … })
//
// peer is another device at the far end of the same wire, whatever the wire is: the other end of a cable in memory, a
// packet socket on the kernel's side of a TAP. Strangers may talk on the wire too (a kernel announces itself): the tests look
// at frames from their own two addresses only. Both ends take frames in any order of calls; neither is read by anyone
// else. The test closes both.
package linktest
