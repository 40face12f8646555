package preview

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/lint"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/schema"
	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/manifest"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// contents are what files hold.
type contents struct {
	policies.Objects
	refused    []Refusal
	namespaces map[string]match.Namespace
	pods       []candidate
	// assumed is true where a pod or workload names no namespace.
	assumed bool
	// listed are the policies in the order of the files, those included that were refused.
	listed []Policy
}

// read takes objects from files. Those without a namespace are in the one given.
func read(ctx context.Context, files []manifest.File, namespace string) (*contents, error) {
	c := &contents{namespaces: map[string]match.Namespace{}}
	objects, unreadable, err := lint.Judge(ctx, files)
	if err != nil {
		return nil, err
	}
	for _, finding := range unreadable {
		c.refused = append(c.refused, refusal(&finding))
	}
	for i := range objects {
		if err := c.addOurs(&objects[i], namespace); err != nil {
			return nil, err
		}
	}
	for i := range files {
		objects := files[i].Objects
		for j := range objects {
			object := &objects[j]
			if object.Group() == "" && object.Kind == "Namespace" {
				if err := c.addNamespace(object); err != nil {
					return nil, err
				}
				continue
			}
			if len(object.Mistyped) > 0 {
				continue // it is refused for that already
			}
			elsewhere := object.Namespace != ""
			if !elsewhere {
				object.Namespace = namespace
			}
			pods, has, err := podsOf(object)
			if err != nil {
				c.refused = append(c.refused, undecoded(object, err))
			} else if has {
				c.assumed = c.assumed || !elsewhere
				pods.pod.Namespace, pods.namespace = object.Namespace, object.Namespace
				c.pods = append(c.pods, pods)
			}
		}
	}
	c.pods = present(c.pods)
	return c, nil
}

// undecoded says why a workload cannot be read.
func undecoded(object *manifest.Object, err error) Refusal {
	said := Refusal{fmt.Sprintf("%s %q", object.Kind, object.Name), object.Position().String(), "it cannot be read: " + err.Error()}
	if wrong, is := errors.AsType[*json.UnmarshalTypeError](err); is {
		said.At, said.Message = object.At(wrong.Field).String(), wrong.Field+": "+manifest.MistypedJSON(wrong)
	}
	return said
}

func refusal(finding *lint.Finding) Refusal {
	message := finding.Message
	if finding.Field != "" {
		message = finding.Field + ": " + message
	}
	return Refusal{finding.Object, fmt.Sprintf("%s:%d:%d", finding.File, finding.Line, finding.Column), message}
}

// addOurs takes a policy, script or template. What cannot be used is left out, so that what refers to it says so, too.
func (c *contents) addOurs(object *lint.Judged, namespace string) (err error) {
	mistakes := object.Errors()
	policy := object.Kind == "HookPolicy" || object.Kind == "NamespacedHookPolicy"
	if object.Kind == "NamespacedHookPolicy" && object.Namespace == "" {
		object.Namespace = namespace
	}
	if policy {
		listed := Policy{Kind: object.Kind, Name: object.Name, object: object.Object}
		if object.Kind == "NamespacedHookPolicy" {
			listed.Namespace = object.Namespace
		}
		listed.refuse(mistakes...)
		for _, finding := range object.Findings {
			// Others hang on what there is in the cluster, and are told of what the policy comes to there.
			if finding.Severity == lint.Warning && strings.HasPrefix(finding.Field, "metadata.") {
				listed.Warnings = append(listed.Warnings, finding.Message)
			}
		}
		// The last one of a name takes the place of those before it, as when they are applied.
		c.listed = slices.DeleteFunc(c.listed, func(p Policy) bool { return p.is(listed.ref()) })
		c.listed = append(c.listed, listed)
	}
	if len(mistakes) > 0 {
		if !policy {
			for i := range mistakes {
				c.refused = append(c.refused, refusal(&mistakes[i]))
			}
		}
		return nil
	}
	switch object.Kind {
	case "HookPolicy":
		err = decode(object, &c.Cluster, clusterName)
	case "NamespacedHookPolicy":
		if metadata, is := object.Fields["metadata"].(map[string]any); is {
			metadata["namespace"] = object.Namespace
		}
		err = decode(object, &c.Namespaced, namespacedName)
	case library.KindScript:
		err = decode(object, &c.Scripts, scriptName)
	case library.KindTemplate:
		err = decode(object, &c.Templates, templateName)
	}
	return err
}

func clusterName(p *v1alpha1.HookPolicy) string              { return p.Name }
func namespacedName(p *v1alpha1.NamespacedHookPolicy) string { return p.Namespace + "/" + p.Name }
func scriptName(s *v1alpha1.HookScript) string               { return s.Name }
func templateName(t *v1alpha1.HookTemplate) string           { return t.Name }

// decode adds an object to a list, in place of one of the same key.
func decode[T any](object *lint.Judged, list *[]T, key func(*T) string) error {
	var into T
	if err := schema.Decode(object.Kind, object.Fields, &into); err != nil {
		return err
	}
	*list = join(*list, []T{into}, key)
	return nil
}

// join is a list with objects of another in place of those of the same key, as an apply would have it.
func join[T any](list, with []T, key func(*T) string) []T {
	keys := map[string]bool{}
	for i := range with {
		keys[key(&with[i])] = true
	}
	kept := make([]T, 0, len(list)+len(with))
	for i := range list {
		if !keys[key(&list[i])] {
			kept = append(kept, list[i])
		}
	}
	return append(kept, with...)
}

func (c *contents) addNamespace(object *manifest.Object) error {
	var namespace corev1.Namespace
	if err := json.Unmarshal(object.JSON, &namespace); err != nil {
		return fmt.Errorf("%s: reading the Namespace: %w", object.Position(), err)
	}
	labels := map[string]string{}
	maps.Copy(labels, namespace.Labels)
	labels[v1alpha1.NamespaceNameLabel] = namespace.Name
	c.namespaces[namespace.Name] = match.Namespace{Name: namespace.Name, Labels: labels}
	return nil
}

func (p *Policy) ref() match.Ref { return match.Ref{Namespace: p.Namespace, Name: p.Name} }

func (p *Policy) is(ref match.Ref) bool { return p.ref() == ref }

// deliver adds those of the templates that come with Quiesce to which policies refer and which are not among the objects; their names are
// returned.
func deliver(objects *policies.Objects) (names []string, err error) {
	wanted := map[string]bool{}
	for i := range objects.Cluster {
		if use := objects.Cluster[i].Spec.Template; use != nil {
			wanted[use.Name] = true
		}
	}
	for i := range objects.Namespaced {
		if use := objects.Namespaced[i].Spec.Template; use != nil {
			wanted[use.Name] = true
		}
	}
	for i := range objects.Templates {
		delete(wanted, objects.Templates[i].Name)
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		template, err := schema.Delivered(name)
		if err != nil {
			return nil, err
		}
		if template != nil {
			objects.Templates, names = append(objects.Templates, *template), append(names, name)
		}
	}
	return names, nil
}
