// Package script placeholder
package script
