package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"mvdan.cc/sh/v3/syntax"
)

// commandLine is the arguments of one `kubectl quiesce` in a script.
type commandLine []string

func (l commandLine) String() string { return strings.Join(l, " ") }

// check has the commands read it as they would, and does not run it.
func (l commandLine) check(t *testing.T) {
	root := tree()
	c, rest, err := root.Find(l)
	require.NoError(t, err)
	if len(l) > 0 {
		require.NotEqual(t, root.Name(), c.Name(), "no such command")
	}
	require.NoError(t, c.ParseFlags(rest))
	if help, err := c.Flags().GetBool("help"); err == nil && help {
		return
	}
	assert.NoError(t, c.ValidateArgs(c.Flags().Args()))
	assert.NoError(t, c.ValidateRequiredFlags())
	assert.NoError(t, c.ValidateFlagGroups())
}

// commandLines finds each `kubectl quiesce` in a script, as a shell reads it.
func commandLines(t *testing.T, script string) []commandLine {
	t.Helper()
	if !strings.Contains(script, "kubectl quiesce") {
		return nil
	}
	file, err := syntax.NewParser().Parse(strings.NewReader(script), "")
	require.NoError(t, err, script)
	var all []commandLine
	syntax.Walk(file, func(node syntax.Node) bool {
		call, is := node.(*syntax.CallExpr)
		if !is || len(call.Args) < 2 || call.Args[0].Lit() != "kubectl" || call.Args[1].Lit() != "quiesce" {
			return true
		}
		line := commandLine{}
		for _, word := range call.Args[2:] {
			line = append(line, plain(word))
		}
		all = append(all, line)
		return true
	})
	return all
}

// plain is a word without its quotes. What a shell would put in stands as it is written.
func plain(word *syntax.Word) string {
	var text strings.Builder
	for _, part := range word.Parts {
		switch part := part.(type) {
		case *syntax.Lit:
			text.WriteString(part.Value)
		case *syntax.SglQuoted:
			text.WriteString(part.Value)
		case *syntax.DblQuoted:
			text.WriteString(plain(&syntax.Word{Parts: part.Parts}))
		default:
			text.WriteString("expanded")
		}
	}
	return text.String()
}

var fenced = regexp.MustCompile("(?ms)^```(sh|console)\n(.*?)\n```$")

// blocks are the scripts in a document, and the commands of its consoles.
func blocks(markdown string) []string {
	var all []string
	for _, found := range fenced.FindAllStringSubmatch(markdown, -1) {
		if found[1] == "sh" {
			all = append(all, found[2])
			continue
		}
		var commands []string
		more := false
		for line := range strings.SplitSeq(found[2], "\n") {
			command, begins := strings.CutPrefix(line, "$ ")
			if further, is := strings.CutPrefix(line, "> "); is && more {
				command, begins = further, true
			}
			if more = begins; begins {
				commands = append(commands, command)
			}
		}
		all = append(all, strings.Join(commands, "\n"))
	}
	return all
}

// documents are all pages, but for the one that is generated from some of them.
func documents(t *testing.T) []string {
	t.Helper()
	const repository = "../../../../"
	all := []string{"page.md"}
	for _, pattern := range []string{"pages/*.md", repository + "README.md", repository + "docs/*.md", repository + "docs/applications/*.md", repository + "charts/quiesce/*.md"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range found {
			if filepath.Base(file) != "cli.md" {
				all = append(all, file)
			}
		}
	}
	return all
}
