package match

import (
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Source is a policy to be compiled.
type Source struct {
	Ref
	Spec *v1alpha1.HookPolicySpec
}

// Refused is a policy that cannot be used, and why, in words for its author.
type Refused struct {
	Ref
	Err error
}

// CompileAll makes policies ready for use. Suspended ones are left out; those with a mistake are returned as refused and do
// not keep the others from being used. The policies must not be changed afterwards.
func CompileAll(sources []Source) (*Index, []Refused) {
	var (
		compiled []*Policy
		refused  []Refused
	)
	for _, source := range sources {
		policy, err := compileChecked(source.Ref, source.Spec)
		switch {
		case err != nil:
			refused = append(refused, Refused{source.Ref, err})
		case !source.Spec.Suspend:
			compiled = append(compiled, policy)
		}
	}
	return NewIndex(compiled), refused
}

// Check tells what keeps a policy from being used, in words for its author, with the field and what to write instead; nil
// when nothing does.
func Check(ref Ref, spec *v1alpha1.HookPolicySpec) error {
	_, err := compileChecked(ref, spec)
	return err
}

func compileChecked(ref Ref, spec *v1alpha1.HookPolicySpec) (*Policy, error) {
	policy, err := Compile(ref, spec)
	if err != nil {
		return nil, err
	}
	return policy, first(checkSpec(spec))
}

// Mistakes are all that keep a policy from being used, of which Check tells the first. Of a hook that has several, it is one.
func Mistakes(ref Ref, spec *v1alpha1.HookPolicySpec) []error {
	_, mistakes := compile(ref, spec)
	return append(mistakes, checkSpec(spec)...)
}

func first(mistakes []error) error {
	if len(mistakes) == 0 {
		return nil
	}
	return mistakes[0]
}

// Sources are the policies of both kinds. The lists must not be changed afterwards.
func Sources(cluster []v1alpha1.HookPolicy, namespaced []v1alpha1.NamespacedHookPolicy) []Source {
	sources := make([]Source, 0, len(cluster)+len(namespaced))
	for i := range cluster {
		sources = append(sources, Source{Ref{Name: cluster[i].Name}, &cluster[i].Spec})
	}
	for i := range namespaced {
		sources = append(sources, Source{Ref{Namespace: namespaced[i].Namespace, Name: namespaced[i].Name}, &namespaced[i].Spec})
	}
	return sources
}
