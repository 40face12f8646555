package stamp

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

var shop = match.Namespace{Name: "shop", Labels: map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled}}

// hook is a hook with the defaults that the CRD sets.
func hook(name string, stage v1alpha1.Stage, command ...string) v1alpha1.Hook {
	return v1alpha1.Hook{
		Name: name, Stages: []v1alpha1.Stage{stage}, OnError: v1alpha1.Fail,
		Timeout: v1alpha1.Duration{Duration: 30 * time.Second},
		Exec:    &v1alpha1.ExecAction{Command: command},
	}
}

func in(container string, hook v1alpha1.Hook) v1alpha1.Hook {
	hook.Container = container
	return hook
}

func freeze() v1alpha1.Hook { return hook("freeze", v1alpha1.PreSnapshot, "fsfreeze", "-f", "/data") }
func thaw() v1alpha1.Hook   { return hook("thaw", v1alpha1.PostSnapshot, "fsfreeze", "-u", "/data") }

// pair is a policy of both sides, whose commands tell it from others.
func pair(name string, priority int32) Source {
	return policy(name, priority, hook("freeze", v1alpha1.PreSnapshot, "freeze", name), hook("thaw", v1alpha1.PostSnapshot, "thaw", name))
}

func policy(name string, priority int32, hooks ...v1alpha1.Hook) Source {
	return Source{match.Ref{Name: name}, &v1alpha1.HookPolicySpec{Priority: priority, Hooks: hooks, Shell: v1alpha1.Posix}}
}

// Source is a policy to be compiled, with the changes that tests make.
type Source match.Source

// with changes a policy's spec.
func (s Source) with(change func(*v1alpha1.HookPolicySpec)) Source {
	s.Spec = s.Spec.DeepCopy()
	change(s.Spec)
	return s
}

func noShell(source Source) Source {
	return source.with(func(spec *v1alpha1.HookPolicySpec) { spec.Shell = v1alpha1.NoShell })
}

func compiled(t *testing.T, sources ...Source) *Policies {
	t.Helper()
	return compiledFor(t, Options{}, sources...)
}

func compiledFor(t *testing.T, options Options, sources ...Source) *Policies {
	t.Helper()
	all := make([]match.Source, len(sources))
	for i := range sources {
		all[i] = match.Source(sources[i])
	}
	index, refused := match.CompileAll(all)
	require.Empty(t, refused)
	return New(index, options)
}

// podOf has containers of these names.
func podOf(containers ...string) Pod {
	pod := Pod{}
	for _, name := range containers {
		pod.Containers = append(pod.Containers, match.Container{Name: name, Image: name + ":1"})
	}
	return pod
}

func (p Pod) annotated(annotations map[string]string) Pod {
	p.Annotations = annotations
	return p
}

// stampedBy is a pod as it is once its policies are stamped.
func stampedBy(pod Pod, policies *Policies) Pod {
	return pod.annotated(policies.Decide(shop, pod).Apply(pod.Annotations))
}

// veleroHook is a hook as Velero reads it from a pod's annotations (velero: internal/hook/item_hook_handler.go,
// getPodExecHookFromAnnotations and parseStringToCommand).
type veleroHook struct {
	command   []string
	container string
	onError   string // what Velero does: empty acts as Continue
	timeout   time.Duration
}

// veleroReads is the oracle: what Velero, by reference/velero.md, makes of annotations. Nil where it runs no hook.
func veleroReads(prefix string, annotations map[string]string, containers []match.Container) *veleroHook {
	value := annotations[prefix+"command"]
	if value == "" {
		return nil
	}
	read := &veleroHook{command: []string{value}, container: annotations[prefix+"container"], timeout: 30 * time.Second}
	if value[0] == '[' {
		var argv []string
		if json.Unmarshal([]byte(value), &argv) == nil {
			read.command = argv
		}
	}
	if read.container == "" && len(containers) > 0 {
		read.container = containers[0].Name
	}
	if onError := annotations[prefix+"on-error"]; onError == "Continue" || onError == "Fail" {
		read.onError = onError
	}
	if timeout, err := time.ParseDuration(annotations[prefix+"timeout"]); err == nil {
		read.timeout = timeout
	}
	return read
}

// obstacles by policy, reason and hook.
type obstacle struct {
	policy, reason, hook string
}

func obstaclesOf(outcomes []Outcome) []obstacle {
	var found []obstacle
	for _, outcome := range outcomes {
		for _, o := range outcome.Obstacles {
			found = append(found, obstacle{outcome.Policy.Name, o.Reason, o.Hook})
		}
	}
	return found
}

// size is what the API server counts against its limit.
func size(annotations map[string]string) (bytes int) {
	for key, value := range annotations {
		bytes += len(key) + len(value)
	}
	return bytes
}
