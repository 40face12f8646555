package command

import (
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestADryRunIsWrittenAsInKubectl(t *testing.T) {
	for written, want := range map[string]struct {
		run  DryRun
		dry  bool
		said string
	}{
		"":                 {DryRunNone, false, "created"},
		"--dry-run":        {DryRunClient, true, "created (dry run)"},
		"--dry-run=none":   {DryRunNone, false, "created"},
		"--dry-run=client": {DryRunClient, true, "created (dry run)"},
		"--dry-run=Server": {DryRunServer, true, "created (server dry run)"},
	} {
		var run DryRun
		c := &cobra.Command{Use: "c", Run: func(*cobra.Command, []string) {}}
		DryRunFlag(c, &run, "Change nothing.")
		if written != "" {
			require.NoError(t, c.ParseFlags([]string{written}), written)
		}
		assert.Equal(t, want.run, run, written)
		assert.Equal(t, want.dry, run.Dry(), written)
		assert.Equal(t, want.said, run.Said("created"), written)
		assert.Equal(t, "Must be none, client or server. Change nothing.", c.Flags().Lookup("dry-run").Usage)
		require.ErrorContains(t, c.ParseFlags([]string{"--dry-run=maybe"}), "write none, client or server")
	}
}
