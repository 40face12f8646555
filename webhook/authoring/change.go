// Package authoring is the admission side of policies: it refuses those that could not be used, warns of those that would
// not do what their author believes, and records who wrote them. Unlike the stamping of pods it fails closed.
package authoring

import (
	"errors"
	"fmt"
	"maps"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	admissionv1 "k8s.io/api/admission/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/quiesce-io/quiesce/hooks/match"
)

// object is as much of a policy as is read here. The spec is decoded where it is judged.
type object struct {
	Metadata struct {
		Name         string            `json:"name"`
		GenerateName string            `json:"generateName"`
		Annotations  map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec jsontext.Value `json:"spec"`
}

// change is a request to write a policy.
type change struct {
	policy object
	// old is nil for a new policy.
	old *object
}

// resources by which policies come.
var resources = map[string]bool{"hookpolicies": true, "namespacedhookpolicies": true}

// readChange fails on what can only come from a webhook configuration that is not ours.
func readChange(request admission.Request) (change, error) {
	if !resources[request.Resource.Resource] || request.SubResource != "" {
		return change{}, fmt.Errorf("a webhook configuration sends %s here: send hookpolicies and namespacedhookpolicies only",
			request.Resource.Resource)
	}
	var read change
	if err := json.Unmarshal(request.Object.Raw, &read.policy); err != nil {
		return change{}, fmt.Errorf("reading the policy: %w", err)
	}
	switch request.Operation {
	case admissionv1.Create:
	case admissionv1.Update:
		read.old = &object{}
		if err := json.Unmarshal(request.OldObject.Raw, read.old); err != nil {
			return change{}, fmt.Errorf("reading the policy as it was: %w", err)
		}
	default:
		return change{}, errors.New("a webhook configuration sends more than CREATE and UPDATE here: send these only")
	}
	return read, nil
}

// ref names the policy, as well as it can be named before it has been stored.
func (c change) ref(request admission.Request) match.Ref {
	name := c.policy.Metadata.Name
	if name == "" {
		name = c.policy.Metadata.GenerateName
	}
	return match.Ref{Namespace: request.Namespace, Name: name}
}

// authors tells whether the request gives the policy a spec that somebody must answer for: whether it is new, or other
// than it was. A change that does no more than to suspend the policy is none: whoever may write policies may stop one, at
// any time, and does not vouch for its commands by that.
func (c change) authors() bool {
	if c.old == nil {
		return true
	}
	spec, old := value(c.policy.Spec), value(c.old.Spec)
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
