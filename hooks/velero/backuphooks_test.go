package velero

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

func TestWhichPodsABackupsOwnHooksCover(t *testing.T) {
	db := map[string]string{"app": "db"}
	tests := map[string]struct {
		backup    string
		namespace string
		labels    map[string]string
		want      bool
	}{
		"every pod":                             {backup: `hooks: {resources: [{name: all, pre: [{exec: {command: [x]}}]}]}`, want: true},
		"by a hook of after the backup":         {backup: `hooks: {resources: [{name: all, post: [{exec: {command: [x]}}]}]}`, want: true},
		"a namespace that is named":             {backup: `{includedNamespaces: [shop], hooks: {resources: [{pre: [{}]}]}}`, want: true},
		"a namespace that is not":               {backup: `{includedNamespaces: [other], hooks: {resources: [{pre: [{}]}]}}`},
		"a namespace by a star":                 {backup: `{includedNamespaces: ["*"], hooks: {resources: [{pre: [{}]}]}}`, want: true},
		"a namespace by a glob":                 {backup: `{includedNamespaces: ["sh*"], hooks: {resources: [{pre: [{}]}]}}`, want: true},
		"a namespace that is excluded":          {backup: `{excludedNamespaces: [shop], hooks: {resources: [{pre: [{}]}]}}`},
		"a namespace that a hook names":         {backup: `{hooks: {resources: [{pre: [{}], includedNamespaces: [shop]}]}}`, want: true},
		"a namespace that no hook names":        {backup: `{hooks: {resources: [{pre: [{}], includedNamespaces: [a]}, {pre: [{}], excludedNamespaces: [shop]}]}}`},
		"a pod by its labels":                   {backup: `{hooks: {resources: [{pre: [{}], labelSelector: {matchLabels: {app: db}}}]}}`, labels: db, want: true},
		"a pod without them":                    {backup: `{hooks: {resources: [{pre: [{}], labelSelector: {matchLabels: {app: db}}}]}}`},
		"a pod that the backup leaves":          {backup: `{labelSelector: {matchLabels: {app: db}}, hooks: {resources: [{pre: [{}]}]}}`},
		"a pod by one of two selectors":         {backup: `{orLabelSelectors: [{matchLabels: {app: web}}, {matchLabels: {app: db}}], hooks: {resources: [{pre: [{}]}]}}`, labels: db, want: true},
		"no pods among the resources":           {backup: `{includedResources: [secrets], hooks: {resources: [{pre: [{}]}]}}`},
		"pods by their short name":              {backup: `{includedResources: [secrets, po], hooks: {resources: [{pre: [{}]}]}}`, want: true},
		"pods are excluded":                     {backup: `{excludedResources: [pods], hooks: {resources: [{pre: [{}]}]}}`},
		"pods are excluded by the newer filter": {backup: `{excludedNamespaceScopedResources: [pods], hooks: {resources: [{pre: [{}]}]}}`},
		"a newer filter without pods":           {backup: `{includedNamespaceScopedResources: [secrets], hooks: {resources: [{pre: [{}]}]}}`},
		"a hook that is not for pods":           {backup: `{hooks: {resources: [{pre: [{}], includedResources: [persistentvolumeclaims]}]}}`},
		"a selector that is none":               {backup: `{hooks: {resources: [{pre: [{}], labelSelector: {matchExpressions: [{key: a, operator: Like}]}}]}}`},
		"an entry that holds no hook too":       {backup: `{hooks: {resources: [{labelSelector: {}}, {pre: [{}], includedNamespaces: [a]}]}}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var spec BackupSpec
			require.NoError(t, yaml.Unmarshal([]byte(test.backup), &spec))
			hooks, found := ParseBackupHooks("Backup velero/b", &spec)
			require.True(t, found)
			assert.Equal(t, test.want, hooks.Cover("shop", test.labels))
		})
	}
}

func TestABackupWithoutHooksHasNone(t *testing.T) {
	for _, backup := range []string{`{}`, `{hooks: {}}`, `{hooks: {resources: []}}`, `{hooks: {resources: [{name: empty}]}}`} {
		var spec BackupSpec
		require.NoError(t, yaml.Unmarshal([]byte(backup), &spec))
		_, found := ParseBackupHooks("Backup velero/b", &spec)
		assert.False(t, found, backup)
	}
}

func TestABackupIsOngoingUntilItsDataIsCaptured(t *testing.T) {
	for phase, want := range map[string]bool{
		"": true, "New": true, "Queued": true, "ReadyToStart": true, "InProgress": true,
		"WaitingForPluginOperations": false, "Finalizing": false, "Completed": false, "PartiallyFailed": false, "Failed": false,
		"FailedValidation": false, "Deleting": false,
	} {
		assert.Equal(t, want, Ongoing(phase), phase)
	}
}
