package doctor

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheDocumentHasEveryCheck(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/doctor.md")
	require.NoError(t, err)
	var told, there []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`.*?`) \\|").FindAllStringSubmatch(string(text), -1) {
		for _, name := range regexp.MustCompile("`([a-z-]+)`").FindAllStringSubmatch(row[1], -1) {
			told = append(told, name[1])
		}
	}
	for _, c := range checks {
		there = append(there, c.id)
	}
	slices.Sort(told)
	slices.Sort(there)
	assert.Equal(t, there, told)
}
