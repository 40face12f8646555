package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// choice is a flag's value that is one of a few.
type choice struct {
	value  *string
	values []string
}

// Choice adds a flag that takes one of some values: another one is refused when the command line is read, and Tab offers them. Its usage
// is told the values, and ends with a full stop.
func Choice(c *cobra.Command, value *string, name, shorthand, usage string, values ...string) {
	c.Flags().VarP(&choice{value, values}, name, shorthand, strings.TrimSuffix(usage, ".")+": "+alternatives(values)+".")
	CompleteFlag(c, name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// String implements pflag.Value.
func (c *choice) String() string { return *c.value }

// Set implements pflag.Value. Case does not matter.
func (c *choice) Set(text string) error {
	at := slices.IndexFunc(c.values, func(value string) bool { return strings.EqualFold(value, text) })
	if at < 0 {
		return fmt.Errorf("write %s", alternatives(c.values))
	}
	*c.value = c.values[at]
	return nil
}

// Type implements pflag.Value. It is what help has for the value.
func (c *choice) Type() string { return "string" }

// CompleteFlag has Tab offer values of a flag that the command has.
func CompleteFlag(c *cobra.Command, flag string, completion cobra.CompletionFunc) {
	// It fails where there is no such flag, or where it is completed already: both are mistakes of ours.
	if err := c.RegisterFlagCompletionFunc(flag, completion); err != nil {
		panic(err)
	}
}

// alternatives are values as a sentence has them.
func alternatives(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	last := len(values) - 1
	return strings.Join(values[:last], ", ") + " or " + values[last]
}
