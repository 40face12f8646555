package stamp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// side is one of the two moments at which Velero runs a hook in a pod, known by the prefix of its annotations.
type side int

const (
	pre side = iota
	post
)

// sides holds what differs between the two.
var sides = [...]struct {
	name   string
	prefix string
	stages []v1alpha1.Stage
}{
	pre:  {"before the backup of a pod", v1alpha1.VeleroPrePrefix, []v1alpha1.Stage{v1alpha1.PreBackup, v1alpha1.PreSnapshot}},
	post: {"after the backup of a pod", v1alpha1.VeleroPostPrefix, []v1alpha1.Stage{v1alpha1.PostSnapshot, v1alpha1.PostBackup}},
}

// rendered is the one hook of a side, as Velero is to see it.
type rendered struct {
	hook      string
	container string // empty: the pod's first
	command   string // a JSON array
	timeout   string // with its unit: without one Velero falls back to 30 s in silence
	onError   string // never empty: Velero takes that for Continue
}

// renderSide renders the hook of a policy that runs on a side; nil where there is none. Velero's annotations have room
// for one hook a side, so more are an error: stamping some of them would be half a policy.
func renderSide(s side, hooks []v1alpha1.Hook) (*rendered, error) {
	var hook *v1alpha1.Hook
	for i := range hooks {
		if !runsOn(s, &hooks[i]) {
			continue
		}
		if hook != nil {
			return nil, fmt.Errorf("spec.hooks: %q and %q both run %s, where Velero's annotations have room for one hook: "+
				"join them into one command, or write two policies for different pods", hook.Name, hooks[i].Name, sides[s].name)
		}
		hook = &hooks[i]
	}
	if hook == nil {
		return nil, nil
	}
	if hook.Exec == nil {
		return nil, fmt.Errorf("spec.hooks[%s]: write exactly one action: exec", hook.Name)
	}
	command, err := marshalCommand(hook.Exec.Command)
	if err != nil {
		return nil, fmt.Errorf("spec.hooks[%s].exec.command: %w", hook.Name, err)
	}
	return &rendered{
		hook:      hook.Name,
		container: hook.Container,
		command:   command,
		timeout:   hook.Timeout.Duration.String(),
		onError:   string(hook.OnError),
	}, nil
}

func runsOn(s side, hook *v1alpha1.Hook) bool {
	return slices.ContainsFunc(hook.Stages, func(stage v1alpha1.Stage) bool {
		return slices.Contains(sides[s].stages, stage)
	})
}

// marshalCommand writes argv as the JSON array that Velero parses. People read it too: <, > and & stay as they are.
func marshalCommand(argv []string) (string, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(argv); err != nil {
		return "", err
	}
	return string(bytes.TrimSpace(buffer.Bytes())), nil
}
