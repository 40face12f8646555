// Package librarian keeps the status of HookScripts and HookTemplates, by whom they are used above all, and keeps those from being
// deleted that somebody uses.
package librarian

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/usage"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// +kubebuilder:rbac:groups=quiesce.io,resources=hookpolicies;namespacedhookpolicies,verbs=get;list;watch
// +kubebuilder:rbac:groups=quiesce.io,resources=hookscripts;hooktemplates,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=quiesce.io,resources=hookscripts/status;hooktemplates/status,verbs=patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Settings of the Librarian. What a script and a template are is known elsewhere.
type Settings struct {
	// CheckScript and CheckTemplate say why one could not be used: which field, and what to write instead.
	CheckScript   func(*v1alpha1.HookScriptSpec) error
	CheckTemplate func(*v1alpha1.HookTemplateSpec) error
	// Interpreter is what a script's first line names, such as /bin/sh -e; empty where it names none.
	Interpreter func(script string) string
	// Version of a template changes with its params and hooks.
	Version func(*v1alpha1.HookTemplateSpec) string
}

// Librarian keeps the library. There is to be one at a time in a cluster.
type Librarian struct {
	// Client reads from a cache, which SetupWithManager has indexed.
	Client client.Client
	// Live reads from the API server.
	Live client.Reader
	// Recorder of events about scripts and templates.
	Recorder events.EventRecorder
	Settings
}

const (
	// settle is how long a change of a policy waits for others, so that a burst of them is counted once.
	settle = 250 * time.Millisecond
	// glance is when it is looked again whether somebody uses what is to be deleted, should no change tell.
	glance = 10 * time.Second
)

// SetupWithManager has the manager run the Librarian.
func (l *Librarian) SetupWithManager(mgr ctrl.Manager) error {
	for _, user := range []client.Object{&v1alpha1.HookPolicy{}, &v1alpha1.NamespacedHookPolicy{}, &v1alpha1.HookTemplate{}} {
		// The cache outlives this call, and its index has no end of its own.
		if err := mgr.GetFieldIndexer().IndexField(context.Background(), user, targetIndex, indexTargets); err != nil {
			return fmt.Errorf("indexing who uses the library: %w", err)
		}
	}
	scripts := ctrl.NewControllerManagedBy(mgr).
		Named("hookscript").
		Watches(&v1alpha1.HookScript{}, wakeItself()).
		Watches(&v1alpha1.HookPolicy{}, wake(usage.Script)).
		Watches(&v1alpha1.NamespacedHookPolicy{}, wake(usage.Script)).
		Watches(&v1alpha1.HookTemplate{}, wake(usage.Script)).
		Complete(&keeper[*v1alpha1.HookScript]{l, scriptShelf{l}})
	templates := ctrl.NewControllerManagedBy(mgr).
		Named("hooktemplate").
		Watches(&v1alpha1.HookTemplate{}, wakeItself()).
		Watches(&v1alpha1.HookPolicy{}, wake(usage.Template)).
		Watches(&v1alpha1.NamespacedHookPolicy{}, wake(usage.Template)).
		Watches(&v1alpha1.HookScript{}, l.wakeTemplates()).
		Complete(&keeper[*v1alpha1.HookTemplate]{l, templateShelf{l}})
	return errors.Join(scripts, templates)
}
