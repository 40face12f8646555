package command

import (
	"github.com/spf13/cobra"
)

// None is for a command that takes no arguments. What is behind that, such as ": write -f FILE",
// says what may have been meant; it may be empty.
func None(hint string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return UsageErrorf(c, "%s takes no arguments, and there is %q%s", c.CommandPath(), args[0], hint)
	}
}

// One is for a command that takes one argument, which is what it says, such as "the NAME of a script".
func One(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return UsageErrorf(c, "write %s: there are %d arguments, and it takes one", what, len(args))
		}
		return nil
	}
}

// AtLeastOne is for a command that takes one argument or more.
func AtLeastOne(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return UsageErrorf(c, "write %s", what)
		}
		return nil
	}
}

// Group makes a command one that is there for those below it: it prints its help, and says of one that there is not which may be meant.
func Group(c *cobra.Command, below ...*cobra.Command) *cobra.Command {
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		known := []string{}
		for _, each := range c.Commands() {
			if each.IsAvailableCommand() {
				known = append(known, append(each.Aliases, each.Name())...)
			}
		}
		return UsageErrorf(c, "%s: %w", c.CommandPath(), Unknown("command", args[0], known))
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	c.AddCommand(below...)
	return c
}
