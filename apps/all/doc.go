// Package all is the registry of the apps that a lab can run.
//
// To add one: one line in Apps, in the order of the names.
package all
