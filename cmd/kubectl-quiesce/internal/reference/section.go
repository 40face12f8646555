package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
)

// section is what the page has of one command.
func section(c *cobra.Command, shown string) string {
	var text strings.Builder
	level := "##"
	if c.Parent() != c.Root() {
		level = "###"
	}
	fmt.Fprintf(&text, "%s %s\n\n%s\n", level, name(c), markdown(strings.TrimSpace(cmp.Or(c.Long, c.Short))))
	if c.HasExample() {
		fmt.Fprintf(&text, "\n```sh\n%s\n```\n", outdented(c.Example))
	}
	if isGroup(c) {
		return text.String() + "\n"
	}
	fmt.Fprintf(&text, "\n%s\n", strings.TrimSpace(shown))
	if isCompletion(c) {
		return text.String() + "\n"
	}
	fmt.Fprintf(&text, "\n```\n%s\n```\n", c.UseLine())
	if flags := c.NonInheritedFlags(); flags.HasAvailableFlags() {
		fmt.Fprintf(&text, "\n%s", flagTable(flags, formatFlags()))
	}
	return text.String() + "\n"
}

// formatFlags are those that come with -o of kubectl's formats, which have a section of their own.
func formatFlags() *pflag.FlagSet {
	c := &cobra.Command{}
	genericclioptions.NewPrintFlags("").AddFlags(c)
	others := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.Flags().VisitAll(func(flag *pflag.Flag) {
		if flag.Name != "output" {
			others.AddFlag(flag)
		}
	})
	return others
}

// flagTable has a row for each flag that is not in another table.
func flagTable(flags, elsewhere *pflag.FlagSet) string {
	var text strings.Builder
	text.WriteString("| flag | | default |\n|---|---|---|\n")
	flags.VisitAll(func(flag *pflag.Flag) {
		if flag.Hidden || flag.Deprecated != "" || flag.Name == "help" || elsewhere.Lookup(flag.Name) != nil {
			return
		}
		value, usage := pflag.UnquoteUsage(flag)
		names := "--" + flag.Name
		if flag.Shorthand != "" {
			names = "-" + flag.Shorthand + ", " + names
		}
		if value != "" {
			names += " " + value
		}
		fmt.Fprintf(&text, "| `%s` | %s | %s |\n", strings.ReplaceAll(names, "|", `\|`), cell(usage), byDefault(flag))
	})
	return text.String()
}

// byDefault leaves out what says nothing.
func byDefault(flag *pflag.Flag) string {
	switch flag.DefValue {
	case "", "[]", "false", "0", "0s":
		return ""
	}
	value := flag.DefValue
	if home, err := os.UserHomeDir(); err == nil {
		value = strings.Replace(value, home, "$HOME", 1)
	}
	return "`" + value + "`"
}
