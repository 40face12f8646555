package main

import (
	"regexp"
	"strings"
)

var (
	// item begins an entry of a list.
	item = regexp.MustCompile(`^ {0,3}(\d+\.|[-*]) `)
	// special is what would be read as Markdown's or HTML's own where help means the sign itself.
	special = strings.NewReplacer("<", "&lt;", "*", `\*`, "_", `\_`)
)

// markdown is the help's text: paragraphs, lists, and indented blocks, which keep their columns.
func markdown(help string) string {
	var (
		text         strings.Builder
		block        []string
		inList, open bool
	)
	flush := func() {
		if !open {
			return
		}
		text.WriteString("```text\n" + outdented(strings.Join(block, "\n")) + "\n```\n")
		if block[len(block)-1] == "" {
			text.WriteString("\n")
		}
		block, open = nil, false
	}
	for line := range strings.SplitSeq(help, "\n") {
		indented := strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "\t")
		switch {
		case line == "" && open:
			block = append(block, line)
			continue
		case item.MatchString(line):
			flush()
			inList = true
			mark := item.FindString(line)
			text.WriteString(mark + special.Replace(line[len(mark):]) + "\n")
			continue
		case indented && !inList:
			block, open = append(block, line), true
			continue
		case !indented:
			inList = false
		}
		flush()
		text.WriteString(special.Replace(line) + "\n")
	}
	flush()
	return strings.TrimSpace(text.String())
}

// outdented takes away the indentation that all lines have in common, and empty lines at both ends.
func outdented(block string) string {
	lines := strings.Split(strings.Trim(block, "\n"), "\n")
	common := len(block)
	for _, line := range lines {
		if strings.TrimSpace(line) != "" {
			common = min(common, len(line)-len(strings.TrimLeft(line, " \t")))
		}
	}
	for i, line := range lines {
		lines[i] = strings.TrimRight(line[min(common, len(line)):], " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// cell is text within a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(special.Replace(text))
}
