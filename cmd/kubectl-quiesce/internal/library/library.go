// Package library has the commands for what policies are made of, and for policies themselves: scripts, templates and policies.
package library

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// scheme is our kinds.
var scheme = runtime.NewScheme()

func init() { utilruntime.Must(v1alpha1.AddToScheme(scheme)) }

// NewScripts returns the commands for HookScripts.
func NewScripts(frame *command.Frame) *cobra.Command {
	c := &cobra.Command{
		Use:     "scripts",
		Aliases: []string{"script"},
		Short:   "Add, list, show and delete the scripts that hooks run",
		Long: `Add, list, show and delete the scripts that hooks run.

A HookScript is a script that many hooks refer to by its name. When a hook runs it is streamed to its interpreter in the
container, so that nothing has to be in the image for it.`,
	}
	return command.Group(c, newScriptsAdd(frame), newScriptsList(frame), newScriptsShow(frame), newScriptsDelete(frame))
}

// NewTemplates returns the commands for HookTemplates.
func NewTemplates(frame *command.Frame) *cobra.Command {
	c := &cobra.Command{
		Use:     "templates",
		Aliases: []string{"template"},
		Short:   "List, show, use and clone ready-made hooks for applications",
		Long: `List, show, use and clone ready-made hooks for applications.

A HookTemplate is ready-made hooks with params for what differs from one place to another. A policy that uses one follows
its changes; a clone is a policy of its own.`,
	}
	return command.Group(c, newTemplatesList(frame), newTemplatesShow(frame), newTemplatesUse(frame), newTemplatesClone(frame))
}

// NewPolicies returns the commands for policies of both kinds.
func NewPolicies(frame *command.Frame) *cobra.Command {
	c := &cobra.Command{
		Use:     "policies",
		Aliases: []string{"policy"},
		Short:   "List, suspend and resume policies",
		Long: `List, suspend and resume policies.

HookPolicies are for pods of the whole cluster, NamespacedHookPolicies for those of their own namespace.`,
	}
	return command.Group(c, newPoliciesList(frame), newPoliciesSwitch(frame, suspending), newPoliciesSwitch(frame, resuming))
}

// get reads an object of ours that is in no namespace. Of one that is not there it says which of the others may be meant.
func get(ctx context.Context, cluster client.Reader, name string, object client.Object) error {
	err := cluster.Get(ctx, client.ObjectKey{Name: name}, object)
	if !apierrors.IsNotFound(err) {
		return err
	}
	return command.Unknown(kindOf(object), name, namesLike(ctx, cluster, "", object))
}

// namesLike are the names of objects of a kind. Where they may not be listed there are none, which says nothing wrong: whoever
// asks has a name already.
func namesLike(ctx context.Context, cluster client.Reader, namespace string, like client.Object) []string {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kindOf(like) + "List"))
	if err := cluster.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return nil
	}
	names := make([]string, len(list.Items))
	for i := range list.Items {
		names[i] = list.Items[i].Name
	}
	return names
}

// kindOf is the kind of an object of ours.
func kindOf(object runtime.Object) string {
	kinds, _, err := scheme.ObjectKinds(object)
	if err != nil || len(kinds) == 0 {
		return fmt.Sprintf("%T", object) // none of ours, which the compiler cannot tell
	}
	return kinds[0].Kind
}
