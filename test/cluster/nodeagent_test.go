package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPickKinds(t *testing.T) {
	const list = `{"kind": "List", "items": [{"kind": "Namespace"}, {"kind": "Secret", "data": {"cloud": "eA=="}}, {"kind": "DaemonSet"}]}`
	tests := map[string]struct {
		list    string
		kinds   []string
		want    string
		problem string
	}{
		"those of the kinds, whole and in their order": {
			list: list, kinds: []string{"DaemonSet", "Secret"},
			want: `{"apiVersion": "v1", "kind": "List", "items": [{"kind": "Secret", "data": {"cloud": "eA=="}}, {"kind": "DaemonSet"}]}`,
		},
		"one is missing":  {list: list, kinds: []string{"Secret", "Deployment"}, problem: "found [Secret]"},
		"one is twofold":  {list: `{"items": [{"kind": "Secret"}, {"kind": "Secret"}]}`, kinds: []string{"Secret"}, problem: "found [Secret Secret]"},
		"something else":  {list: "Velero is installed!", kinds: []string{"Secret"}, problem: "reading a list"},
		"no list of them": {list: `{"items": ["Secret"]}`, kinds: []string{"Secret"}, problem: "cannot unmarshal"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := pickKinds([]byte(test.list), test.kinds...)
			if test.problem != "" {
				require.ErrorContains(t, err, test.problem)
				return
			}
			require.NoError(t, err)
			assert.JSONEq(t, test.want, got)
		})
	}
}

func TestADaemonSetIsReadyWhenAllItsPodsRunAsItSays(t *testing.T) {
	tests := map[string]struct{ object, problem string }{
		"all run":                        {object: `{"metadata": {"generation": 2}, "status": {"observedGeneration": 2, "desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberReady": 1}}`},
		"created, and not looked at yet": {object: `{"metadata": {"generation": 1}, "status": {}}`, problem: "no pods"},
		"changed, and not looked at yet": {
			object:  `{"metadata": {"generation": 3}, "status": {"observedGeneration": 2, "desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberReady": 1}}`,
			problem: "no pods",
		},
		"no node takes its pods": {object: `{"metadata": {"generation": 1}, "status": {"observedGeneration": 1}}`, problem: "no pods"},
		"its pod starts": {
			object:  `{"metadata": {"generation": 1}, "status": {"observedGeneration": 1, "desiredNumberScheduled": 1, "updatedNumberScheduled": 1}}`,
			problem: "0 of 1",
		},
		"the pod from before the change runs": {
			object:  `{"metadata": {"generation": 2}, "status": {"observedGeneration": 2, "desiredNumberScheduled": 1, "numberReady": 1}}`,
			problem: "0 of 1",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var d daemonSet
			require.NoError(t, json.Unmarshal([]byte(test.object), &d))
			err := d.ready()
			if test.problem == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, test.problem)
		})
	}
}
