package command

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/labels"
)

func TestLabelsAreReadAsKubectlReadsThem(t *testing.T) {
	everything, err := Selector("")
	require.NoError(t, err)
	assert.True(t, everything.Empty())
	some, err := Selector("app in (db,cache),!old")
	require.NoError(t, err)
	assert.True(t, some.Matches(labels.Set{"app": "db"}))
	for _, text := range []string{"a in", "a=b,,", "=x"} {
		_, err = Selector(text)
		require.EqualError(t, err, `-l "`+text+`": write labels such as app=postgres,tier!=cache`)
	}
}
