package explain

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestWhatOthersHaveWrittenCannotSetTheTerminal(t *testing.T) {
	const evil = "a\x1b[2Jb\r\nc\u009b31m"
	report := Report{Kind: kindPod, Namespace: "shop", Name: "db-0", Participation: Participation{Yes, evil}, NotKnown: []string{evil}, Groups: []Group{{
		Pods: []string{"db-0"}, OptedOut: evil,
		Policies: []Policy{{Ref: Ref{"HookPolicy", "x"}, Verdict: Refused, Reason: evil, Lines: []Line{{Field: "f", Message: evil}}}},
		Stamp: Stamp{State: Pending, Carried: []Side{{Command: evil, Timeout: evil, OnError: evil, Container: evil}}, UserOwned: []string{evil},
			Obstacles: []Obstacle{{Message: evil}}},
		Backup:  []Step{{Action: "exec", Container: evil}},
		Restore: Restore{InitContainers: []InitContainer{{Image: evil, Command: []string{evil}}}, Obstacles: []Obstacle{{Message: evil}}},
	}}}
	var plain, coloured bytes.Buffer
	require.NoError(t, write(&plain, false, report))
	assert.NotContains(t, plain.String(), "\x1b")
	assert.NotContains(t, plain.String(), "\r")
	assert.NotContains(t, plain.String(), "\u009b")
	assert.NotContains(t, plain.String(), "\nc", "nor begin a line")
	assert.Contains(t, plain.String(), `a\x1b[2Jb`)

	require.NoError(t, write(&coloured, terminal.Painter(true), report))
	assert.NotContains(t, coloured.String(), "\x1b[2J")
	assert.Contains(t, coloured.String(), "\x1b[1mPOLICIES\x1b[0m")
}

func TestATemplateHasTheVolumesOfItsClaims(t *testing.T) {
	set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: "shop", UID: "w"}}
	set.Spec.VolumeClaimTemplates = []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "data"}}}
	s := read(t, "small.in.yaml")
	s.pods, s.explained, s.kind, s.name = nil, nil, "StatefulSet", "db"
	s.objects.Cluster[0].Spec.Selector = v1alpha1.PolicySelector{}
	s.objects.Cluster[0].Spec.Hooks = []v1alpha1.Hook{{Name: "fix", Stages: []v1alpha1.Stage{v1alpha1.PostRestore}, OnError: v1alpha1.Fail,
		Init: &v1alpha1.InitAction{Containers: []v1alpha1.InitContainer{
			{Name: "fix", Image: "busybox", VolumeMounts: []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}},
		}}}}
	s.compile()
	template := &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "db", Image: "postgres:17"}}}}
	s.template = templated(set, template)
	restore := s.report().Groups[0].Restore
	assert.Len(t, restore.InitContainers, 1)
	assert.Empty(t, restore.Obstacles)
	assert.Empty(t, template.Spec.Volumes, "the template is as it was")
}
