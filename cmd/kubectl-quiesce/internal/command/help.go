package command

import (
	"fmt"

	"github.com/spf13/cobra"
)

// usage is cobra's with the flags of all commands elsewhere, as kubectl has it: they are many, and would hide a command's own.
const usage = `Usage:
  {{if .HasAvailableSubCommands}}{{.CommandPath}} COMMAND{{else}}{{.UseLine}}{{end}}{{if .Aliases}}

Aliases:
  {{.NameAndAliases}}{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if and .HasParent .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}

{{if .HasAvailableSubCommands}}Use "{{.CommandPath}} COMMAND --help" for more about a command.
{{end}}Use "{{.Root.CommandPath}} options" for the flags of all commands, such as --namespace and --context.
`

// AddHelp adds, behind a root's other commands, those that tell about them: help, and the flags that all of them take.
func AddHelp(root *cobra.Command) {
	options := &cobra.Command{
		Use:               "options",
		Short:             "List the flags that all commands take",
		Args:              None(""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(c.OutOrStdout(), "All commands take these flags:\n\n%s", root.PersistentFlags().FlagUsages())
			return err
		},
	}
	help := &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show the help of a command",
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) (offered []cobra.Completion, _ cobra.ShellCompDirective) {
			if of, _, err := root.Find(args); err == nil {
				for _, each := range of.Commands() {
					if each.IsAvailableCommand() {
						offered = append(offered, cobra.CompletionWithDesc(each.Name(), each.Short))
					}
				}
			}
			return offered, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			of, rest, err := root.Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 && of.HasAvailableSubCommands() {
				return of.ValidateArgs(rest)
			}
			of.InitDefaultHelpFlag()
			return of.Help()
		},
	}
	root.SetHelpCommand(help)
	root.AddCommand(options)
}
