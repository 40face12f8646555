package command

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// FlagError says of a flag's value what to write instead, where that is known by the flag's type.
func FlagError(c *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return usageError(c, err)
	}
	instead := map[string]string{
		"bool":     "write true or false, or the flag alone",
		"duration": "write a duration such as 90s, 10m or 2h",
		"int":      "write a whole number",
		"int32":    "write a whole number",
		"int64":    "write a whole number",
	}[invalid.GetFlag().Value.Type()]
	if instead == "" {
		instead = invalid.Unwrap().Error()
	}
	return usageError(c, fmt.Errorf("--%s %q: %s", invalid.GetFlag().Name, invalid.GetValue(), instead))
}

// NoHeadersFlag adds --no-headers, of commands that print tables.
func NoHeadersFlag(flags *pflag.FlagSet, value *bool) {
	flags.BoolVar(value, "no-headers", false, "Leave out the line of column names.")
}

// AllNamespacesFlag adds --all-namespaces. What is a plural, such as "Sessions".
func AllNamespacesFlag(flags *pflag.FlagSet, value *bool, what string) {
	flags.BoolVarP(value, "all-namespaces", "A", false, what+" of all namespaces, whatever --namespace says.")
}

// SelectorFlag adds --selector. What is a plural, such as "Pods".
func SelectorFlag(flags *pflag.FlagSet, value *string, what, example string) {
	flags.StringVarP(value, "selector", "l", "", what+" with these labels alone, such as "+example+".")
}
