//go:build e2e

package e2e

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/test/walkthrough"
)

// A run that is killed may leave its filesystem frozen, and the next one has to get by.
func TestADiskThatWasLeftFrozenIsFoundAndRemoved(t *testing.T) {
	tests := map[string][]string{
		"frozen":                {"fsfreeze", "--freeze"},
		"frozen and unmounted":  {"sh", "-c", `fsfreeze --freeze "$0" && umount "$0"`},
		"frozen and forgotten":  {"sh", "-c", `fsfreeze --freeze "$0" && umount "$0" && rm "$0.img"`},
		"mounted and forgotten": {"sh", "-c", `rm "$0.img"`},
		"not frozen":            {"true"},
	}
	for name, leave := range tests {
		t.Run(name, func(t *testing.T) {
			disk, err := walkthrough.NewDisk("e2e-left-frozen")
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, disk.Remove(context.Background())) })
			require.NoError(t, disk.Create(t.Context()))
			output, err := exec.CommandContext(t.Context(), leave[0], append(leave[1:], disk.Path())...).CombinedOutput()
			require.NoError(t, err, "%s", output)

			require.NoError(t, disk.Create(t.Context()))
			require.NoError(t, os.WriteFile(disk.Path()+"/file", nil, 0o600), "a new one takes its place, and can be written")

			require.NoError(t, disk.Remove(t.Context()))
			assert.NoDirExists(t, disk.Path())
		})
	}
}
