package machine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/session/machine"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// world is a session in a cluster that is made up: hooks come out by chance, controllers die between any two steps and within them, and
// what they have not made durable is lost.
type world struct {
	t       *testing.T
	rand    *rand.Rand
	now     time.Time
	durable *record.Record // what the API server has
	index   *match.Index
	sources map[match.Ref]record.Policy
	pods    []plan.Pod

	attempted map[string]int // pre hooks that were really begun, by policy and pod: in which order
	frozen    map[string]bool
	thawed    map[string]int       // in which order something was undone there
	late      map[string]time.Time // what is frozen only then, since its hook goes on after all have given it up
	clock     int
	began     int // when the tool was told to begin
	ran       []string
	phases    []v1alpha1.Phase
	crashes   int
	failing   float64
	unending  float64
}

const steps = 400

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	w := &world{
		t: t, rand: rand.New(rand.NewPCG(seed, 1)), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		attempted: map[string]int{}, frozen: map[string]bool{}, thawed: map[string]int{}, late: map[string]time.Time{}, sources: map[match.Ref]record.Policy{},
	}
	w.failing, w.unending = []float64{0, 0, .05, .3}[w.rand.IntN(4)], []float64{0, 0, .1}[w.rand.IntN(3)]
	var sources []match.Source
	for i := range 1 + w.rand.IntN(3) {
		spec := w.policy()
		source := match.Source{Ref: match.Ref{Name: fmt.Sprintf("p%d", i)}, Spec: spec}
		sources = append(sources, source)
		w.sources[source.Ref] = record.Policy{UID: types.UID(source.Name), Generation: 1, Spec: spec}
	}
	index, refused := match.CompileAll(sources)
	require.Empty(t, refused)
	w.index = index
	for i := range w.rand.IntN(4) {
		w.pods = append(w.pods, w.pod(fmt.Sprintf("pod-%d", i)))
	}
	session := &v1alpha1.HookSession{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "s", UID: "s", Generation: 1}}
	session.Spec.Operation = []v1alpha1.Operation{v1alpha1.OperationSnapshot, v1alpha1.OperationBackup, v1alpha1.OperationRestore}[w.rand.IntN(3)]
	if session.Spec.Operation == v1alpha1.OperationRestore {
		session.Spec.DataSource = v1alpha1.SourceBackup
	}
	w.durable = &record.Record{Session: session}
	return w
}

func (w *world) pod(name string) plan.Pod {
	return plan.Pod{
		Pod: match.Pod{Containers: []match.Container{{Name: "main"}}}, UID: types.UID(name), Name: name, Ready: w.rand.IntN(2) == 0,
	}
}

func (w *world) policy() *v1alpha1.HookPolicySpec {
	spec := &v1alpha1.HookPolicySpec{Priority: int32(w.rand.IntN(2)), MaxQuiesce: v1alpha1.Duration{Duration: time.Duration(1+w.rand.IntN(20)) * time.Minute}}
	for i := range 1 + w.rand.IntN(4) {
		hook := v1alpha1.Hook{Name: fmt.Sprintf("h%d", i), Exec: &v1alpha1.ExecAction{Command: []string{"x"}}}
		for len(hook.Stages) == 0 {
			for _, stage := range v1alpha1.Stages {
				if w.rand.IntN(5) == 0 {
					hook.Stages = append(hook.Stages, stage)
				}
			}
		}
		if w.rand.IntN(4) == 0 {
			hook.OnError = v1alpha1.Continue
		}
		if w.rand.IntN(5) == 0 {
			hook.RunOn = v1alpha1.OnePod
		}
		if w.rand.IntN(6) == 0 {
			hook.Exec, hook.HTTPPost, hook.RunOn = nil, &v1alpha1.HTTPPostAction{HTTPRequest: v1alpha1.HTTPRequest{URL: "http://x"}}, v1alpha1.OncePerSession
		}
		if !slices.ContainsFunc(hook.Stages, func(s v1alpha1.Stage) bool { return !plan.IsPost(s) }) && w.rand.IntN(5) == 0 {
			hook.ExecutionPolicy = v1alpha1.OnFailure
		}
		if w.rand.IntN(6) == 0 {
			hook.Exec, hook.HTTPPost, hook.RunOn, hook.Hold = nil, nil, v1alpha1.EachPod, &v1alpha1.HoldAction{Command: []string{"x"}, ReadyPattern: "x"}
			hook.Stages, hook.ExecutionPolicy = []v1alpha1.Stage{v1alpha1.PreSnapshot}, ""
		}
		spec.Hooks = append(spec.Hooks, hook)
	}
	return spec
}

// read is what a controller knows that begins: what is durable, and nothing else.
func (w *world) read() *record.Record {
	r := &record.Record{Session: w.durable.Session.DeepCopy()}
	for _, run := range w.durable.Runs {
		r.Runs = append(r.Runs, run.DeepCopy())
	}
	return r
}

// write makes what a controller knows durable.
func (w *world) write(r *record.Record) {
	spec, deletion := w.durable.Session.Spec, w.durable.Session.DeletionTimestamp
	w.durable = &record.Record{Session: r.Session.DeepCopy()}
	w.durable.Session.Spec, w.durable.Session.DeletionTimestamp = spec, deletion
	for _, run := range r.Runs {
		w.durable.Runs = append(w.durable.Runs, run.DeepCopy())
	}
	r.Session.Spec, r.Session.DeletionTimestamp = spec, deletion
	if phase := r.Session.Status.Phase; len(w.phases) == 0 || w.phases[len(w.phases)-1] != phase {
		w.phases = append(w.phases, phase)
	}
}

// crash is a death of the controller, at any call of it, while there are any left to die.
type crash struct{}

func (w *world) mayCrash() {
	if w.crashes > 0 && w.rand.IntN(12) == 0 {
		w.crashes--
		panic(crash{})
	}
}

// signal is what the tool and the user do, at any time.
func (w *world) signal() {
	session := w.durable.Session
	say := func(change func(*v1alpha1.Outcomes)) {
		if session.Spec.Outcomes == nil {
			session.Spec.Outcomes = &v1alpha1.Outcomes{}
		}
		change(session.Spec.Outcomes)
	}
	outcome := []v1alpha1.Outcome{v1alpha1.Succeeded, v1alpha1.Succeeded, v1alpha1.Failed}[w.rand.IntN(3)]
	begun := session.Status.BegunAt != nil
	switch dice := w.rand.IntN(60); {
	case dice < 4 && begun && session.Spec.Operation == v1alpha1.OperationBackup:
		say(func(o *v1alpha1.Outcomes) { o.Snapshot = orElse(o.Snapshot, outcome) })
	case dice < 10 && begun || dice == 10:
		say(func(o *v1alpha1.Outcomes) { o.Operation = orElse(o.Operation, outcome) })
	case dice == 11:
		session.Spec.Cancel = true
	case dice == 12 && session.DeletionTimestamp == nil:
		session.DeletionTimestamp = &metav1.Time{Time: w.now}
	case dice < 20:
		w.now = w.now.Add(time.Duration(w.rand.IntN(600)) * time.Second)
	}
}

// freezeLate has hooks complete of which nobody knew whether they had ended.
func (w *world) freezeLate() {
	for where, at := range w.late {
		if !w.now.Before(at) {
			w.frozen[where] = true
			delete(w.late, where)
		}
	}
}

func orElse(said, outcome v1alpha1.Outcome) v1alpha1.Outcome {
	if said != "" {
		return said
	}
	return outcome
}

// live is one controller, until it dies or the session is over.
func (w *world) live() (over bool) {
	defer func() {
		if died := recover(); died != nil {
			if _, is := died.(crash); !is {
				panic(died)
			}
		}
	}()
	r := w.read()
	w.takeOver(r)
	for range steps {
		w.signal()
		r.Session.Spec, r.Session.DeletionTimestamp = w.durable.Session.Spec, w.durable.Session.DeletionTimestamp
		w.now = w.now.Add(time.Second)
		w.freezeLate()
		if breach := machine.NewBreach(r, w.now); breach != nil {
			r.Session.Status.Broken = breach
		}
		d := machine.Next(r, time.Hour, w.now)
		machine.Mark(r, d, w.now)
		machine.Settle(r, d, w.now)
		w.mayCrash()
		w.write(r)
		w.mayCrash()
		if w.do(r, d) {
			return true
		}
	}
	return false
}

// takeOver is what a controller does with what another may have begun.
func (w *world) takeOver(r *record.Record) {
	for _, run := range r.Runs {
		if plan.IsPost(run.Spec.Stage) {
			continue
		}
		var results []v1alpha1.PodResult
		record.Each(run, func(place int, pod *v1alpha1.RunPod, result *v1alpha1.PodResult) {
			switch {
			case result != nil:
				results = append(results, *result)
			case place < int(run.Status.Attempted) && pod.Obstacle == "":
				results = append(results, w.interrupted(run, pod))
			}
		})
		record.SetResults(run, results)
		w.write(r)
	}
}

// interrupted is a hook that may have been begun: as far as anybody knows, it was.
func (w *world) interrupted(run *v1alpha1.HookRun, pod *v1alpha1.RunPod) v1alpha1.PodResult {
	if where := run.Spec.Policy.Name + "/" + pod.Name; w.attempted[where] == 0 {
		w.clock++
		w.attempted[where] = w.clock
		w.frozen[where] = true
	}
	result := v1alpha1.PodResult{Pod: pod.Name, Outcome: v1alpha1.ResultFailed, Reason: "Interrupted"}
	delete(w.late, run.Spec.Policy.Name+"/"+pod.Name) // whoever takes over ends it, where that can be done
	if w.rand.Float64() < w.unending {
		result.MayRunUntil = &metav1.MicroTime{Time: w.now.Add(time.Minute)}
		w.late[run.Spec.Policy.Name+"/"+pod.Name] = w.now.Add(time.Minute)
	}
	return result
}

func (w *world) do(r *record.Record, d machine.Decision) (over bool) {
	switch d.Action {
	case machine.Resolve, machine.ResolveRestored:
		w.resolve(r, d.Action == machine.ResolveRestored)
	case machine.Open:
		require.Equal(w.t, w.now, r.Session.Status.Window.OpenedAt.Time)
	case machine.Begin:
		w.clock++
		w.began = w.clock
		require.Nil(w.t, r.Session.Status.Broken)
		for _, run := range r.Runs {
			if !plan.IsPost(run.Spec.Stage) {
				require.Len(w.t, run.Status.Results, len(run.Spec.Pods), "the tool begins behind all that comes before")
			}
		}
	case machine.Skip:
		for _, skips := range d.Skips {
			w.replace(r, record.Skip(skips.Run, skips.Places, skips.Reason))
		}
	case machine.Run:
		w.run(r, d)
		if d.Again {
			machine.MarkThawedAgain(r, w.now)
		}
	case machine.Await:
		if r.Session.Status.FinishedAt != nil {
			return true
		}
		if !d.Until.IsZero() && w.rand.IntN(3) == 0 {
			w.now = d.Until
		}
	case machine.Finish:
	case machine.Release:
		r.Session.Finalizers = nil
	case machine.Delete:
		return true
	}
	return false
}

func (w *world) resolve(r *record.Record, restored bool) {
	session := r.Session
	request := plan.Request{Namespace: "shop", Operation: session.Spec.Operation, DataSource: session.Spec.DataSource}
	kinds, err := request.Here()
	require.NoError(w.t, err)
	session.Status.Plan = &v1alpha1.SessionPlan{SnapshotHooks: kinds.Snapshot, BackupHooks: kinds.Backup, RestoreHooks: kinds.Restore}
	if restored && w.rand.IntN(2) == 0 {
		w.pods = append(w.pods, w.pod(fmt.Sprintf("new-%d", w.rand.IntN(100))))
	}
	p := plan.Resolve(w.index, plan.Session{Namespace: match.Namespace{Name: "shop"}, Kinds: kinds}, w.pods)
	lookUp := func(ref match.Ref) record.Policy { return w.sources[ref] }
	if restored {
		r.Runs = slices.DeleteFunc(slices.Clone(r.Runs), func(run *v1alpha1.HookRun) bool { return run.Spec.Stage == v1alpha1.PostRestore })
		r.Runs = append(r.Runs, record.Write(session, p.Of(v1alpha1.PostRestore), lookUp, len(r.Runs))...)
		session.Status.RestoreRuns = new(int32)
	} else {
		r.Runs = record.Write(session, p.Steps, lookUp, 0)
		session.Status.Runs = new(int32)
	}
	for _, run := range r.Runs {
		run.UID = types.UID(run.Name)
	}
	w.mayCrash()
	w.write(r)
}

func (w *world) replace(r *record.Record, run *v1alpha1.HookRun) {
	for i := range r.Runs {
		if r.Runs[i].UID == run.UID {
			r.Runs[i] = run
		}
	}
	w.write(r)
}

// run is a group of hooks: it is durable where they may be, before they are.
func (w *world) run(r *record.Record, d machine.Decision) {
	for _, job := range d.Jobs {
		run := job.Run.DeepCopy()
		undoes := r.Undoes(job.Run)
		run.Status.Attempted = int32(len(run.Spec.Pods))
		w.replace(r, run)
		w.mayCrash()
		results := map[string]v1alpha1.PodResult{}
		for i := range run.Status.Results {
			results[run.Status.Results[i].Pod] = run.Status.Results[i]
		}
		for _, place := range job.Places {
			pod := run.Spec.Pods[place]
			results[pod.Name] = w.hook(run, pod, undoes(pod.UID))
			w.mayCrash()
		}
		var ordered []v1alpha1.PodResult
		for _, pod := range run.Spec.Pods {
			if result, found := results[pod.Name]; found {
				ordered = append(ordered, result)
			}
		}
		done := run.DeepCopy()
		record.SetResults(done, ordered)
		w.replace(r, done)
	}
}

// hook is what really happens in a pod.
func (w *world) hook(run *v1alpha1.HookRun, pod v1alpha1.RunPod, undoes bool) v1alpha1.PodResult {
	w.clock++
	where := run.Spec.Policy.Name + "/" + pod.Name
	w.ran = append(w.ran, fmt.Sprintf("%s %s/%s in %s", run.Spec.Stage, run.Spec.Policy.Name, run.Spec.Hook.Name, pod.Name))
	result := v1alpha1.PodResult{Pod: pod.Name, Outcome: v1alpha1.ResultSucceeded}
	failed := w.rand.Float64() < w.failing
	if failed {
		result.Outcome, result.Reason = v1alpha1.ResultFailed, "ExitCode"
	}
	if plan.IsPost(run.Spec.Stage) {
		w.requirePost(run, pod, where)
		if record.Thaws(run) && undoes {
			result.Outcome, result.Reason = v1alpha1.ResultSucceeded, "" // it is repeated until it has
			w.frozen[where+"/"+string(run.Spec.Stage)] = false
			delete(w.frozen, where)
			w.thawed[where] = w.clock
		}
		return result
	}
	require.Zero(w.t, w.began, "%s runs behind the beginning of the tool", run.Name)
	if failed && w.rand.IntN(3) == 0 {
		result.NotRun, result.Reason = true, "NotReady"
		return result
	}
	w.attempted[where] = w.clock
	w.frozen[where] = true
	if failed && w.rand.Float64() < w.unending {
		result.Reason, result.MayRunUntil = "TimedOut", &metav1.MicroTime{Time: w.now.Add(time.Minute)}
		w.late[where] = w.now.Add(time.Minute)
	}
	return result
}

// requirePost checks that nothing is undone that was not done: but by policies that have nothing to do before.
func (w *world) requirePost(run *v1alpha1.HookRun, pod v1alpha1.RunPod, where string) {
	planned := false
	for _, other := range w.durable.Runs {
		planned = planned || !plan.IsPost(other.Spec.Stage) && other.Spec.Policy.Name == run.Spec.Policy.Name &&
			slices.ContainsFunc(other.Spec.Pods, func(p v1alpha1.RunPod) bool { return p.UID == pod.UID })
	}
	if planned && run.Spec.Hook.RunOn == v1alpha1.EachPod {
		require.NotZero(w.t, max(w.attempted[where], w.attempted[run.Spec.Policy.Name+"/"]), "%s runs where nothing of its policy was attempted", run.Name)
	}
}

// TestWhateverHappensWhatWasQuiescedIsThawed drives sessions through chance: results, crashes at any moment, signals of the tool and the
// user, time that passes.
func TestWhateverHappensWhatWasQuiescedIsThawed(t *testing.T) {
	for seed := range uint64(4000) {
		w := newWorld(t, seed)
		w.crashes = w.rand.IntN(8)
		over := false
		for range 60 {
			if over = w.live(); over {
				break
			}
			if w.crashes == 0 { // nobody disturbs it any longer
				w.durable.Session.Spec.Cancel = true
			}
		}
		name := fmt.Sprintf("seed %d", seed)
		require.True(t, over, "%s does not come to an end: %+v %v", name, w.durable.Session.Status, w.ran)
		w.requireEnd(name)
	}
}

var edges = map[v1alpha1.Phase]int{
	"": 0, v1alpha1.PhasePending: 1, v1alpha1.PhaseQuiescing: 2, v1alpha1.PhaseQuiesced: 3, v1alpha1.PhaseThawing: 4, v1alpha1.PhaseThawed: 5,
	v1alpha1.PhaseFinishing: 6, v1alpha1.PhaseComplete: 7, v1alpha1.PhaseFailed: 7, v1alpha1.PhaseCancelled: 7,
}

// undone is when something was undone last that undoes what was attempted in a pod: there, or without a pod; what was attempted
// without a pod may be undone anywhere. It is false where nothing of the policy undoes it.
func (w *world) undone(policy, pod string, thawing map[string]bool) (last int, is bool) {
	for where := range thawing {
		if in, of := strings.CutPrefix(where, policy+"/"); of && (pod == "" || in == "" || in == pod) {
			last, is = max(last, w.thawed[where]), true
		}
	}
	return last, is
}

func (w *world) requireEnd(name string) {
	t, status := w.t, &w.durable.Session.Status
	for i := 1; i < len(w.phases); i++ {
		require.Greater(t, edges[w.phases[i]], edges[w.phases[i-1]], "%s: phases only come later: %v", name, w.phases)
	}
	require.True(t, status.Phase.Finished(), name)
	thawing := map[string]bool{}
	for _, run := range w.durable.Runs {
		for i := range run.Spec.Pods {
			if record.Thaws(run) {
				thawing[run.Spec.Policy.Name+"/"+run.Spec.Pods[i].Name] = true
			}
		}
	}
	for where, at := range w.attempted {
		policy, pod, _ := strings.Cut(where, "/")
		if last, is := w.undone(policy, pod, thawing); is {
			require.Greater(t, last, at, "%s: %s has not been undone: %v", name, where, w.ran)
		}
	}
	for where := range w.attempted {
		if thawing[where] {
			require.False(t, w.frozen[where], "%s: %s is left quiesced: %v", name, where, w.ran)
			require.NotContains(t, w.late, where, "%s: %s may yet be quiesced: %v", name, where, w.ran)
		}
	}
	require.Zero(t, status.QuiescedPods, name)
	if w.durable.Session.DeletionTimestamp == nil {
		for _, run := range w.durable.Runs {
			require.Len(t, run.Status.Results, len(run.Spec.Pods), "%s: every pod has its result in %s", name, run.Name)
		}
	}
}
