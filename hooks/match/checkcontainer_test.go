package match

import (
	"embed"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// testdata/init/container.yaml says how to read these. The integration tests ask an API server about the same.
//
//go:embed testdata/init/*.yaml
var initContainers embed.FS

func TestAnInitContainerIsRefusedIfNoRestoredPodCanHaveIt(t *testing.T) {
	files, err := fs.Glob(initContainers, "testdata/init/*.yaml")
	require.NoError(t, err)
	for _, file := range files {
		content, err := initContainers.ReadFile(file)
		require.NoError(t, err)
		var containers map[string]struct {
			v1alpha1.InitContainer
			Want  string
			Pod   map[string]any
			Later string
		}
		require.NoError(t, yaml.UnmarshalStrict(content, &containers), file)
		for name, test := range containers {
			t.Run(name, func(t *testing.T) {
				if test.Image == "" && test.Command == nil {
					test.Command = []string{"x"}
				}
				policy := policyOf(initHook(test.InitContainer))
				err := Check(policy.Ref, policy.Spec)
				if test.Want == "" {
					assert.NoError(t, err)
				} else {
					assert.ErrorContains(t, err, "spec.hooks[a].init.containers[0]"+test.Want)
				}
			})
		}
	}
}
