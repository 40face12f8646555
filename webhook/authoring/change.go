// Package authoring is the admission side of policies and of what they are made of, scripts and templates: it refuses those that
// could not be used, warns of those that would not do what their author believes, records who wrote them, and refuses to delete what
// is used. Unlike the stamping of pods it fails closed.
package authoring

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	admissionv1 "k8s.io/api/admission/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/quiesce-io/quiesce/hooks/usage"
)

// object is as much of a policy, a script or a template as is read here. The spec is decoded where it is judged.
type object struct {
	Metadata struct {
		Name         string            `json:"name"`
		GenerateName string            `json:"generateName"`
		Annotations  map[string]string `json:"annotations"`
		Finalizers   []string          `json:"finalizers"`
	} `json:"metadata"`
	Spec jsontext.Value `json:"spec"`
}

// change is a request to write an object.
type change struct {
	object object
	// old is nil for a new one.
	old *object
}

// family is the kinds that a handler is for.
type family struct {
	// noun is what one of them is called.
	noun string
	// resources by which they come, in a sentence.
	resources string
	kinds     map[string]string // by resource
}

var (
	policyFamily = family{"policy", "hookpolicies and namespacedhookpolicies", map[string]string{
		"hookpolicies": "HookPolicy", "namespacedhookpolicies": "NamespacedHookPolicy",
	}}
	libraryFamily = family{"script or template", "hookscripts and hooktemplates", map[string]string{
		"hookscripts": usage.Script, "hooktemplates": usage.Template,
	}}
)

// kindOf fails on what can only come from a webhook configuration that is not ours.
func (f *family) kindOf(request admission.Request) (string, error) {
	kind, known := f.kinds[request.Resource.Resource]
	if !known || request.SubResource != "" {
		return "", fmt.Errorf("a webhook configuration sends %s here: send %s only", request.Resource.Resource, f.resources)
	}
	return kind, nil
}

// readChange fails on what can only come from a webhook configuration that is not ours.
func (f *family) readChange(request admission.Request) (change, error) {
	if _, err := f.kindOf(request); err != nil {
		return change{}, err
	}
	var read change
	if err := json.Unmarshal(request.Object.Raw, &read.object); err != nil {
		return change{}, fmt.Errorf("reading the %s: %w", f.noun, err)
	}
	switch request.Operation {
	case admissionv1.Create:
	case admissionv1.Update:
		read.old = &object{}
		if err := json.Unmarshal(request.OldObject.Raw, read.old); err != nil {
			return change{}, fmt.Errorf("reading the %s as it was: %w", f.noun, err)
		}
	default:
		return change{}, errors.New("a webhook configuration sends more than CREATE and UPDATE here: send these only")
	}
	return read, nil
}

// name of the object, as well as it can be named before it has been stored.
func (c change) name() string { return cmp.Or(c.object.Metadata.Name, c.object.Metadata.GenerateName) }

// authors tells whether the request gives the object a spec that somebody must answer for: whether it is new, or other
// than it was. A change that does no more than to suspend a policy is none: whoever may write policies may stop one, at
// any time, and does not vouch for its commands by that.
func (c change) authors() bool {
	if c.old == nil {
		return true
	}
	spec, old := value(c.object.Spec), value(c.old.Spec)
	return !reflect.DeepEqual(spec, old) && !onlySuspends(spec, old)
}

func onlySuspends(spec, old any) bool {
	after, isObject := spec.(map[string]any)
	before, wasObject := old.(map[string]any)
	if !isObject || !wasObject || after["suspend"] != true {
		return false
	}
	before = maps.Clone(before)
	before["suspend"] = true
	return reflect.DeepEqual(after, before)
}

// value is what a part of an object that was read says, whatever its spelling; nil where it was absent.
func value(part jsontext.Value) (value any) {
	if err := json.Unmarshal(part, &value); err != nil {
		return nil
	}
	return value
}
