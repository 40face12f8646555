package convert

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheExampleOfTheDocumentationIsWhatComesOut(t *testing.T) {
	page, err := os.ReadFile("../../docs/convert.md")
	require.NoError(t, err)
	golden, err := os.ReadFile("testdata/deployment-annotations.out.yaml")
	require.NoError(t, err)
	_, example, found := strings.Cut(string(page), "```yaml\n")
	require.True(t, found)
	example, _, found = strings.Cut(example, "```\n")
	require.True(t, found)
	shown, written := strings.Split(example, "\n"), strings.Split(string(golden), "\n")
	require.Len(t, shown, len(written))
	for i := range shown {
		if start, cut := strings.CutSuffix(shown[i], "…"); cut {
			assert.True(t, strings.HasPrefix(written[i], start), shown[i])
			continue
		}
		assert.Equal(t, written[i], shown[i])
	}
}
