package lint

import (
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/schema"
)

// sound is the spec of a policy or a template without what is known to be wrong in it, for whoever judges the rest: without the hooks that
// have mistakes, and otherwise without the fields.
type sound struct {
	fields map[string]any
	// hooks are the places of those that are left; of others, wrong are the mistakes.
	hooks []int
	// whole is true where nothing was left out.
	whole bool
}

// sound is what can be judged further; nil where there is nothing.
func (s *subject) sound() *sound {
	spec, is := s.fields["spec"].(map[string]any)
	if !is {
		return nil
	}
	left := &sound{fields: runtime.DeepCopyJSON(spec), whole: true}
	hooks := s.hooks()
	wrong := make([]bool, len(hooks))
	for _, path := range s.errors() {
		rest, in := strings.CutPrefix(path, "spec.")
		if !in {
			continue
		}
		left.whole = false
		if i, is := s.hookOf(path); is {
			wrong[i] = true
			continue
		}
		rest, _, _ = strings.Cut(rest, "[") // a list without one of its items has other places
		left.remove(rest)
	}
	if _, there := left.fields["hooks"]; !there {
		return left
	}
	kept := []any{}
	for i := range hooks {
		if !wrong[i] {
			kept, left.hooks = append(kept, runtime.DeepCopyJSONValue(hooks[i])), append(left.hooks, i)
		}
	}
	left.fields["hooks"] = kept
	return left
}

// remove takes a field out; or what it would be in, where it is wanting.
func (s *sound) remove(path string) {
	at, names := s.fields, strings.Split(path, ".")
	for i, name := range names[:len(names)-1] {
		next, is := at[name].(map[string]any)
		if !is || i == len(names)-2 && next[names[len(names)-1]] == nil {
			delete(at, name)
			return
		}
		at = next
	}
	delete(at, names[len(names)-1])
}

// into decodes what is left.
func (s *sound) into(spec any) error {
	raw, err := json.Marshal(s.fields)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, spec)
}

// errors are the paths of what is wrong.
func (s *subject) errors() (paths []string) {
	for i := range s.findings {
		if s.findings[i].Severity == Error {
			paths = append(paths, s.findings[i].Field)
		}
	}
	return paths
}

// hooks are those of the spec as they are written.
func (s *subject) hooks() []any {
	spec, _ := s.fields["spec"].(map[string]any)
	hooks, _ := spec["hooks"].([]any)
	return hooks
}

// hookOf is the place of the hook in which a path leads, which names it by its place or its name.
func (s *subject) hookOf(path string) (place int, is bool) {
	for i, hook := range s.hooks() {
		if schema.Within(fmt.Sprintf("spec.hooks[%d]", i), path) {
			return i, true
		}
		if name := stringAt(hook, "name"); name != "" && schema.Within("spec.hooks["+name+"]", path) {
			return i, true
		}
	}
	return 0, false
}

// stringAt is a field of what was read, by the names that lead there; empty where there is no string.
func stringAt(in any, names ...string) string {
	for _, name := range names {
		fields, _ := in.(map[string]any)
		in = fields[name]
	}
	value, _ := in.(string)
	return value
}

// follows tells whether a mistake at a path may be for want of something that is wrong itself.
func (s *subject) follows(path string) bool {
	for _, wrong := range s.errors() {
		if schema.Within(path, wrong) || wrong == "spec" && schema.Within("spec.hooks", path) {
			return true
		}
	}
	return false
}
