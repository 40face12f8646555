package perform

import (
	"context"
	"errors"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Check says what would keep a run from being run that is known ahead of it: a Job that the API server refuses, an address that no
// request may reach, a port that no container names; nil where there is nothing, or nothing that lasts.
func (p *Performer) Check(ctx context.Context, run *v1alpha1.HookRun, pods Pods) error {
	for i := range run.Spec.Pods {
		a := &attempt{task: &task{Performer: p, Job: Job{Run: run}, pods: pods}, pod: run.Spec.Pods[i], hook: &run.Spec.Hook, count: 1}
		refused := a.check(ctx)
		if refused != nil {
			return errors.New(refused.Message)
		}
		if run.Spec.Hook.Job != nil { // of which the pods differ in variables only
			return nil
		}
	}
	return nil
}

func (a *attempt) check(ctx context.Context) *action.Result {
	switch hook := a.hook; {
	case hook.Job != nil:
		request := a.jobRequest()
		if request.Owner.UID == "" { // of a run that is not stored yet; the session is as good for a trial
			request.Owner.Kind, request.Owner.Name, request.Owner.UID = "HookSession", a.Run.Spec.Session.Name, a.Run.Spec.Session.UID
		}
		return a.means.Jobs.Check(ctx, request)
	case hook.HTTPGet != nil:
		return a.checkRequest(ctx, &hook.HTTPGet.HTTPRequest)
	case hook.HTTPPost != nil:
		return a.checkRequest(ctx, &hook.HTTPPost.HTTPRequest)
	case hook.TCPSocket != nil:
		port, err := a.port(hook.TCPSocket.Port)
		if err != nil {
			return &action.Result{Message: err.Error()}
		}
		return a.means.Sender.Check(ctx, action.HTTPRequest{Host: a.expander().Replace(hook.TCPSocket.Host), Port: port, PodIP: a.podIP(), Timeout: hook.Timeout.Duration})
	}
	return nil
}

func (a *attempt) checkRequest(ctx context.Context, spec *v1alpha1.HTTPRequest) *action.Result {
	request, err := a.address(spec)
	if err != nil {
		return &action.Result{Message: err.Error()}
	}
	return a.means.Sender.Check(ctx, request)
}
