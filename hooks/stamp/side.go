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

// choose is the container that the hook runs in: the one that it names, or else the pod's first. Where the policy has
// already stamped the pod's first, that one stays: another webhook may have put one of its own in front in the meantime,
// and we are asked again.
func (r *rendered) choose(s side, policy string, pod Pod, present carried) string {
	if r.container != "" {
		return r.container
	}
	if present.ours[s] == policy && present.first[s] {
		if container := pod.Annotations[sides[s].prefix+v1alpha1.VeleroContainer]; slices.Contains(pod.Containers, container) {
			return container
		}
	}
	if len(pod.Containers) == 0 {
		return "" // the API server refuses such a pod
	}
	return pod.Containers[0]
}

// write writes the four annotations of a side, always all of them, and returns their hash.
func (r *rendered) write(s side, annotations map[string]string, container string) string {
	prefix := sides[s].prefix
	annotations[prefix+v1alpha1.VeleroCommand] = r.command
	annotations[prefix+v1alpha1.VeleroContainer] = container
	annotations[prefix+v1alpha1.VeleroOnError] = r.onError
	annotations[prefix+v1alpha1.VeleroTimeout] = r.timeout
	hash, _ := hashSide(s, annotations)
	return hash
}

// size of the annotations of both sides at most: the name of a container has 63 characters.
func (s stamp) size() (total int) {
	for which, hook := range s {
		if hook != nil {
			total += len(hook.command) + len(hook.onError) + len(hook.timeout) + 63
			for _, suffix := range suffixes {
				total += len(sides[which].prefix) + len(suffix)
			}
		}
	}
	return total
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
