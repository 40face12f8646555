package record

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// hook is one of a policy that runs a word in a container.
func hook(name, container string, stages ...v1alpha1.Stage) v1alpha1.Hook {
	return v1alpha1.Hook{Name: name, Container: container, Stages: stages, Exec: &v1alpha1.ExecAction{Command: []string{name}}}
}

// resolved is the record of a backup of pods that have the containers db and sidecar.
func resolved(t *testing.T, pods []string, policies map[string]v1alpha1.HookPolicySpec) *Record {
	t.Helper()
	session := &v1alpha1.HookSession{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "nightly", UID: "u"}}
	session.Status.Plan = &v1alpha1.SessionPlan{SnapshotHooks: true, BackupHooks: true}
	opened := metav1.NewMicroTime(time.Unix(1000, 0))
	deadline := metav1.NewMicroTime(time.Unix(1600, 0))
	session.Status.Window = &v1alpha1.Window{OpenedAt: &opened, Deadline: &deadline}
	var sources []match.Source
	for name, spec := range policies {
		sources = append(sources, match.Source{Ref: match.Ref{Name: name}, Spec: &spec})
	}
	index, refused := match.CompileAll(sources)
	require.Empty(t, refused)
	var planned []plan.Pod
	for _, name := range pods {
		planned = append(planned, plan.Pod{
			Pod: match.Pod{Containers: []match.Container{{Name: "db"}, {Name: "sidecar"}}}, Name: name, UID: types.UID(name), Ready: true,
		})
	}
	r := &Record{Session: session}
	p := plan.Resolve(index, plan.Session{Namespace: match.Namespace{Name: "shop"}, Kinds: r.kinds()}, planned)
	r.Runs = Write(session, p.Steps, func(ref match.Ref) Policy {
		spec := policies[ref.Name]
		return Policy{UID: types.UID(ref.Name), Generation: 3, Spec: &spec}
	}, 0)
	for _, run := range r.Runs {
		run.UID = types.UID(run.Name)
	}
	require.Equal(t, plan.Plan{Kinds: p.Kinds, Steps: stripped(p.Steps)}, plan.Plan{Kinds: r.Plan().Kinds, Steps: stripped(r.Plan().Steps)}, "what was written is what was planned")
	return r
}

// stripped leaves out of steps what a record does not keep: the other stages of a hook.
func stripped(steps []plan.Step) []plan.Step {
	var out []plan.Step
	for _, step := range steps {
		step.Hook.Stages = nil
		out = append(out, step)
	}
	return out
}

// run is that of a hook in a stage.
func (r *Record) run(t *testing.T, policy, hook string, stage v1alpha1.Stage) *v1alpha1.HookRun {
	t.Helper()
	for _, run := range r.Runs {
		if run.Spec.Policy.Name == policy && run.Spec.Hook.Name == hook && run.Spec.Stage == stage {
			return run
		}
	}
	require.Fail(t, "no such run", "%s/%s in %s", policy, hook, stage)
	return nil
}

func done(run *v1alpha1.HookRun, results ...v1alpha1.PodResult) {
	run.Status.Attempted = int32(len(run.Spec.Pods))
	SetResults(run, results)
}

func ok(pod string) v1alpha1.PodResult {
	return v1alpha1.PodResult{Pod: pod, Outcome: v1alpha1.ResultSucceeded}
}

func TestAPodIsQuiescedFromTheFirstAttemptUntilItsThaw(t *testing.T) {
	r := resolved(t, []string{"a", "b"}, map[string]v1alpha1.HookPolicySpec{
		"fs":   {Hooks: []v1alpha1.Hook{hook("freeze", "db", v1alpha1.PreSnapshot), hook("thaw", "db", v1alpha1.PostSnapshot)}},
		"note": {Hooks: []v1alpha1.Hook{hook("flush", "db", v1alpha1.PreSnapshot)}},
	})
	before, after := r.run(t, "fs", "freeze", v1alpha1.PreSnapshot), r.run(t, "fs", "thaw", v1alpha1.PostSnapshot)
	done(r.run(t, "note", "flush", v1alpha1.PreSnapshot), ok("a"), ok("b"))
	assert.Empty(t, r.Quiesced(), "a flush leaves nothing to thaw")

	before.Status.Attempted = 1
	assert.Equal(t, map[types.UID]string{"a": "a"}, r.Quiesced(), "it may have been")
	done(before, ok("a"), v1alpha1.PodResult{Pod: "b", Outcome: v1alpha1.ResultFailed, Reason: "NotReady", NotRun: true})
	assert.Equal(t, map[types.UID]string{"a": "a"}, r.Quiesced(), "nothing was run in the other")
	failed := v1alpha1.PodResult{Pod: "a", Outcome: v1alpha1.ResultFailed, Reason: "ExitCode"}
	done(after, failed)
	assert.Len(t, r.Quiesced(), 1, "a thaw that failed has thawed nothing")
	failed.Reason = v1alpha1.ReasonAbandoned
	done(after, failed)
	assert.Empty(t, r.Quiesced(), "somebody sees to it")
	done(after, v1alpha1.PodResult{Pod: "a", Outcome: v1alpha1.ResultSkipped, Reason: v1alpha1.ReasonPodGone})
	assert.Empty(t, r.Quiesced())
	done(before, v1alpha1.PodResult{Pod: "a", Outcome: v1alpha1.ResultFailed, Reason: "ExitCode"},
		v1alpha1.PodResult{Pod: "b", Outcome: v1alpha1.ResultFailed, Reason: "NotReady", NotRun: true})
	failed.Reason = "ExitCode"
	done(after, failed)
	assert.Empty(t, r.Quiesced(), "where the freeze itself has said that it failed, so may the thaw")
}

func TestWhatAWatchdogTookOverIsThawedByEveryPolicy(t *testing.T) {
	both := []v1alpha1.Hook{hook("freeze", "db", v1alpha1.PreSnapshot), hook("thaw", "db", v1alpha1.PostSnapshot)}
	r := resolved(t, []string{"a"}, map[string]v1alpha1.HookPolicySpec{"first": {Priority: 1, Hooks: both}, "second": {Hooks: both}})
	result := ok("a")
	result.TookOver = true
	done(r.run(t, "first", "freeze", v1alpha1.PreSnapshot), result)
	var policies []string
	for _, attempt := range r.History().Attempts {
		policies = append(policies, attempt.Policy.Name)
	}
	assert.Contains(t, policies, "second")
}

func TestAContainerIsGuardedOnceByAllThatThawsInIt(t *testing.T) {
	r := resolved(t, []string{"a"}, map[string]v1alpha1.HookPolicySpec{
		"first":  {Priority: 1, Hooks: []v1alpha1.Hook{hook("freeze", "db", v1alpha1.PreSnapshot), hook("thaw", "db", v1alpha1.PostSnapshot)}},
		"second": {Hooks: []v1alpha1.Hook{hook("pause", "db", v1alpha1.PreSnapshot), hook("resume", "db", v1alpha1.PostSnapshot), hook("open", "sidecar", v1alpha1.PostBackup)}},
		"third":  {Shell: v1alpha1.NoShell, Hooks: []v1alpha1.Hook{hook("lock", "db", v1alpha1.PreSnapshot), hook("unlock", "db", v1alpha1.PostSnapshot)}},
		"fourth": {Hooks: []v1alpha1.Hook{hook("tell", "db", v1alpha1.PostBackup)}},
	})
	now := time.Unix(1100, 0)
	first, second := r.run(t, "first", "freeze", v1alpha1.PreSnapshot), r.run(t, "second", "pause", v1alpha1.PreSnapshot)
	pod := first.Spec.Pods[0]
	armings := r.Guards().Armings(first, pod, now)
	require.Len(t, armings, 1)
	assert.Equal(t, "db", armings[0].Container)
	assert.Equal(t, 500*time.Second, armings[0].Guard.MaxQuiesce, "until the session's deadline")
	var thaws []string
	for _, thaw := range armings[0].Guard.Thaw {
		thaws = append(thaws, thaw.Name)
	}
	assert.Equal(t, []string{"second/resume", "first/thaw"}, thaws, "in the order in which they would run; not without a shell, nor what undoes nothing")
	assert.Empty(t, r.Guards().Armings(r.run(t, "third", "lock", v1alpha1.PreSnapshot), pod, now))

	done(first, ok("a"))
	armings = r.Guards().Armings(second, pod, now)
	require.Len(t, armings, 1, "its own container has a watchdog by now")
	assert.Equal(t, "sidecar", armings[0].Container)

	done(second, ok("a"))
	resume, thaw := r.run(t, "second", "resume", v1alpha1.PostSnapshot), r.run(t, "first", "thaw", v1alpha1.PostSnapshot)
	assert.False(t, r.Guards().Last(resume, pod))
	done(resume, ok("a"))
	assert.True(t, r.Guards().Last(thaw.DeepCopy(), pod), "the last that thaws ends the watchdog")
}

func TestTheDeadlineIsTheShortestOfThosePoliciesThatQuiesce(t *testing.T) {
	both := []v1alpha1.Hook{hook("freeze", "db", v1alpha1.PreSnapshot), hook("thaw", "db", v1alpha1.PostSnapshot)}
	in := func(d time.Duration) v1alpha1.Duration { return v1alpha1.Duration{Duration: d} }
	r := resolved(t, []string{"a"}, map[string]v1alpha1.HookPolicySpec{
		"long": {MaxQuiesce: in(time.Hour), Hooks: both}, "byDefault": {Hooks: both},
		"flushes": {MaxQuiesce: in(time.Second), Hooks: both[:1]},
	})
	longest, quiesces := r.MaxQuiesce()
	assert.True(t, quiesces)
	assert.Equal(t, v1alpha1.DefaultMaxQuiesce, longest)
	r.Session.Spec.MaxQuiesce = in(time.Minute)
	longest, _ = r.MaxQuiesce()
	assert.Equal(t, time.Minute, longest)
	r.Session.Status.Plan = &v1alpha1.SessionPlan{RestoreHooks: true}
	_, quiesces = r.MaxQuiesce()
	assert.False(t, quiesces, "before a restore nothing is")
}

func TestNamesOfRunsTellSessionsOfOneNameApart(t *testing.T) {
	session := &v1alpha1.HookSession{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "nightly", UID: "u1"}}
	step := &plan.Step{Stage: v1alpha1.PreSnapshot, Policy: match.Ref{Name: "p"}}
	first := name(session, step, 7)
	assert.Regexp(t, `^nightly-007-[a-z2-7]{6}$`, first)
	assert.Equal(t, first, name(session, step, 7), "what was half written is found again")
	session.UID = "u2"
	assert.NotEqual(t, first, name(session, step, 7))
	for _, long := range []string{"x", "a.-b"} {
		for len(long) < 253 {
			long += long
		}
		session.Name = long[:253]
		assert.LessOrEqual(t, len(name(session, step, 1000)), 253)
	}
}

func TestFailuresAreCountedAndTheFirstOfThemNamed(t *testing.T) {
	var pods []string
	for i := range 60 {
		pods = append(pods, string(rune('a'+i/26))+string(rune('a'+i%26)))
	}
	r := resolved(t, pods, map[string]v1alpha1.HookPolicySpec{"p": {Hooks: []v1alpha1.Hook{hook("flush", "db", v1alpha1.PreSnapshot)}}})
	run := r.Runs[0]
	var results []v1alpha1.PodResult
	for _, pod := range run.Spec.Pods {
		results = append(results, v1alpha1.PodResult{Pod: pod.Name, Outcome: v1alpha1.ResultFailed, Reason: "TimedOut", ExitCode: "N/A", Message: string(make([]byte, 500))})
	}
	done(run, results...)
	counts, failures := r.Tally()
	assert.Equal(t, v1alpha1.HookCounts{Total: 60, Failed: 60}, counts)
	require.Len(t, failures, v1alpha1.MaxFailures)
	assert.Equal(t, "N/A", failures[0].ExitCode)
	assert.LessOrEqual(t, len(failures[0].Message), 256)
	assert.Equal(t, v1alpha1.RunFailed, run.Status.State)
}

func TestAScriptIsRecordedWithItsTextAndGuardsByItsCommandLine(t *testing.T) {
	scripted := func(name, text string, env ...v1alpha1.ScriptVariable) v1alpha1.Hook {
		return v1alpha1.Hook{Name: name, Container: "db", Stages: []v1alpha1.Stage{v1alpha1.PostSnapshot},
			Script: &v1alpha1.ScriptAction{Name: "thaw", Inline: text, Args: []string{"/data"}, Env: env}}
	}
	secret := v1alpha1.ScriptVariable{Name: "A", ValueFrom: &v1alpha1.ValueSource{SecretKeyRef: v1alpha1.SecretKeyRef{Name: "a", Key: "b"}}}
	r := resolved(t, []string{"a"}, map[string]v1alpha1.HookPolicySpec{"p": {Hooks: []v1alpha1.Hook{
		hook("freeze", "db", v1alpha1.PreSnapshot), scripted("thaw", "#!/bin/sh\nthaw\n"), scripted("perl", "#!/usr/bin/perl\n"), scripted("secret", "#!/bin/sh\n", secret),
	}}})
	thaw := r.run(t, "p", "thaw", v1alpha1.PostSnapshot)
	assert.Equal(t, &v1alpha1.ScriptAction{Name: "thaw", Inline: "#!/bin/sh\nthaw\n", Args: []string{"/data"}}, thaw.Spec.Hook.Script)
	assert.Nil(t, thaw.Spec.Hook.Exec)
	freeze := r.run(t, "p", "freeze", v1alpha1.PreSnapshot)
	armings := r.Guards().Armings(freeze, freeze.Spec.Pods[0], time.Unix(1100, 0))
	require.Len(t, armings, 1)
	require.Len(t, armings[0].Guard.Thaw, 1, "neither what sh -c cannot run, nor what has a Secret")
	assert.Equal(t, []string{"/bin/sh", "-c", "#!/bin/sh\nthaw\n", "quiesce-script", "/data"}, armings[0].Guard.Thaw[0].Command)
}

func TestWhatTheControllerSendsIsRecorded(t *testing.T) {
	of := func(name string, change func(*v1alpha1.Hook)) v1alpha1.Hook {
		h := hook(name, "", v1alpha1.PostBackup)
		h.Exec = nil
		change(&h)
		return h
	}
	hooks := []v1alpha1.Hook{
		of("get", func(h *v1alpha1.Hook) {
			h.HTTPGet = &v1alpha1.HTTPGetAction{HTTPRequest: v1alpha1.HTTPRequest{URL: "http://a"}}
		}),
		of("post", func(h *v1alpha1.Hook) {
			h.HTTPPost = &v1alpha1.HTTPPostAction{Body: "x", HTTPRequest: v1alpha1.HTTPRequest{URL: "http://a"}}
		}),
		of("connect", func(h *v1alpha1.Hook) { h.TCPSocket = &v1alpha1.TCPSocketAction{Host: "a"} }),
		of("job", func(h *v1alpha1.Hook) { h.Job = &v1alpha1.JobAction{} }),
	}
	for i := range hooks {
		got := resolve(&plan.Step{}, &hooks[i])
		assert.Equal(t, []any{hooks[i].HTTPGet, hooks[i].HTTPPost, hooks[i].TCPSocket, hooks[i].Job}, []any{got.HTTPGet, got.HTTPPost, got.TCPSocket, got.Job})
	}
}
