package session

import (
	"context"
	"time"

	"github.com/quiesce-io/quiesce/hooks/session/machine"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// preflight finds what would keep hooks from running that is known before anything is quiesced: Secrets that cannot be read, Jobs that the
// API server refuses, addresses that no request may reach, ports that no container names. A thaw would come too late to say so.
func (o *open) preflight(ctx context.Context, runs []*v1alpha1.HookRun) *v1alpha1.Breach {
	for _, run := range runs {
		// What a restored pod needs comes with the restore.
		if run.Spec.Stage == v1alpha1.PostRestore || run.Spec.Hook.OnError == v1alpha1.Continue && !record.Thaws(run) {
			continue
		}
		if err := o.lacks(ctx, run); err != nil {
			return machine.BreakWith(v1alpha1.ReasonNotPrepared, time.Now(), "hook %q of %s in %s: %v", run.Spec.Hook.Name, record.PolicyOf(run), run.Spec.Stage, err)
		}
	}
	return nil
}

// lacks is what would keep a hook from running, or nil.
func (o *open) lacks(ctx context.Context, run *v1alpha1.HookRun) error {
	for _, ref := range secretsOf(&run.Spec.Hook) {
		if _, err := o.Secrets.Value(ctx, o.key.Namespace, ref.Name, ref.Key); err != nil {
			return err
		}
	}
	return o.Performer.Check(ctx, run, o.view)
}

// secretsOf are the keys of Secrets that a hook needs.
func secretsOf(hook *v1alpha1.ResolvedHook) []v1alpha1.SecretKeyRef {
	var refs []v1alpha1.SecretKeyRef
	add := func(source *v1alpha1.ValueSource) {
		if source != nil {
			refs = append(refs, source.SecretKeyRef)
		}
	}
	if hook.Script != nil {
		for i := range hook.Script.Env {
			add(hook.Script.Env[i].ValueFrom)
		}
	}
	for _, request := range requestsOf(hook) {
		for i := range request.HTTPHeaders {
			add(request.HTTPHeaders[i].ValueFrom)
		}
		if request.TLS != nil {
			add(request.TLS.CAFrom)
		}
	}
	return refs
}

func requestsOf(hook *v1alpha1.ResolvedHook) []*v1alpha1.HTTPRequest {
	switch {
	case hook.HTTPGet != nil:
		return []*v1alpha1.HTTPRequest{&hook.HTTPGet.HTTPRequest}
	case hook.HTTPPost != nil:
		return []*v1alpha1.HTTPRequest{&hook.HTTPPost.HTTPRequest}
	}
	return nil
}
