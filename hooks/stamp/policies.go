// Package stamp decides which of Velero's backup hook annotations a pod carries. It is pure, and serves all who need to
// know: the webhook, which writes them on new pods, and the controller, which keeps them on running ones and says what
// became of each policy.
package stamp

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// Source is a policy to be compiled.
type Source struct {
	match.Ref
	Spec *v1alpha1.HookPolicySpec
}

// Options are what stamping depends on beside the policies.
type Options struct {
	// NativeSidecars is true where the Velero in use runs hooks in native sidecars, as those up to 1.18 do not.
	NativeSidecars bool
	// BackupHooks are the Schedules and Backups with hooks of their own, which annotations would silence: pods that they
	// cover are not stamped.
	BackupHooks []velero.BackupHooks
}

// Policies is a compiled set of policies: immutable but for what it remembers, and safe to use from many goroutines.
type Policies struct {
	index    *match.Index
	options  Options
	rendered renderings
}

// Refused is a policy that cannot be used, and why, in words for its author.
type Refused struct {
	match.Ref
	Err error
}

// Compile makes the policies ready for use. Suspended ones are left out; those with a mistake are returned as refused
// and do not keep the others from being used. The policies must not be changed afterwards.
func Compile(sources []Source, options Options) (*Policies, []Refused) {
	var (
		compiled []*match.Policy
		refused  []Refused
	)
	for _, source := range sources {
		policy, err := compile(source.Ref, source.Spec)
		switch {
		case err != nil:
			refused = append(refused, Refused{source.Ref, err})
		case !source.Spec.Suspend:
			compiled = append(compiled, policy)
		}
	}
	return &Policies{index: match.NewIndex(compiled), options: options}, refused
}

// Check tells what keeps a policy from being used, in words for its author, with the field and what to write instead; nil
// when nothing does.
func Check(ref match.Ref, spec *v1alpha1.HookPolicySpec) error {
	_, err := compile(ref, spec)
	return err
}

func compile(ref match.Ref, spec *v1alpha1.HookPolicySpec) (*match.Policy, error) {
	policy, err := match.Compile(ref, spec)
	if err != nil {
		return nil, err
	}
	if err := checkSpec(spec); err != nil {
		return nil, err
	}
	for i := range spec.Hooks {
		if err := checkHook(&spec.Hooks[i]); err != nil {
			return nil, fmt.Errorf("spec.hooks[%s]%w", spec.Hooks[i].Name, err)
		}
	}
	return policy, nil
}

// checkSpec finds, as checkHook does, also what the schema refuses: a policy may have been stored when the schema was another.
func checkSpec(spec *v1alpha1.HookPolicySpec) error {
	if len(spec.Hooks) == 0 {
		return errors.New("spec.hooks: write at least one hook, with a name, stages and exec.command")
	}
	if err := spec.MaxQuiesce.Check(v1alpha1.LeastMaxQuiesce, v1alpha1.MostMaxQuiesce); err != nil {
		return fmt.Errorf("spec.maxQuiesce: %w", err)
	}
	if !slices.Contains([]v1alpha1.Shell{"", v1alpha1.Posix, v1alpha1.NoShell}, spec.Shell) {
		return fmt.Errorf("spec.shell: %q is none: write Posix or None", spec.Shell)
	}
	return nil
}

// checkHook starts its errors with the rest of the field's path.
func checkHook(hook *v1alpha1.Hook) error {
	switch {
	case hook.Exec == nil:
		return errors.New(": write exactly one action: exec")
	case len(hook.Exec.Command) == 0 || hook.Exec.Command[0] == "":
		return errors.New(".exec.command: write the program and its arguments as a list, such as [psql, -c, CHECKPOINT]")
	case strings.HasPrefix(hook.Exec.Command[0], "-"):
		return fmt.Errorf(".exec.command[0]: %q is an option and not a program: write the program ahead of it, such as [sh, %[1]s]", hook.Exec.Command[0])
	case len(hook.Stages) == 0 || slices.ContainsFunc(hook.Stages, unknown):
		return fmt.Errorf(".stages: %q: write at least one stage, and none but PreBackup, PreSnapshot, PostSnapshot or PostBackup", hook.Stages)
	case !slices.Contains([]v1alpha1.OnError{"", v1alpha1.Fail, v1alpha1.Continue}, hook.OnError):
		return fmt.Errorf(".onError: %q is none: write Fail or Continue", hook.OnError)
	}
	if err := hook.Timeout.Check(1, v1alpha1.MaxTimeout); err != nil {
		return fmt.Errorf(".timeout: %w", err)
	}
	if i := slices.IndexFunc(hook.Exec.Command, func(argument string) bool { return strings.ContainsRune(argument, 0) }); i >= 0 {
		return fmt.Errorf(".exec.command[%d]: it has a NUL character, at which every program would end the argument: leave it out", i)
	}
	return nil
}

func unknown(stage v1alpha1.Stage) bool { return !slices.Contains(v1alpha1.Stages, stage) }

// Sources are the policies of both kinds. The lists must not be changed afterwards.
func Sources(cluster []v1alpha1.HookPolicy, namespaced []v1alpha1.NamespacedHookPolicy) []Source {
	sources := make([]Source, 0, len(cluster)+len(namespaced))
	for i := range cluster {
		sources = append(sources, Source{match.Ref{Name: cluster[i].Name}, &cluster[i].Spec})
	}
	for i := range namespaced {
		sources = append(sources, Source{match.Ref{Namespace: namespaced[i].Namespace, Name: namespaced[i].Name}, &namespaced[i].Spec})
	}
	return sources
}
