package perform

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/session/witness"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// outside is what the controller sends and has run, made up: it keeps what it is asked.
type outside struct {
	lock   sync.Mutex
	answer action.Result
	http   []action.HTTPRequest
	tcp    []action.TCPRequest
	jobs   []action.JobRequest
	ended  []string
	left   action.Process
	values map[string]string // of Secrets, by name/key
}

// keep takes down what is asked.
func (o *outside) keep(what func()) {
	o.lock.Lock()
	defer o.lock.Unlock()
	what()
}

// asked are the Jobs that it was asked to run, of which one may go on.
func (o *outside) asked() (jobs []action.JobRequest) {
	o.keep(func() { jobs = slices.Clone(o.jobs) })
	return jobs
}

// HTTP implements Sender.
func (o *outside) HTTP(_ context.Context, request action.HTTPRequest) action.Result {
	o.keep(func() { o.http = append(o.http, request) })
	return o.answer
}

// TCP implements Sender.
func (o *outside) TCP(_ context.Context, request action.TCPRequest) action.Result {
	o.keep(func() { o.tcp = append(o.tcp, request) })
	return o.answer
}

// Check implements Sender.
func (o *outside) Check(_ context.Context, request action.HTTPRequest) *action.Result {
	o.keep(func() { o.http = append(o.http, request) })
	if o.answer.Reason == action.Succeeded {
		return nil
	}
	return &o.answer
}

// jobbing is the part of it that runs Jobs.
type jobbing struct{ *outside }

// Run implements Jobs.
func (o jobbing) Run(ctx context.Context, request action.JobRequest) action.Result {
	o.keep(func() { o.jobs = append(o.jobs, request) })
	if o.answer.Reason == "" {
		<-ctx.Done()
		return action.Result{Reason: action.Cancelled, Process: action.HasEnded}
	}
	return o.answer
}

// Check implements Jobs.
func (o jobbing) Check(_ context.Context, request action.JobRequest) *action.Result {
	o.keep(func() { o.jobs = append(o.jobs, request) })
	if o.answer.Reason == action.Succeeded {
		return nil
	}
	return &o.answer
}

// End implements Jobs.
func (o jobbing) End(_ context.Context, _, name string, _ types.UID) action.Process {
	o.keep(func() { o.ended = append(o.ended, name) })
	return o.left
}

// Value implements Secrets.
func (o *outside) Value(_ context.Context, _, name, key string) (string, error) {
	if value, found := o.values[name+"/"+key]; found {
		return value, nil
	}
	return "", &action.SecretError{Reason: action.SecretNotFound}
}

// onePod is a pod with an IP, and a port that has a name.
type onePod struct{ *containers }

func (p onePod) Pod(uid types.UID) (*witness.Pod, bool) {
	pod, there := p.containers.Pod(uid)
	if there {
		pod.IP, pod.Node, pod.Ports = "10.1.2.3", "node-1", []witness.Port{{Container: "main", Name: "web", Number: 8080}}
	}
	return pod, there && uid != ""
}

// perform runs a hook in one pod, or in none.
func perform(t *testing.T, c *containers, o *outside, hook v1alpha1.ResolvedHook, stage v1alpha1.Stage) v1alpha1.PodResult {
	t.Helper()
	run := runOf(stage, 1, func(run *v1alpha1.HookRun) {
		hook.Name, hook.Timeout, hook.OnError = "tell", run.Spec.Hook.Timeout, v1alpha1.Fail
		hook.ExecutionPolicy = v1alpha1.Always
		run.Spec.Hook = hook
		run.Spec.Session.Name, run.Spec.Policy.Name = "nightly", "postgres"
	})
	if hook.RunOn == v1alpha1.OncePerSession {
		run.Spec.Pods = []v1alpha1.RunPod{{}}
	}
	job := jobOf(run)
	job.Outcome = v1alpha1.Failed
	means := Means{Containers: c, Sender: o, Jobs: jobbing{o}, Secrets: o}
	require.NoError(t, New(means, Options{KeepOutput: true}).Group(t.Context(), &book{}, onePod{c}, []Job{job}))
	return result(t, run)
}

func TestAScriptIsStreamedWithItsVariablesAndSecrets(t *testing.T) {
	c := newContainers(t, always(action.Result{
		Reason: action.ExitCode, Code: new(3), Process: action.HasEnded, Message: "it ended", Output: "ter-1\nusing hunter-1\n",
	}))
	c.take = 0
	o := &outside{values: map[string]string{"db/password": "hunter-1\n"}}
	got := perform(t, c, o, v1alpha1.ResolvedHook{Script: &v1alpha1.ScriptAction{
		Name: "verify", Inline: "#!/bin/sh\nexit 3\n", Args: []string{"a b"},
		Env: []v1alpha1.ScriptVariable{
			{Name: "MODE", Value: "fast"},
			{Name: "PASSWORD", ValueFrom: &v1alpha1.ValueSource{SecretKeyRef: v1alpha1.SecretKeyRef{Name: "db", Key: "password"}}},
		},
	}}, v1alpha1.PostBackup)
	require.Len(t, c.requests, 1)
	request := c.requests[0]
	assert.NotContains(t, strings.Join(request.Command, " "), "hunter-1")
	assert.NotContains(t, strings.Join(request.Command, " "), "exit 3")
	assert.Contains(t, request.Command, "a b")
	for _, told := range []string{"hunter-1", "exit 3", "MODE", "QUIESCE_STAGE", "PostBackup", "QUIESCE_OUTCOME", "Failed", "nightly", "10.1.2.3", "node-1"} {
		assert.Contains(t, request.Stdin, told)
	}
	assert.Equal(t, "3", got.ExitCode)
	assert.Equal(t, "[redacted]\nusing [redacted]\n", got.Output, "what a Secret holds is written nowhere")
}

func TestAHookThatLacksItsSecretRunsNothing(t *testing.T) {
	c, o := newContainers(t, always(well)), &outside{}
	missing := &v1alpha1.ValueSource{SecretKeyRef: v1alpha1.SecretKeyRef{Name: "db", Key: "password"}}
	for name, hook := range map[string]v1alpha1.ResolvedHook{
		"a script": {Script: &v1alpha1.ScriptAction{Inline: "#!/bin/sh\n", Env: []v1alpha1.ScriptVariable{{Name: "A", ValueFrom: missing}}}},
		"a header": {HTTPGet: &v1alpha1.HTTPGetAction{HTTPRequest: v1alpha1.HTTPRequest{URL: "http://x", HTTPHeaders: []v1alpha1.HTTPHeader{{Name: "A", ValueFrom: missing}}}}},
		"a CA":     {HTTPGet: &v1alpha1.HTTPGetAction{HTTPRequest: v1alpha1.HTTPRequest{URL: "http://x", TLS: &v1alpha1.TLSVerification{CAFrom: missing}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := perform(t, c, o, hook, v1alpha1.PreSnapshot)
			assert.Equal(t, v1alpha1.ResultFailed, got.Outcome)
			assert.Equal(t, "SecretNotFound", got.Reason)
			assert.True(t, got.NotRun)
			assert.Empty(t, c.requests)
			assert.Empty(t, o.http)
		})
	}
}

func TestARequestGoesToThePodByTheNameOfItsPortAndSaysWhatHappened(t *testing.T) {
	o := &outside{answer: well, values: map[string]string{"api/token": "abcd\n"}}
	port := intstr.FromString("web")
	got := perform(t, newContainers(t, always(well)), o, v1alpha1.ResolvedHook{HTTPPost: &v1alpha1.HTTPPostAction{
		HTTPRequest: v1alpha1.HTTPRequest{
			Port: &port, Path: "/v1/$(QUIESCE_STAGE)",
			HTTPHeaders: []v1alpha1.HTTPHeader{
				{Name: "authorization", ValueFrom: &v1alpha1.ValueSource{SecretKeyRef: v1alpha1.SecretKeyRef{Name: "api", Key: "token"}}},
				{Name: "content-type", Value: "application/vnd.shop+json"},
			},
		},
		Body: `{"outcome": "$(QUIESCE_OUTCOME)", "other": "$(OTHER)"}`,
	}}, v1alpha1.PostBackup)
	require.Equal(t, v1alpha1.ResultSucceeded, got.Outcome, got.Message)
	require.Len(t, o.http, 1)
	sent := o.http[0]
	assert.Equal(t, http.MethodPost, sent.Method)
	assert.Equal(t, 8080, sent.Port)
	assert.Equal(t, netip.MustParseAddr("10.1.2.3"), sent.PodIP)
	assert.Equal(t, "/v1/PostBackup", sent.Path)
	assert.JSONEq(t, `{"outcome": "Failed", "other": "$(OTHER)"}`, sent.Body)
	assert.Equal(t, http.Header{"Authorization": {"abcd"}, "Content-Type": {"application/vnd.shop+json"}}, sent.Header)
	assert.Equal(t, 30*time.Second, sent.Timeout)
}

func TestAPortThatThePodDoesNotNameIsToldAndNothingIsSent(t *testing.T) {
	o := &outside{answer: well}
	got := perform(t, newContainers(t, always(well)), o, v1alpha1.ResolvedHook{TCPSocket: &v1alpha1.TCPSocketAction{Port: intstr.FromString("db")}}, v1alpha1.PreSnapshot)
	assert.Equal(t, v1alpha1.ResultFailed, got.Outcome)
	assert.True(t, got.NotRun)
	assert.Contains(t, got.Message, `pod "pod-000" has no port with the name "db"`)
	assert.Empty(t, o.tcp)

	perform(t, newContainers(t, always(well)), o, v1alpha1.ResolvedHook{TCPSocket: &v1alpha1.TCPSocketAction{Port: intstr.FromString("5432")}}, v1alpha1.PreSnapshot)
	require.Len(t, o.tcp, 1, "a param of a template is a string")
	assert.Equal(t, 5432, o.tcp[0].Port)
}

func TestAHookRunsOnceInNoPod(t *testing.T) {
	o := &outside{answer: well}
	got := perform(t, newContainers(t, always(well)), o, v1alpha1.ResolvedHook{
		HTTPGet:     &v1alpha1.HTTPGetAction{HTTPRequest: v1alpha1.HTTPRequest{URL: "http://hooks.example.com/$(QUIESCE_POD_NAME)"}},
		HookConduct: v1alpha1.HookConduct{RunOn: v1alpha1.OncePerSession},
	}, v1alpha1.PreBackup)
	require.Equal(t, v1alpha1.ResultSucceeded, got.Outcome, got.Message)
	assert.Empty(t, got.Pod)
	require.Len(t, o.http, 1)
	assert.Equal(t, "http://hooks.example.com/", o.http[0].URL)
	assert.False(t, o.http[0].PodIP.IsValid())
}

func TestAJobIsToldWhatHappenedAndFoundAgain(t *testing.T) {
	o := &outside{answer: well}
	hook := v1alpha1.ResolvedHook{Job: &v1alpha1.JobAction{}}
	perform(t, newContainers(t, always(well)), o, hook, v1alpha1.PostBackup)
	require.Len(t, o.jobs, 1)
	env := map[string]string{}
	for _, v := range o.jobs[0].Env {
		env[v.Name] = v.Value
	}
	assert.Equal(t, map[string]string{
		"QUIESCE_SESSION": "nightly", "QUIESCE_STAGE": "PostBackup", "QUIESCE_OUTCOME": "Failed", "QUIESCE_POLICY": "postgres", "QUIESCE_HOOK": "tell",
		"QUIESCE_POD_NAMESPACE": "shop", "QUIESCE_POD_NAME": "pod-000", "QUIESCE_POD_UID": "pod-000", "QUIESCE_POD_IP": "10.1.2.3", "QUIESCE_POD_NODE": "node-1",
	}, env)
	assert.Equal(t, "HookRun", o.jobs[0].Owner.Kind)
	assert.LessOrEqual(t, len(o.jobs[0].Name), 63)

	// Of one whose controller ended while it ran, the next one finds the Job by its name, and ends it.
	run := runOf(v1alpha1.PreSnapshot, 1, func(run *v1alpha1.HookRun) {
		run.Spec.Hook.Name, run.Spec.Hook.Exec, run.Spec.Hook.Job = "tell", nil, hook.Job
	})
	o.answer, o.jobs = action.Result{}, nil
	ctx, end := context.WithCancelCause(t.Context())
	p := New(Means{Containers: newContainers(t, always(well)), Jobs: jobbing{o}}, Options{})
	time.AfterFunc(50*time.Millisecond, func() { end(ErrShutdown) })
	require.ErrorIs(t, p.Group(ctx, &book{}, onePod{newContainers(t, always(well))}, []Job{jobOf(run)}), ErrShutdown)
	require.Empty(t, run.Status.Results)
	require.Len(t, o.asked(), 1)
	for left, lasts := range map[action.Process]bool{action.HasEnded: false, action.MayRun: true} {
		o.left, o.ended = left, nil
		again := run.DeepCopy()
		require.NoError(t, p.Recover(t.Context(), &book{}, again))
		assert.Equal(t, []string{o.asked()[0].Name}, o.ended)
		assert.Equal(t, "Interrupted", result(t, again).Reason)
		assert.Equal(t, lasts, result(t, again).MayRunUntil != nil)
	}
}

func TestAJobIsTriedAheadInTheNameOfItsSession(t *testing.T) {
	o := &outside{answer: action.Result{Reason: action.Refused, Message: "no"}}
	run := runOf(v1alpha1.PreSnapshot, 2, func(run *v1alpha1.HookRun) {
		run.UID, run.Spec.Hook.Exec, run.Spec.Hook.Job = "", nil, &v1alpha1.JobAction{}
		run.Spec.Session = v1alpha1.ObjectRef{Name: "nightly", UID: "7"}
	})
	p, c := New(Means{Jobs: jobbing{o}, Sender: o}, Options{}), newContainers(t, always(well))
	require.ErrorContains(t, p.Check(t.Context(), run, onePod{c}), "no")
	require.Len(t, o.jobs, 1)
	assert.Equal(t, types.UID("7"), o.jobs[0].Owner.UID)
	assert.Equal(t, "HookSession", o.jobs[0].Owner.Kind)
	require.NoError(t, p.Check(t.Context(), runOf(v1alpha1.PreBackup, 1), onePod{c}), "of commands nothing is known ahead")
}

// What would keep a thaw from being sent is to be known before anything is quiesced.
func TestARequestIsLookedAtAheadInEachPod(t *testing.T) {
	o := &outside{answer: action.Result{Reason: action.AddressRefused, Message: "not there"}}
	p, c := New(Means{Sender: o}, Options{}), newContainers(t, always(well))
	of := func(port string) *v1alpha1.HookRun {
		named := intstr.FromString(port)
		return runOf(v1alpha1.PostSnapshot, 2, func(run *v1alpha1.HookRun) {
			run.Spec.Hook.Exec, run.Spec.Hook.HTTPGet = nil, &v1alpha1.HTTPGetAction{HTTPRequest: v1alpha1.HTTPRequest{Port: &named}}
		})
	}
	require.ErrorContains(t, p.Check(t.Context(), of("nosuch"), onePod{c}), `no port with the name "nosuch"`)
	require.ErrorContains(t, p.Check(t.Context(), of("web"), onePod{c}), "not there")
	o.answer = well
	require.NoError(t, p.Check(t.Context(), of("web"), onePod{c}))
	assert.Len(t, o.http, 3, "in both pods, where the first is well")
}

// A Job that thaws goes on when its controller dies: the next one finds it by its name, and must not end it.
func TestAJobOfAfterTheSnapshotIsLeftToGoOn(t *testing.T) {
	o := &outside{answer: well}
	run := runOf(v1alpha1.PostSnapshot, 1, func(run *v1alpha1.HookRun) {
		run.Spec.Hook.Exec, run.Spec.Hook.Job, run.Status.Attempted = nil, &v1alpha1.JobAction{}, 1
	})
	c := newContainers(t, always(well))
	p := New(Means{Containers: c, Jobs: jobbing{o}}, Options{})
	require.NoError(t, p.Recover(t.Context(), &book{}, run))
	assert.Empty(t, o.ended)
	assert.Empty(t, run.Status.Results)
	require.NoError(t, p.Group(t.Context(), &book{}, onePod{c}, []Job{undoing(run)}))
	require.Len(t, o.jobs, 1)
	assert.Equal(t, jobName("hook", run.UID, "pod-000", 1), o.jobs[0].Name)
}

func TestAThawOfAPodThatIsGoneIsOver(t *testing.T) {
	port := intstr.FromString("web")
	for name, hook := range map[string]v1alpha1.ResolvedHook{
		"a request":    {HTTPGet: &v1alpha1.HTTPGetAction{HTTPRequest: v1alpha1.HTTPRequest{Port: &port}}},
		"a Job":        {Job: &v1alpha1.JobAction{}},
		"a script":     {Script: &v1alpha1.ScriptAction{Inline: "#!/bin/sh\n"}},
		"a connection": {TCPSocket: &v1alpha1.TCPSocketAction{Port: port}},
	} {
		t.Run(name, func(t *testing.T) {
			c, o := newContainers(t, always(well)), &outside{answer: well}
			c.gone["pod-000"] = true
			run := runOf(v1alpha1.PostSnapshot, 1, func(run *v1alpha1.HookRun) {
				hook.Name, hook.Timeout, hook.OnError, hook.ExecutionPolicy = "thaw", run.Spec.Hook.Timeout, v1alpha1.Fail, v1alpha1.Always
				run.Spec.Hook = hook
			})
			require.NoError(t, New(Means{Containers: c, Sender: o, Jobs: jobbing{o}, Secrets: o}, Options{}).Group(t.Context(), &book{}, onePod{c}, []Job{undoing(run)}))
			assert.Equal(t, v1alpha1.ResultSkipped, result(t, run).Outcome)
			assert.Equal(t, v1alpha1.ReasonPodGone, result(t, run).Reason)
		})
	}
}

func TestAThawInANamespaceThatIsBeingDeletedIsOver(t *testing.T) {
	o := &outside{answer: action.Result{Reason: action.NamespaceEnding, Process: action.NeverRan}}
	run := runOf(v1alpha1.PostSnapshot, 1, func(run *v1alpha1.HookRun) {
		run.Spec.Hook.Exec, run.Spec.Hook.Job, run.Spec.Hook.RunOn = nil, &v1alpha1.JobAction{}, v1alpha1.OncePerSession
		run.Spec.Pods = []v1alpha1.RunPod{{}}
	})
	c := newContainers(t, always(well))
	require.NoError(t, New(Means{Containers: c, Jobs: jobbing{o}}, Options{}).Group(t.Context(), &book{}, onePod{c}, []Job{undoing(run)}))
	assert.Equal(t, v1alpha1.ResultSkipped, result(t, run).Outcome)
	assert.Equal(t, "NamespaceEnding", result(t, run).Reason)
}

// A thaw that cannot be done yet must not keep others waiting: while it pauses, they run.
func TestAThawThatPausesLetsOthersRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newContainers(t, func(pod string, time int) action.Result {
			if pod == "pod-000" && time < 4 {
				return nobody
			}
			return well
		})
		run, begun := runOf(v1alpha1.PostSnapshot, 4), time.Now()
		require.NoError(t, New(Means{Containers: c}, Options{AtOnce: 1}).Group(t.Context(), &book{}, c, []Job{undoing(run)}))
		assert.Equal(t, 4, c.times["pod-000"])
		assert.Less(t, time.Since(begun), 5*time.Second)
		assert.Equal(t, int32(4), run.Status.Succeeded)
		assert.Equal(t, 1, c.most, "one at once, all the same")
	})
}

func TestSecretsAreTakenOutOfWhatIsWritten(t *testing.T) {
	const basic = "Basic YXBwOmxldC1tZS1pbg==" // app:let-me-in
	tests := map[string]struct{ text, want string }{
		"whole":                          {"a hunter22 b hunter22", "a [redacted] b [redacted]"},
		"cut at the beginning":           {"ter22 b", "[redacted] b"},
		"cut at the end":                 {"a hunte", "a [redacted]"},
		"too little left to tell":        {"r22 b hun", "r22 b hun"},
		"each line of one with several":  {"x second line y", "x [redacted] y"},
		"nothing":                        {"all is well", "all is well"},
		"as it stands, with its newline": {"first line\nsecond line\n", "[redacted]\n"},
		"a token without its scheme":     {"invalid token abcdef0123", "invalid token [redacted]"},
		"what Basic has":                 {"no user app:let-me-in, nor let-me-in", "no user [redacted], nor [redacted]"},
		"as JSON has it":                 {`{"error": "first line\nsecond line"}`, `{"error": "[redacted]"}`},
		"as a URL has it":                {"q=first+line&r=second%20line", "q=[redacted]&r=[redacted]"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, redact(test.text, []string{"hunter22", "first line\nsecond line\n", "", "Bearer abcdef0123", basic}))
		})
	}
}
