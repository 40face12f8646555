package command

import (
	"github.com/spf13/cobra"
)

// DryRun is how far a command goes, in kubectl's words.
type DryRun string

// Ways to go.
const (
	DryRunNone   DryRun = "none"
	DryRunClient DryRun = "client"
	DryRunServer DryRun = "server"
)

// Dry tells whether nothing is to be changed.
func (d DryRun) Dry() bool { return d == DryRunClient || d == DryRunServer }

// Said is what is told of an operation, such as "created", as kubectl tells it.
func (d DryRun) Said(operation string) string {
	switch d {
	case DryRunClient:
		return operation + " (dry run)"
	case DryRunServer:
		return operation + " (server dry run)"
	}
	return operation
}

// DryRunFlag adds --dry-run. Alone it is client, as it once was kubectl's. Its usage says what client and server do.
func DryRunFlag(c *cobra.Command, value *DryRun, usage string) {
	const name = "dry-run"
	values := []string{string(DryRunNone), string(DryRunClient), string(DryRunServer)}
	*value = DryRunNone
	Choice(c, (*string)(value), name, "", "", values...)
	flag := c.Flags().Lookup(name)
	flag.NoOptDefVal = string(DryRunClient)
	flag.Usage = "Must be " + alternatives(values) + ". " + usage
}
