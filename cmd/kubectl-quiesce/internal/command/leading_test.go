package command

import (
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func TestFlagsAheadOfACommandAreThoseOfAllCommands(t *testing.T) {
	type seen struct{ as, impersonated, namespace, output string }
	for name, test := range map[string]struct {
		args []string
		want seen
		all  bool
		code int
	}{
		"behind the command":          {args: []string{"things", "use", "--as", "x"}, want: seen{as: "x"}},
		"ahead of it":                 {args: []string{"--as", "alice", "things", "use"}, want: seen{impersonated: "alice"}},
		"with =":                      {args: []string{"--as=alice", "things", "use"}, want: seen{impersonated: "alice"}},
		"between a group and its own": {args: []string{"things", "--as", "alice", "use"}, want: seen{impersonated: "alice"}},
		"ahead and behind":            {args: []string{"--as", "alice", "thing", "use", "--as", "x"}, want: seen{as: "x", impersonated: "alice"}},
		"a shorthand":                 {args: []string{"-n", "shop", "--as", "alice", "things", "use"}, want: seen{namespace: "shop", impersonated: "alice"}},
		"a shorthand with its value":  {args: []string{"-nshop", "things", "use"}, want: seen{namespace: "shop"}},
		"a value that is a command":   {args: []string{"--namespace", "things", "things", "use"}, want: seen{namespace: "things"}},
		"the command's own":           {args: []string{"-o", "json", "--as", "alice", "things", "use"}, want: seen{output: "json", impersonated: "alice"}},
		"without a value":             {args: []string{"--insecure-skip-tls-verify", "things", "use", "--all"}, all: true},
		"the last one wins":           {args: []string{"-n", "a", "things", "use", "-n", "b"}, want: seen{namespace: "b"}},
		"a value that is none":        {args: []string{"--insecure-skip-tls-verify=x", "things", "use"}, code: ExitUsage},
		"no value at all":             {args: []string{"--as"}, code: ExitUsage},
	} {
		t.Run(name, func(t *testing.T) {
			streams, _, _, _ := genericiooptions.NewTestIOStreams()
			root, frame := NewRoot(streams)
			var got seen
			all := false
			use := &cobra.Command{Use: "use", RunE: func(*cobra.Command, []string) error { return nil }}
			use.Flags().StringVar(&got.as, "as", "", "Name.")
			use.Flags().StringVarP(&got.output, "output", "o", "", "Format.")
			use.Flags().BoolVar(&all, "all", false, "All.")
			root.AddCommand(Group(&cobra.Command{Use: "things", Aliases: []string{"thing"}}, use))
			assert.Equal(t, test.code, Execute(root, streams, test.args))
			if test.code != 0 {
				return
			}
			got.impersonated, got.namespace = *frame.Flags.Impersonate, *frame.Flags.Namespace
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.all, all)
		})
	}
}

func TestWhatIsBehindTwoDashesIsLeftAlone(t *testing.T) {
	streams, _, _, _ := genericiooptions.NewTestIOStreams()
	root, frame := NewRoot(streams)
	var args []string
	root.AddCommand(&cobra.Command{Use: "run", Run: func(_ *cobra.Command, given []string) { args = given }})
	assert.Equal(t, ExitOK, Execute(root, streams, []string{"-n", "shop", "run", "--", "tar", "--as", "x", "-n", "y"}))
	assert.Equal(t, []string{"tar", "--as", "x", "-n", "y"}, args)
	assert.Equal(t, "shop", *frame.Flags.Namespace)
	assert.Empty(t, *frame.Flags.Impersonate)
}
