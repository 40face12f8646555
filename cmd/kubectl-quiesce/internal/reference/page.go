package main

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"text/template"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// pages has the page itself, and for each command what is to be seen of it: words, and consoles that test/e2e plays on a real cluster.
//
//go:embed page.md pages
var pages embed.FS

// page is the whole of it.
func page(root *cobra.Command) (string, error) {
	all := documented(root)
	functions := template.FuncMap{
		"contents": func() string { return contents(all) },
		"commands": func() (string, error) { return sections(all) },
		"formats":  func() string { return flagTable(formatFlags(), &pflag.FlagSet{}) },
		"kubectl":  func() string { return flagTable(root.PersistentFlags(), &pflag.FlagSet{}) },
	}
	parsed, err := template.New("page.md").Funcs(functions).ParseFS(pages, "page.md")
	if err != nil {
		return "", err
	}
	var text strings.Builder
	if err := parsed.Execute(&text, nil); err != nil {
		return "", err
	}
	return text.String(), nil
}

// documented are the commands that have a section, in the order of the help. Shells have none of their own: completion has one. The flags of
// all commands have a section anyway.
func documented(root *cobra.Command) []*cobra.Command {
	var all []*cobra.Command
	for _, c := range root.Commands() {
		if !c.IsAvailableCommand() || c.Name() == "help" || c.Name() == "options" {
			continue
		}
		all = append(all, c)
		if !isCompletion(c) {
			all = append(all, documented(c)...)
		}
	}
	return all
}

func isCompletion(c *cobra.Command) bool { return c.Name() == "completion" }

// isGroup tells that a command is there for those below it.
func isGroup(c *cobra.Command) bool { return c.HasAvailableSubCommands() && !isCompletion(c) }

// name is how the page calls a command.
func name(c *cobra.Command) string {
	return strings.TrimPrefix(c.CommandPath(), c.Root().CommandPath()+" ")
}

// contents is a table with a row for each command.
func contents(all []*cobra.Command) string {
	var text strings.Builder
	text.WriteString("| | |\n|---|---|\n")
	for _, c := range all {
		if !isGroup(c) {
			fmt.Fprintf(&text, "| [%s](#%s) | %s |\n", name(c), anchor(c), cell(c.Short))
		}
	}
	return text.String()
}

// anchor is how GitHub makes it of a heading.
func anchor(c *cobra.Command) string { return strings.ReplaceAll(name(c), " ", "-") }

func sections(all []*cobra.Command) (string, error) {
	var text strings.Builder
	for _, c := range all {
		shown, err := shownOf(c)
		if err != nil {
			return "", err
		}
		text.WriteString(section(c, shown))
	}
	return strings.TrimSpace(text.String()), nil
}

// shownOf is what is to be seen of a command.
func shownOf(c *cobra.Command) (string, error) {
	if isGroup(c) {
		return "", nil
	}
	text, err := fs.ReadFile(pages, pageOf(c))
	if err != nil {
		return "", fmt.Errorf("expected the real output of %s: %w", c.CommandPath(), err)
	}
	return string(text), nil
}

func pageOf(c *cobra.Command) string { return "pages/" + anchor(c) + ".md" }
