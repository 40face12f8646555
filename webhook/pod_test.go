package webhook

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/match"
)

func TestNativeSidecarsComeAfterTheContainersAndOtherInitContainersNot(t *testing.T) {
	pod, err := decodePod([]byte(`{"metadata":{"labels":{"a":"b"},"annotations":{"c":"d"}},"spec":{
		"initContainers":[{"name":"migrate","image":"m:1"},{"name":"proxy","image":"p:2","restartPolicy":"Always"},{"name":"odd","restartPolicy":"Never"}],
		"containers":[{"name":"app","image":"a:3"},{"name":"db","image":"registry.example.com/postgres:17"}]}}`))
	require.NoError(t, err)
	assert.Equal(t, []match.Container{
		{Name: "app", Image: "a:3"},
		{Name: "db", Image: "registry.example.com/postgres:17"},
		{Name: "proxy", Image: "p:2", Sidecar: true},
	}, pod.Containers)
	assert.Equal(t, map[string]string{"a": "b"}, pod.Labels)
	assert.Equal(t, map[string]string{"c": "d"}, pod.Annotations)
}
