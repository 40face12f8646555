package signal

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func sessionOf(t *testing.T, name, source string) *v1alpha1.HookSession {
	t.Helper()
	session := &v1alpha1.HookSession{}
	require.NoError(t, yaml.UnmarshalStrict([]byte(source), session))
	session.Namespace, session.Name = "shop", name
	if session.Spec.Velero == nil {
		session.Spec.Velero = &v1alpha1.VeleroSource{Kind: v1alpha1.VeleroBackup, Held: true}
	}
	return session
}

func TestABackupIsAsConsistentAsTheWorstOfItsSessions(t *testing.T) {
	consistent := func(status, reason, message string) string {
		return `{status: {begunAt: "2026-01-01T00:00:00.000000Z", window: {}, conditions: [{type: Consistent, status: "` + status + `", reason: ` + reason + `, message: "` + message + `", lastTransitionTime: null}]}}`
	}
	const (
		nothing  = `{status: {begunAt: "2026-01-01T00:00:00.000000Z", conditions: [{type: Consistent, status: Unknown, reason: NotObserved, message: "", lastTransitionTime: null}]}}`
		notBegun = `{spec: {cancel: true, operation: Backup, velero: {kind: Backup, namespace: velero, name: b, uid: u, held: true}}, status: {phase: Cancelled}}`
		silent   = `{status: {window: {}, message: no word}}`
	)
	good, unseen, bad := consistent("True", "Observed", "well"), consistent("Unknown", "NotObserved", "who knows"), consistent("False", "NewPod", "a pod was born")
	missed := `{status: {conditions: [{type: Consistent, status: "False", reason: GateMissed, message: "Velero did not wait", lastTransitionTime: null}]}}`
	cancelled := `{spec: {cancel: true, operation: Backup, velero: {kind: Backup, namespace: velero, name: b, uid: u, held: true}}, status: {begunAt: "2026-01-01T00:00:00.000000Z", window: {}, phase: Cancelled}}`
	tests := map[string]struct {
		sessions []string
		status   string
		reason   string
		message  string
	}{
		"no sessions":                {nil, "", "", ""},
		"nothing to quiesce":         {[]string{nothing, nothing}, "", "", ""},
		"all well":                   {[]string{good, nothing, good}, "True", "Observed", "sessions whose pods were quiesced while their snapshots were taken: 2"},
		"one unseen":                 {[]string{good, unseen}, "Unknown", "NotObserved", "HookSession shop/s1: who knows"},
		"one bad":                    {[]string{good, unseen, bad, bad}, "False", "NewPod", "HookSession shop/s2: a pod was born; and 1 more"},
		"missed with nothing run":    {[]string{missed, nothing}, "False", "GateMissed", "HookSession shop/s0: Velero did not wait"},
		"let go before it was ready": {[]string{good, notBegun}, "False", "GateMissed", "HookSession shop/s1: Velero was let go before its pods were quiesced"},
		"cancelled after that":       {[]string{cancelled}, "False", "Cancelled", "HookSession shop/s0: it was cancelled before Velero was done"},
		"one that says nothing":      {[]string{silent}, "Unknown", "NotObserved", "HookSession shop/s0: no word"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var sessions []*v1alpha1.HookSession
			for i, source := range test.sessions {
				sessions = append(sessions, sessionOf(t, "s"+string(rune('0'+i)), source))
			}
			got, says := judge(sessions)
			assert.Equal(t, test.status != "", says)
			assert.Equal(t, test.status, string(got.status))
			assert.Equal(t, test.reason, got.reason)
			assert.Equal(t, test.message, got.message)
		})
	}
}
