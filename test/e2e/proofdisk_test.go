//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/test/walkthrough"
)

const proofDiskName = "e2e-proof"

// A freeze brings to the disk what was acknowledged and is in memory still, and has all that comes after wait.
func TestProofFsfreeze(t *testing.T) {
	prove(t, subject{
		manifest: "fsfreeze.yaml", template: "fsfreeze", params: map[string]string{"mountPath": "/data"}, blocks: true, ownDisk: true,
		alive: []string{"true"},
		open: func(ctx context.Context, p *proof) func(int) error {
			client := p.converse(ctx, p.server, "writer", "sh", "-c", "while read number; do echo $number >>/data/log && echo written; done")
			return func(number int) error { return client.say("written", "%d", number) }
		},
	})
}

// makeVolume makes the folder or the disk of the volume. The disk outlives the pods as well.
func (p *proof) makeVolume() {
	p.t.Helper()
	if !p.ownDisk {
		require.NoError(p.t, os.Mkdir(p.volume, 0o700))
		require.NoError(p.t, os.Chown(p.volume, 999, 999))
		return
	}
	disk, err := walkthrough.NewDisk(proofDiskName)
	require.NoError(p.t, err)
	p.t.Cleanup(func() { assert.NoError(p.t, disk.Remove(context.Background())) })
	require.NoError(p.t, disk.Create(p.t.Context()))
	p.disk, p.volume = &disk, disk.Path()
}

// examineImage mounts a filesystem's image, which recovers by its journal as after a crash, and reads the numbers of the writes. One
// that was frozen has nothing to recover.
func (p *proof) examineImage(image string, hooked bool) (found []int, err error) {
	run := func(command ...string) error {
		output, err := exec.CommandContext(p.t.Context(), command[0], command[1:]...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%v: %w: %s", command, err, output)
		}
		return nil
	}
	if hooked {
		if err := run("/sbin/fsck.ext4", "-f", "-n", image); err != nil {
			return nil, err
		}
	}
	mounted := image + "-mounted"
	if err := os.Mkdir(mounted, 0o700); err != nil {
		return nil, err
	}
	if err := run("mount", "-o", "loop", image, mounted); err != nil {
		return nil, err
	}
	defer func() { assert.NoError(p.t, run("umount", mounted)) }()
	log, err := os.ReadFile(filepath.Join(mounted, "log"))
	if err != nil {
		return nil, err
	}
	return numbers(string(log))
}
