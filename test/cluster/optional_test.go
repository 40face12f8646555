package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParseOptional(t *testing.T) {
	tests := map[string]struct {
		flags   []string
		want    optional
		refused bool
	}{
		"Kubernetes alone":                       {},
		"one part":                               {flags: []string{"--kwok"}, want: optional{Kwok: true}},
		"both, in any order":                     {flags: []string{"--kwok", "--velero"}, want: optional{Velero: true, Kwok: true}},
		"a part with what it is nothing without": {flags: []string{"--node-agent"}, want: optional{Velero: true, NodeAgent: true}},
		"volumes":                                {flags: []string{"--csi"}, want: optional{CSI: true}},
		"one part said twice":                    {flags: []string{"--velero", "--velero"}, want: optional{Velero: true}},
		"something else":                         {flags: []string{"--velero", "--s3"}, refused: true},
		"a part without its dash":                {flags: []string{"velero"}, refused: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := parseOptional(test.flags)
			assert.Equal(t, !test.refused, ok)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestAPartThatWasAskedForStays(t *testing.T) {
	assert.Equal(t, optional{Velero: true, Kwok: true}, optional{Kwok: true}.and(optional{Velero: true}))
	assert.Equal(t, optional{Velero: true}, optional{}.and(optional{Velero: true}))
	assert.Equal(t, optional{Velero: true, CSI: true}, optional{CSI: true}.and(optional{Velero: true}))
	assert.Equal(t, optional{Velero: true, NodeAgent: true}, optional{Velero: true}.and(optional{Velero: true, NodeAgent: true}))
}

func TestOnlyWhatIsAskedForIsBuilt(t *testing.T) {
	assert.Equal(t, clusterBinaries, optional{}.binaries())
	assert.NotContains(t, optional{Velero: true}.binaries(), "kwok")
	assert.Contains(t, optional{Kwok: true}.binaries(), "kwok")
	assert.Subset(t, optional{CSI: true}.binaries(), csiBinaries)
	assert.NotContains(t, optional{Velero: true}.binaries(), "velero-restore-helper")
	assert.Contains(t, optional{Velero: true, NodeAgent: true}.binaries(), "velero-restore-helper")
	assert.NotContains(t, clusterBinaries, "kwok", "asking must not change the list itself")
}
