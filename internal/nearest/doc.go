// Package nearest finds the name that a mistyped one was probably meant to be.
package nearest
