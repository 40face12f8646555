package restore

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/match"
)

func TestARestoredPodIsKnownByItsMarkers(t *testing.T) {
	var markers Markers
	require.NoError(t, markers.AddLabels("tool.io/restore, ,other"))
	require.NoError(t, markers.AddAnnotations("tool.io/from"))
	type set = map[string]string
	tests := map[string]struct {
		labels, annotations set
		value, path         string
	}{
		"Velero's label":                   {set{"velero.io/restore-name": "r"}, nil, "r", "metadata.labels['velero.io/restore-name']"},
		"our label":                        {set{"quiesce.io/restored": ""}, nil, "", "metadata.labels['quiesce.io/restored']"},
		"our annotation":                   {nil, set{"quiesce.io/restored": "x"}, "x", "metadata.annotations['quiesce.io/restored']"},
		"a further label":                  {set{"tool.io/restore": "r"}, nil, "r", "metadata.labels['tool.io/restore']"},
		"a further annotation":             {nil, set{"tool.io/from": "r"}, "r", "metadata.annotations['tool.io/from']"},
		"Velero's, whatever else there is": {set{"other": "o", "velero.io/restore-name": "r"}, set{"tool.io/from": "a"}, "r", "metadata.labels['velero.io/restore-name']"},
		"none":                             {set{"tool.io/from": "r"}, set{"velero.io/restore-name": "r", "other": "o"}, "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			marker, found := markers.Find(test.labels, test.annotations)
			require.Equal(t, test.path != "", found)
			if found {
				assert.Equal(t, test.value, marker.Value)
				assert.Equal(t, test.path, marker.fieldPath())
			}
		})
	}
	assert.ErrorContains(t, markers.AddLabels("not a key"), `"not a key" can be no key`)
}

func TestAPodShowsHowItWasPrepared(t *testing.T) {
	policies := compiled(t, policy("p", 1, initHook("a", "x", "y")), policy("q", 0, initHook("a", "x")))
	created := metav1.NewTime(time.Date(2026, 11, 26, 1, 2, 3, 0, time.UTC))
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Labels: podOf().Labels, CreationTimestamp: created},
		Spec:       *prepared(t, policies, podOf("own")).Spec,
	}
	want := Trace{Policies: []match.Ref{{Name: "p"}, {Name: "q"}}, Restore: "r1", At: created}
	assert.Equal(t, want, TraceOf(pod))

	var slim []corev1.Container
	for i := range pod.Spec.InitContainers {
		if container, ours := Slim(&pod.Spec.InitContainers[i]); ours {
			slim = append(slim, container)
		}
	}
	pod.Spec.InitContainers = slim
	assert.Equal(t, want, TraceOf(pod), "slimmed alike")
	assert.Len(t, slim, 3)

	pod.Labels = map[string]string{"velero.io/restore-name": strings.Repeat("é", 200)}
	assert.Equal(t, strings.Repeat("é", 126), TraceOf(pod).Restore, "a name is cut where the status has no room, in whole characters")

	pod.Spec.InitContainers = nil
	assert.Equal(t, Trace{}, TraceOf(pod))
}
