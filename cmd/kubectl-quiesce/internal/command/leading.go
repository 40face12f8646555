package command

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// takeLeading has the flags of all commands, where they are written ahead of a command, mean what they do for all commands, whatever that
// command calls by the same name: the policy of `templates use --as` is none of `--as alice templates use`. Other flags it leaves to the
// command. Cobra has TraverseChildren for that, which refuses a command's own flags ahead of it; kubectl takes them.
func takeLeading(root *cobra.Command, args []string) (rest []string, err error) {
	of := root
	for at := 0; at < len(args); at++ {
		arg := args[at]
		if arg == "--" {
			return append(rest, args[at:]...), nil
		}
		if !strings.HasPrefix(arg, "-") {
			below := child(of, arg)
			if below == nil {
				return append(rest, args[at:]...), nil
			}
			of, rest = below, append(rest, arg)
			if !of.HasSubCommands() {
				return append(rest, args[at+1:]...), nil
			}
			continue
		}
		flag, value, given := leadingFlag(root.PersistentFlags(), arg)
		takes := !given && (flag == nil || flag.NoOptDefVal == "") && (strings.HasPrefix(arg, "--") || len(arg) == 2) // as cobra has it
		if takes && at+1 == len(args) {
			return append(rest, arg), nil // for pflag to say that there is no value
		}
		if flag == nil || !strings.HasPrefix(arg, "--") {
			rest = append(rest, arg)
			if takes {
				at++
				rest = append(rest, args[at])
			}
			continue
		}
		switch {
		case takes:
			at++
			value = args[at]
		case !given:
			value = flag.NoOptDefVal
		}
		if err := root.PersistentFlags().Set(flag.Name, value); err != nil {
			return nil, FlagError(root, err)
		}
	}
	return rest, nil
}

// leadingFlag is the flag that an argument names, and the value behind its =, if it has one.
func leadingFlag(flags *pflag.FlagSet, arg string) (flag *pflag.Flag, value string, given bool) {
	name, value, given := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	if !strings.HasPrefix(arg, "--") && len(name) == 1 {
		return flags.ShorthandLookup(name), value, given
	}
	return flags.Lookup(name), value, given
}

func child(of *cobra.Command, name string) *cobra.Command {
	for _, each := range of.Commands() {
		if each.Name() == name || each.HasAlias(name) {
			return each
		}
	}
	return nil
}
