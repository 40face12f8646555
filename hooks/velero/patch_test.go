package velero

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAPatchIsForTheObjectAsItWasSeen(t *testing.T) {
	for name, test := range map[string]struct {
		fields map[string]any
		want   string
	}{
		"of the status alone": {map[string]any{"status": map[string]any{"phase": "New"}}, `{"metadata":{"resourceVersion":"7"},"status":{"phase":"New"}}`},
		"of annotations": {
			map[string]any{"metadata": map[string]any{"annotations": map[string]any{"a": nil}}}, `{"metadata":{"annotations":{"a":null},"resourceVersion":"7"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := AsSeen("7", test.fields)
			require.NoError(t, err)
			assert.JSONEq(t, test.want, string(raw))
			metadata, _ := test.fields["metadata"].(map[string]any)
			assert.NotContains(t, metadata, "resourceVersion", "the fields stay as they are")
		})
	}
}
