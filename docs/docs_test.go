// Package docs has nothing but tests of what is written here.
package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, page := range pages(t) {
		for _, found := range link.FindAllStringSubmatch(prose(t, page), -1) {
			target := found[1]
			if strings.Contains(target, "://") {
				continue
			}
			path, anchor, _ := strings.Cut(target, "#")
			file := page
			if path != "" {
				file = filepath.Join(filepath.Dir(page), path)
			}
			if _, err := os.Stat(file); !assert.NoError(t, err, "%s: %s", page, target) || anchor == "" {
				continue
			}
			assert.Contains(t, anchors(t, file), anchor, "%s: %s", page, target)
		}
	}
}

func TestTheReadmeLeadsToEveryPage(t *testing.T) {
	readme := prose(t, "../README.md")
	all, err := filepath.Glob("*.md")
	require.NoError(t, err)
	for _, page := range all {
		assert.Contains(t, readme, "(docs/"+page, "no link to it")
	}
}

func TestWhatAFeatureIsShownByIsATest(t *testing.T) {
	text, err := os.ReadFile("features.md")
	require.NoError(t, err)
	tests := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	require.NoError(t, filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, found := range function.FindAllStringSubmatch(string(source), -1) {
			tests[found[1]] = true
		}
		return err
	}))
	for _, name := range regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(string(text), -1) {
		assert.True(t, tests[name], "there is no %s", name)
	}
}

// pages are all that people read.
func pages(t *testing.T) []string {
	t.Helper()
	all := []string{"../README.md", "../charts/quiesce/README.md", "../test/cluster/README.md"}
	for _, pattern := range []string{"*.md", "*/*.md"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		all = append(all, found...)
	}
	return all
}

// prose is a page without its blocks and its code.
func prose(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	return regexp.MustCompile("(?ms)^```.*?\n```$|`[^`\n]+`").ReplaceAllString(string(text), "")
}

// anchors are those of a page's headings, as GitHub makes them.
func anchors(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	text = regexp.MustCompile("(?ms)^```.*?\n```$").ReplaceAll(text, nil)
	var all []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(text), -1) {
		anchor := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		all = append(all, strings.ReplaceAll(anchor, " ", "-"))
	}
	return all
}
