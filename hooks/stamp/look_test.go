package stamp

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestALookTellsOursFromAUsers(t *testing.T) {
	own := policy("own", 0, hook("sync", v1alpha1.PreBackup, "sync"))
	own.Namespace = shop.Name
	policies := compiled(t, pair("db", 5), own)
	pod := stampedBy(podOf("app"), policies)

	look := LookAt(shop.Name, pod.Annotations)
	assert.Empty(t, look.Foreign)
	require.Len(t, look.Sides, 2)
	before, after := look.Sides[0], look.Sides[1]
	assert.Equal(t, []match.Ref{{Name: "db"}, {Namespace: "shop", Name: "own"}}, before.Policies)
	assert.Equal(t, []v1alpha1.Stage{v1alpha1.PreBackup, v1alpha1.PreSnapshot}, before.Stages)
	assert.Equal(t, "app", before.Container)
	assert.Equal(t, pod.Annotations[v1alpha1.VeleroPrePrefix+v1alpha1.VeleroCommand], before.Command)
	assert.Equal(t, []match.Ref{{Name: "db"}}, after.Policies)
	assert.Equal(t, v1alpha1.VeleroPostPrefix, after.Prefix)

	edited := Decision{Set: map[string]string{v1alpha1.VeleroPostPrefix + v1alpha1.VeleroTimeout: "1h", "hook.backup.velero.io/command": "sync"}}.Apply(pod.Annotations)
	look = LookAt(shop.Name, edited)
	require.Len(t, look.Sides, 1, "the other side is as we wrote it no longer")
	assert.Equal(t, v1alpha1.VeleroPrePrefix, look.Sides[0].Prefix)
	assert.Equal(t, []string{
		"hook.backup.velero.io/command", "post.hook.backup.velero.io/command", "post.hook.backup.velero.io/container",
		"post.hook.backup.velero.io/on-error", "post.hook.backup.velero.io/timeout"}, look.Foreign)
	assert.Equal(t, Look{}, LookAt(shop.Name, map[string]string{"app": "x"}))
}
