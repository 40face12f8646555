package librarian

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/usage"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const (
	// maxMessage is how long the message of a condition may be here, in bytes: nobody reads more.
	maxMessage = 2048
	// maxInterpreter and maxVersion are by the schema.
	maxInterpreter = 256
	maxVersion     = 32
)

// scriptShelf has the HookScripts.
type scriptShelf struct{ *Librarian }

func (scriptShelf) kind() string { return usage.Script }

func (scriptShelf) empty() *v1alpha1.HookScript { return &v1alpha1.HookScript{} }

func (s scriptShelf) describe(_ context.Context, script *v1alpha1.HookScript, uses []v1alpha1.Use) (conditions *[]metav1.Condition, ready metav1.Condition, err error) {
	status := &script.Status
	status.ObservedGeneration = script.Generation
	status.Bytes = int32(len(script.Spec.Script)) //nolint:gosec // the schema bounds it
	status.Interpreter = shorten(s.Interpreter(script.Spec.Script), maxInterpreter)
	status.Usage = usage.Summarize(uses)
	return &status.Conditions, readiness(s.CheckScript(&script.Spec), "Hooks can run it"), nil
}

// templateShelf has the HookTemplates.
type templateShelf struct{ *Librarian }

func (templateShelf) kind() string { return usage.Template }

func (templateShelf) empty() *v1alpha1.HookTemplate { return &v1alpha1.HookTemplate{} }

func (s templateShelf) describe(ctx context.Context, template *v1alpha1.HookTemplate, uses []v1alpha1.Use) (conditions *[]metav1.Condition, ready metav1.Condition, err error) {
	stages := usage.Stages(template.Spec.Hooks)
	names := make([]string, len(stages))
	for i, stage := range stages {
		names[i] = string(stage)
	}
	status := &template.Status
	status.ObservedGeneration = template.Generation
	status.Version = shorten(s.Version(&template.Spec), maxVersion)
	status.Stages = strings.Join(names, ",")
	status.Params = usage.Params(template.Spec.Params)
	status.Usage = usage.Summarize(stagesOf(uses, stages))
	ready = readiness(s.CheckTemplate(&template.Spec), "Policies can use it")
	if ready.Status == metav1.ConditionTrue {
		missing, err := s.missingScript(ctx, template)
		if err != nil {
			return nil, ready, err
		}
		if missing != "" {
			ready = metav1.Condition{Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonScriptNotFound, Message: missing}
		}
	}
	return &status.Conditions, ready, nil
}

// missingScript says which hook of a template runs a script that is not there; nothing where all are.
func (s templateShelf) missingScript(ctx context.Context, template *v1alpha1.HookTemplate) (string, error) {
	for i := range template.Spec.Hooks {
		hook := &template.Spec.Hooks[i]
		if hook.Script == nil || hook.Script.Name == "" {
			continue
		}
		err := s.Client.Get(ctx, client.ObjectKey{Name: hook.Script.Name}, &v1alpha1.HookScript{}, client.UnsafeDisableDeepCopy)
		switch {
		case apierrors.IsNotFound(err):
			return fmt.Sprintf("spec.hooks[%s].script.name: there is no HookScript %q: create it, or write the name of one that is there",
				hook.Name, hook.Script.Name), nil
		case err != nil:
			return "", err
		}
	}
	return "", nil
}

// shorten keeps the beginning of a text that is too long, in whole characters.
func shorten(text string, bytes int) string {
	const more = " …"
	if len(text) <= bytes {
		return text
	}
	return strings.ToValidUTF8(text[:bytes-len(more)], "") + more
}
