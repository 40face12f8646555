package thaw

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/chain"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const waits = "quiesce-found: 12.34\n"

func TestAStampedPodIsThawedAsItsScriptsSay(t *testing.T) {
	by := set(freezing("db"))
	busy := exited(chain.ExitBusy, "")
	for name, test := range map[string]struct {
		by      *policies.Set
		found   bool
		answers map[string][]action.Result
		verdict verdict
		message string
		asked   []string
	}{
		"thawed": {by, true, nil, thawed, "and its watchdog ended", []string{"quiesce-sweep"}},
		"its watchdog was faster": {by, true, map[string][]action.Result{"db-0 quiesce-sweep": {exited(chain.ExitNothing, "")}, "db-0 quiesce-look": {exited(chain.ExitNothing, "")}},
			nothing, "its watchdog has thawed it meanwhile", []string{"quiesce-sweep", "quiesce-look"}},
		"another backup has quiesced it since": {by, true, map[string][]action.Result{"db-0 quiesce-sweep": {exited(chain.ExitNothing, "")}, "db-0 quiesce-look": {ok(waits)}},
			failed, "another backup has quiesced it since it was looked at: run this again", []string{"quiesce-sweep", "quiesce-look"}},
		"nobody knows whether another one has": {by, true, map[string][]action.Result{
			"db-0 quiesce-sweep": {exited(chain.ExitNothing, "")}, "db-0 quiesce-look": {{Reason: action.Unreachable, Message: "no route"}}},
			failed, "no route", []string{"quiesce-sweep", "quiesce-look"}},
		"not all could be thawed": {by, true, map[string][]action.Result{"db-0 quiesce-sweep": {exited(chain.ExitStillThawing, "no such\nfile")}},
			failed, "not all could be thawed, and its watchdog goes on trying: no such file", []string{"quiesce-sweep"}},
		"its policies have changed": {by, true, map[string][]action.Result{"db-0 quiesce-sweep": {exited(chain.ExitOtherThaw, "")}},
			failed, "thawed by its policies as they are now; but they have changed, and its watchdog runs at its deadline what they had", []string{"quiesce-sweep"}},
		"another script thaws it": {by, true, map[string][]action.Result{"db-0 quiesce-sweep": {busy}, "db-0 quiesce-look": {exited(chain.ExitNothing, "")}},
			thawed, "by its own script", []string{"quiesce-sweep", "quiesce-look"}},
		"another script has tried": {by, true, map[string][]action.Result{"db-0 quiesce-sweep": {busy}, "db-0 quiesce-look": {ok(waits)}},
			thawed, "and its watchdog ended", []string{"quiesce-sweep", "quiesce-look", "quiesce-sweep"}},
		"it is gone": {by, true, map[string][]action.Result{"db-0 quiesce-sweep": {{Reason: action.PodGone, Message: "pod shop/db-0 is gone"}}},
			nothing, "pod shop/db-0 is gone", []string{"quiesce-sweep"}},
		"no right to": {by, true, map[string][]action.Result{"db-0 quiesce-sweep": {{Reason: action.Forbidden, Message: "cannot exec"}}},
			failed, "cannot exec", []string{"quiesce-sweep"}},
		"without its policies": {nil, true, map[string][]action.Result{"db-0 quiesce-look": {exited(chain.ExitNothing, "")}},
			thawed, "and its watchdog ended", []string{"quiesce-post", "quiesce-look"}},
		"without its policies, not wholly": {nil, true, map[string][]action.Result{"db-0 quiesce-post": {exited(chain.ExitThawedEarly, "")}, "db-0 quiesce-look": {ok(waits)}},
			failed, "its post hook was run, and its watchdog goes on trying ", []string{"quiesce-post", "quiesce-look"}},
		"forced": {by, false, map[string][]action.Result{"db-0 quiesce-post": {exited(chain.ExitThawedEarly, "")}, "db-0 quiesce-look": {exited(chain.ExitNothing, "")}},
			thawed, "its post hook was run; nothing had kept it quiesced", []string{"quiesce-post", "quiesce-look"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := &containers{answers: test.answers}
			stamped := stampedPods("shop", []corev1.Pod{stampedBy("db-0", by)}, test.by, scope{})[0]
			if test.found {
				stamped.found = "12.34"
			}
			do := &performer{containers: c, results: newResults(&bytes.Buffer{})}
			got := do.sweep(t.Context(), stamped, time.Now().Add(time.Minute))
			assert.Equal(t, test.verdict, got.verdict)
			assert.Equal(t, test.message, got.message)
			assert.Equal(t, "db-0 "+strings.Join(test.asked, "\ndb-0 "), strings.Join(c.asked, "\n"))
		})
	}
}

func TestALookSaysWhetherAPodIsQuiesced(t *testing.T) {
	for name, test := range map[string]struct {
		answer         action.Result
		found, unknown string
	}{
		"a watchdog waits": {ok(waits), "12.34", ""},
		"none does":        {exited(chain.ExitNothing, ""), "", ""},
		"the pod is gone":  {action.Result{Reason: action.PodGone}, "", ""},
		"it does not run":  {action.Result{Reason: action.NotRunning}, "", ""},
		"nobody may look":  {action.Result{Reason: action.Forbidden, Message: "no right"}, "", "no right"},
		"it is cut off":    {ok("quiesce-fo"), "", "the look for its watchdog has not said what it found"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &stampedPod{Target: action.Target{Pod: "db-0"}, found: "old"}
			p.look(t.Context(), &containers{answers: map[string][]action.Result{"db-0 quiesce-look": {test.answer}}})
			assert.Equal(t, test.found, p.found)
			assert.Equal(t, test.unknown, p.unknown)
		})
	}
}

func TestStepsAreDoneInTheirOrderAndTheLastEndsTheWatchdog(t *testing.T) {
	r := begun(set(policy("db", nested()...)), pod("db-0"))
	did(r, "flush", "Succeeded")
	r.Runs[1].Status.Attempted = 1
	var out bytes.Buffer
	c := &containers{}
	do := &performer{containers: c, results: newResults(&out)}
	do.steps(t.Context(), steps(r, all, noon))
	assert.Equal(t, []string{"db-0 end", "db-0 sh -c unfreeze", "db-0 sh -c unflush disarm"}, c.asked)
	assert.Zero(t, do.results.failed)
	require.Equal(t, 4, strings.Count(out.String(), "\n"), out.String())

	c = &containers{answers: map[string][]action.Result{"db-0 sh -c unfreeze": {exited(1, "device is busy")}}, process: action.MayRun}
	do = &performer{containers: c, results: newResults(&out)}
	do.steps(t.Context(), steps(r, all, noon))
	assert.Equal(t, []string{"db-0 end", "db-0 sh -c unfreeze", "db-0 sh -c unflush"}, c.asked, "what could not be thawed keeps its watchdog")
	assert.Equal(t, 2, do.results.failed)
	assert.Contains(t, out.String(), "the command ended with a code device is busy")
}

func TestAScriptIsToldWhatTheControllerWouldTellIt(t *testing.T) {
	r := begun(set(policy("db", hook("freeze", v1alpha1.PreSnapshot), hook("unfreeze", v1alpha1.PostSnapshot, func(h *v1alpha1.Hook) {
		h.Exec, h.Script = nil, &v1alpha1.ScriptAction{Inline: "#!/bin/sh\necho $QUIESCE_STAGE", Args: []string{"now"}}
	}))), pod("db-0"))
	did(r, "freeze", "Succeeded")
	s := steps(r, all, noon)
	require.Len(t, s, 1)
	there := pod("db-0")
	there.Status.PodIP = "10.0.0.7"
	do := &performer{reader: fakeReader(&there)}
	request, err := do.request(t.Context(), &s[0])
	require.NoError(t, err)
	assert.Contains(t, request.Stdin, "export QUIESCE_STAGE='PostSnapshot'")
	assert.Contains(t, request.Stdin, "export QUIESCE_OUTCOME='Failed'")
	assert.Contains(t, request.Stdin, "export QUIESCE_POD_IP='10.0.0.7'")
	assert.Equal(t, "now", request.Command[len(request.Command)-1])

	s[0].run.Spec.Hook.Script.Env = []v1alpha1.ScriptVariable{{Name: "PASSWORD", ValueFrom: &v1alpha1.ValueSource{SecretKeyRef: v1alpha1.SecretKeyRef{Name: "db", Key: "password"}}}}
	_, err = do.request(t.Context(), &s[0])
	require.ErrorContains(t, err, "its script needs Secret db")
	do.reader = fakeReader(&there, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "db"}, Data: map[string][]byte{"password": []byte("s3cret")}})
	request, err = do.request(t.Context(), &s[0])
	require.NoError(t, err)
	assert.Contains(t, request.Stdin, "export PASSWORD='s3cret'")
}

func fakeReader(objects ...client.Object) client.Reader {
	return fake.NewClientBuilder().WithObjects(objects...).Build()
}

func TestNoMorePodsAreBegunOnceSomebodyHasSaidStop(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	by := set(freezing("db"))
	c := &containers{}
	do := &performer{containers: c, results: newResults(&bytes.Buffer{})}
	do.stamped(ctx, stampedPods("shop", []corev1.Pod{stampedBy("db-0", by)}, by, scope{})[0], time.Now().Add(time.Minute))
	assert.Empty(t, c.asked)
}

func TestAWatchdogStaysWhereAnotherPolicyNeedsIt(t *testing.T) {
	r := begun(set(
		policy("x", hook("freeze", v1alpha1.PreSnapshot), hook("unfreeze", v1alpha1.PostSnapshot)),
		policy("y", hook("lock", v1alpha1.PreSnapshot), hook("unlock", v1alpha1.PostSnapshot)),
	), pod("db-0"))
	did(r, "freeze", "Succeeded")
	did(r, "lock", "Succeeded")
	onlyX := func(policy match.Ref, _ string) bool { return policy.Name == "x" }
	c := &containers{}
	do := &performer{containers: c, results: newResults(&bytes.Buffer{})}
	do.steps(t.Context(), steps(r, onlyX, noon))
	assert.Equal(t, []string{"db-0 sh -c unfreeze"}, c.asked)

	did(r, "unlock", "Succeeded")
	c.asked = nil
	do.steps(t.Context(), steps(r, onlyX, noon))
	assert.Equal(t, []string{"db-0 sh -c unfreeze disarm"}, c.asked, "nobody needs it any more")
}
