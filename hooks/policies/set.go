// Package policies keeps the cluster's policies compiled, for the webhook and for the controller alike: it watches both
// kinds, the scripts and templates to which they refer, and the Velero Schedules and Backups that have hooks of their own.
package policies

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/restore"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// Set is the policies of one moment, compiled. It does not change.
type Set struct {
	// Compiled decides about the hooks of backups of pods, Restores about init containers of restored ones.
	Compiled *stamp.Policies
	Restores *restore.Policies
	// Index has those that can be used and are not suspended, for whoever plans with them.
	Index *match.Index
	// Policies are all of both kinds, those included that are suspended or cannot be used, sorted by namespace and name.
	Policies []Policy
	// Library is what they may refer to.
	Library *library.Library
	// Scripts and Templates are the objects of which the library was made, by name.
	Scripts, Templates map[string]Version
	// Provisional is true before it is known whether Velero has Schedules or Backups with hooks: enough for new pods,
	// which must not wait, and not for changing those that run.
	Provisional bool
}

// Policy is a policy as it was compiled.
type Policy struct {
	match.Ref
	UID        types.UID
	Generation int64
	// Spec is what the policy comes to: with the hooks of its template, and the text of its scripts. Of one of which that cannot be
	// said, it is as Written.
	Spec *v1alpha1.HookPolicySpec
	// Written is the spec as its author wrote it.
	Written *v1alpha1.HookPolicySpec
	// TemplateVersion is that of the template, as in its own status; empty without one.
	TemplateVersion string
	// Refusal is why the policy cannot be used, in words for its author; or nil. It wraps a library.MissingError where it is for
	// something that is not there.
	Refusal error
}

// Version tells an object from others of its name, and from itself at other times.
type Version struct {
	UID        types.UID
	Generation int64
}

// State is the policy's in the metrics.
func (p *Policy) State() string {
	switch {
	case p.Refusal != nil:
		return stateInvalid
	case p.Spec.Suspend:
		return stateSuspended
	}
	return stateReady
}

// Objects are what a set is made of. They are only read.
type Objects struct {
	Cluster    []v1alpha1.HookPolicy
	Namespaced []v1alpha1.NamespacedHookPolicy
	Scripts    []v1alpha1.HookScript
	Templates  []v1alpha1.HookTemplate
}

// NewSet compiles policies with what they refer to. It does no I/O, and serves those as well that have no Loader.
func NewSet(from Objects, options stamp.Options) *Set {
	set := &Set{Policies: make([]Policy, 0, len(from.Cluster)+len(from.Namespaced))}
	set.stock(from)
	add := func(ref match.Ref, uid types.UID, generation int64, spec v1alpha1.HookPolicySpec) {
		// A copy of its own, by which the rest of the object, as it was then, is not kept in memory.
		set.Policies = append(set.Policies, Policy{Ref: ref, UID: uid, Generation: generation, Spec: &spec, Written: &spec})
	}
	for i := range from.Cluster {
		policy := &from.Cluster[i]
		add(match.Ref{Name: policy.Name}, policy.UID, policy.Generation, policy.Spec)
	}
	for i := range from.Namespaced {
		policy := &from.Namespaced[i]
		add(match.Ref{Namespace: policy.Namespace, Name: policy.Name}, policy.UID, policy.Generation, policy.Spec)
	}
	slices.SortFunc(set.Policies, func(a, b Policy) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	set.resolve()
	sources := make([]match.Source, 0, len(set.Policies))
	for i := range set.Policies {
		if set.Policies[i].Refusal == nil {
			sources = append(sources, match.Source{Ref: set.Policies[i].Ref, Spec: set.Policies[i].Spec})
		}
	}
	slices.SortFunc(options.BackupHooks, func(a, b velero.BackupHooks) int { return strings.Compare(a.Name, b.Name) })
	index, refused := match.CompileAll(sources)
	refusals := make(map[match.Ref]error, len(refused))
	for _, refusal := range refused {
		refusals[refusal.Ref] = refusal.Err
	}
	for i := range set.Policies {
		policy := &set.Policies[i]
		refusal, found := refusals[policy.Ref]
		if found && policy.Written.Template != nil { // the hook that it names may not be one of the policy's own
			refusal = fmt.Errorf("with the hooks of HookTemplate %q: %w", policy.Written.Template.Name, refusal)
		}
		if found {
			policy.Refusal = refusal
		}
	}
	set.Compiled, set.Restores, set.Index = stamp.New(index, options), restore.New(index), index
	return set
}

// stock fills the library.
func (s *Set) stock(from Objects) {
	s.Library = &library.Library{
		Scripts: make(map[string]*v1alpha1.HookScriptSpec, len(from.Scripts)), Templates: make(map[string]*v1alpha1.HookTemplateSpec, len(from.Templates))}
	s.Scripts, s.Templates = make(map[string]Version, len(from.Scripts)), make(map[string]Version, len(from.Templates))
	for i := range from.Scripts {
		script, spec := &from.Scripts[i], from.Scripts[i].Spec // a copy of its own, as of policies
		s.Library.Scripts[script.Name], s.Scripts[script.Name] = &spec, Version{script.UID, script.Generation}
	}
	for i := range from.Templates {
		template, spec := &from.Templates[i], from.Templates[i].Spec
		s.Library.Templates[template.Name], s.Templates[template.Name] = &spec, Version{template.UID, template.Generation}
	}
}

// resolve finds out what each policy comes to.
func (s *Set) resolve() {
	versions := map[string]string{}
	for i := range s.Policies {
		policy := &s.Policies[i]
		resolved, err := s.Library.Resolve(policy.Written)
		if err != nil {
			policy.Refusal = err
		} else {
			policy.Spec = resolved
		}
		use := policy.Written.Template
		if use == nil || s.Library.Templates[use.Name] == nil {
			continue
		}
		version, known := versions[use.Name]
		if !known {
			version = library.Version(s.Library.Templates[use.Name])
			versions[use.Name] = version
		}
		policy.TemplateVersion = version
	}
}
