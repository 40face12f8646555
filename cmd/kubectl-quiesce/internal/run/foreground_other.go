//go:build !unix

package run

// inForeground is true on Windows, whose consoles send Ctrl-C to all programs that are attached to them.
func inForeground() bool { return true }
