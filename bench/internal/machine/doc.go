// Package machine describes where a program measures, for the head of its results, and reads the kernel's files that
// tell.
//
// The head is made of benchstat's lines of configuration, "key: value". What cannot be read is "unknown": figures
// without it are still figures.
package machine
