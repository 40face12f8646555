package thaw

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/chain"
	"github.com/quiesce-io/quiesce/hooks/script"
	"github.com/quiesce-io/quiesce/hooks/session/perform"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// pause is how long to wait before something is tried again.
const pause = time.Second

// performer does what was planned.
type performer struct {
	reader     client.Reader // of pods and Secrets, with the user's rights
	containers executor
	results    *results
}

// stamped thaws a pod that Velero has quiesced.
func (p *performer) stamped(ctx context.Context, pod *stampedPod, until time.Time) {
	if ctx.Err() != nil { // somebody wants no more begun
		return
	}
	begun := time.Now()
	one := p.sweep(ctx, pod, until)
	one.pod, one.container, one.took = pod.Pod, pod.Container, time.Since(begun)
	if one.hook == "" {
		one.hook = refs(pod.policies)
	}
	p.results.add(one)
}

// sweep thaws the pod and ends its watchdog. What another script has begun is waited for.
func (p *performer) sweep(ctx context.Context, pod *stampedPod, until time.Time) result {
	if pod.thaw == nil || !pod.quiesced() {
		return p.ownHook(ctx, pod)
	}
	for tried := false; ; {
		done := p.containers.Exec(context.WithoutCancel(ctx), action.Request{
			Target: pod.Target, Command: pod.thaw.Chain.SweepCommand(pod.found), Timeout: pod.thaw.Chain.SweepTimeout(), Chain: true,
		})
		switch {
		case done.Reason == action.Succeeded:
			return result{verdict: thawed, message: "and its watchdog ended"}
		case code(done) == chain.ExitNothing: // of the watchdogs that were found; another backup may have begun since
			if again := pod.lookAgain(ctx, p.containers); again == nil {
				return result{verdict: failed, message: "another backup has quiesced it since it was looked at: run this again"}
			} else if tried || again.verdict == failed {
				return *again
			}
			return result{verdict: nothing, message: "its watchdog has thawed it meanwhile"}
		case code(done) == chain.ExitOtherThaw:
			return result{verdict: failed, message: "thawed by its policies as they are now; but they have changed, and its watchdog runs at its deadline what they had"}
		case code(done) == chain.ExitStillThawing:
			return result{verdict: failed, message: "not all could be thawed, and its watchdog goes on trying: " + tail(done.Output)}
		case code(done) == chain.ExitUndoing, code(done) == chain.ExitBusy, done.Reason == action.Unreachable, done.Reason == action.ConnectionLost:
			tried = true
			if time.Now().After(until) || !wait(ctx, pause) {
				return result{verdict: failed, message: done.Message}
			}
			if again := pod.lookAgain(ctx, p.containers); again != nil {
				return *again
			}
		case gone(done):
			return result{verdict: nothing, message: done.Message}
		default:
			return result{verdict: failed, message: strings.TrimSpace(done.Message + " " + tail(done.Output))}
		}
	}
}

// lookAgain looks for watchdogs once more; what it comes to where there are none.
func (p *stampedPod) lookAgain(ctx context.Context, containers executor) *result {
	p.look(ctx, containers)
	switch {
	case p.unknown != "":
		return &result{verdict: failed, message: p.unknown}
	case p.found == "":
		return &result{verdict: thawed, message: "by its own script"}
	}
	return nil
}

// ownHook runs what is stamped on the pod.
func (p *performer) ownHook(ctx context.Context, pod *stampedPod) result {
	quiesced := pod.quiesced()
	// One that is no script is for a container without a shell.
	done := p.containers.Exec(context.WithoutCancel(ctx), action.Request{
		Target: pod.Target, Command: pod.own, Timeout: pod.timeout, Chain: pod.ours(), NoShell: !pod.ours(),
	})
	switch {
	case gone(done):
		return result{verdict: nothing, message: done.Message}
	case done.Reason != action.Succeeded && code(done) != chain.ExitThawedEarly:
		return result{verdict: failed, message: strings.TrimSpace(done.Message + " " + tail(done.Output))}
	case !pod.guarded:
		return result{verdict: thawed}
	}
	pod.look(ctx, p.containers)
	if pod.found != "" || pod.unknown != "" {
		return result{verdict: failed, message: "its post hook was run, and its watchdog goes on trying " + pod.unknown}
	}
	if code(done) == chain.ExitThawedEarly && !quiesced {
		return result{verdict: thawed, message: "its post hook was run; nothing had kept it quiesced"}
	}
	return result{verdict: thawed, message: "and its watchdog ended"}
}

// gone tells of containers in which nothing can be quiesced any more by what ran there.
func gone(done action.Result) bool { return done.Reason == action.PodGone }

// steps does steps in their order, those of one batch at once. It returns those that are left to be done by hand.
func (p *performer) steps(ctx context.Context, all []step) {
	var (
		lock   sync.Mutex
		broken = map[string]bool{} // containers in which something has failed, and which therefore keep their watchdog
	)
	left := map[string]int{} // steps that are still to come in a container
	for i := range all {
		if all[i].how == runs {
			left[all[i].where()]++
		}
	}
	for batch := 0; len(all) > 0 && ctx.Err() == nil; batch++ {
		var now []*step
		all = slices.DeleteFunc(all, func(s step) bool {
			if s.batch == batch && s.how != byHand {
				now = append(now, new(s))
			}
			return s.batch == batch
		})
		each(now, func(s *step) {
			lock.Lock()
			disarm := false
			if s.how == runs {
				left[s.where()]--
				disarm = s.disarms && left[s.where()] == 0 && !broken[s.where()]
			}
			lock.Unlock()
			begun := time.Now()
			one := p.step(ctx, s, disarm)
			one.pod, one.container, one.hook, one.took = s.pod.Name, s.pod.Container, s.name(), time.Since(begun)
			if one.verdict == failed {
				lock.Lock()
				broken[s.where()] = true
				lock.Unlock()
			}
			p.results.add(one)
		})
	}
}

// where is the step's container.
func (s *step) where() string { return string(s.pod.UID) + "/" + s.pod.Container }

func (s *step) target() action.Target {
	return action.Target{Namespace: s.run.Namespace, Pod: s.pod.Name, Container: s.pod.Container, UID: s.pod.UID}
}

// step does one.
func (p *performer) step(ctx context.Context, s *step, disarm bool) result {
	if s.how == ends {
		return p.end(ctx, s)
	}
	request, err := p.request(ctx, s)
	if err != nil {
		return result{verdict: failed, message: err.Error()}
	}
	request.Disarm = disarm && !request.NoShell
	done := p.containers.Exec(context.WithoutCancel(ctx), request)
	switch {
	case gone(done):
		return result{verdict: nothing, message: done.Message}
	case done.Reason != action.Succeeded:
		return result{verdict: failed, message: strings.TrimSpace(done.Message + " " + tail(done.Output))}
	case done.Guard == action.ThawedEarly:
		return result{verdict: thawed, message: "no watchdog waited for it any more: it had been thawed before"}
	case request.Disarm:
		return result{verdict: thawed, message: "and its watchdog ended"}
	}
	return result{verdict: thawed}
}

// end ends what may be left of a pre hook.
func (p *performer) end(ctx context.Context, s *step) result {
	for count := 1; count <= int(s.run.Spec.Hook.MaxRetries)+1; count++ {
		if p.containers.End(context.WithoutCancel(ctx), s.target(), perform.Token(s.run.UID, s.pod.UID, count)) == action.MayRun {
			return result{verdict: failed, message: "its process could not be ended, and may still run"}
		}
	}
	if s.run.Spec.Hook.Hold != nil {
		return result{verdict: thawed, message: "it holds nothing any more"}
	}
	return result{verdict: thawed, message: "its process does not run"}
}

// request is what a hook runs.
func (p *performer) request(ctx context.Context, s *step) (action.Request, error) {
	hook := &s.run.Spec.Hook
	request := action.Request{Target: s.target(), Timeout: hook.Timeout.Duration, NoShell: s.run.Spec.Policy.Shell == v1alpha1.NoShell}
	if hook.Exec != nil {
		request.Command = hook.Exec.Command
		return request, nil
	}
	variables, err := p.variables(ctx, s)
	if err != nil {
		return request, err
	}
	request.Command, request.Stdin, err = script.Stream(hook.Script.Inline, hook.Script.Args, variables)
	return request, err
}

// variables are what a script is told, as the controller would.
func (p *performer) variables(ctx context.Context, s *step) ([]script.Variable, error) {
	var pod corev1.Pod
	err := p.reader.Get(ctx, client.ObjectKey{Namespace: s.run.Namespace, Name: s.pod.Name}, &pod)
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, err
	}
	told := []script.Variable{
		{Name: v1alpha1.SessionEnv, Value: s.run.Spec.Session.Name}, {Name: v1alpha1.StageEnv, Value: string(s.run.Spec.Stage)},
		{Name: v1alpha1.OutcomeEnv, Value: string(v1alpha1.Failed)}, {Name: v1alpha1.PolicyEnv, Value: s.run.Spec.Policy.Name},
		{Name: v1alpha1.HookEnv, Value: s.run.Spec.Hook.Name}, {Name: v1alpha1.PodNamespaceEnv, Value: s.run.Namespace},
		{Name: v1alpha1.PodNameEnv, Value: s.pod.Name}, {Name: v1alpha1.PodUIDEnv, Value: string(s.pod.UID)},
		{Name: v1alpha1.PodIPEnv, Value: pod.Status.PodIP}, {Name: v1alpha1.PodNodeEnv, Value: pod.Spec.NodeName},
	}
	for _, variable := range s.run.Spec.Hook.Script.Env {
		value := variable.Value
		if variable.ValueFrom != nil {
			var secret corev1.Secret
			ref := variable.ValueFrom.SecretKeyRef
			if err := p.reader.Get(ctx, client.ObjectKey{Namespace: s.run.Namespace, Name: ref.Name}, &secret); err != nil {
				return nil, fmt.Errorf("its script needs Secret %s: %w", ref.Name, err)
			}
			found, is := secret.Data[ref.Key]
			if !is {
				return nil, fmt.Errorf("its script needs key %s of Secret %s, which that does not have", ref.Key, ref.Name)
			}
			value = string(found)
		}
		told = append(told, script.Variable{Name: variable.Name, Value: value})
	}
	return told, nil
}

// tail is the end of what a command has written, in a line.
func tail(output string) string {
	const most = 200
	text := []rune(strings.Join(strings.Fields(output), " "))
	if len(text) > most {
		return "…" + string(text[len(text)-most:])
	}
	return string(text)
}

func wait(ctx context.Context, pause time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}
