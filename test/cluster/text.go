package main

import (
	"os"
	"strings"
)

// tail is the last n lines of a text.
func tail(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func lastLine(text string) string { return tail(text, 1) }

// tailOfFile is the last n lines of a file, indented, reading no more than its last 64 KiB.
func tailOfFile(path string, n int) string {
	file, err := os.Open(path)
	if err != nil {
		return "    (" + err.Error() + ")"
	}
	defer func() { _ = file.Close() }()
	const most = 64 << 10
	var from int64
	if info, err := file.Stat(); err == nil {
		from = max(0, info.Size()-most)
	}
	content := make([]byte, most)
	read, _ := file.ReadAt(content, from)
	if read == 0 {
		return "    (empty)"
	}
	return "    " + strings.ReplaceAll(tail(string(content[:read]), n), "\n", "\n    ")
}
