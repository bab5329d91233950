// Package output writes the results of a run to where the flags of a program say: a file by its name, standard output
// for "-", nowhere for the empty name.
package output
