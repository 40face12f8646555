package schema

import (
	"context"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

// trial tries the rules of a schema on the parts of an object that have the right shape.
type trial struct {
	ctx context.Context
	// misshapen are the paths of what has the wrong shape: no rule is tried that sees any of it.
	misshapen []string
	budget    int64
	found     field.ErrorList
	// untried tells whether there were rules that are not tried.
	untried bool
}

// try tries the rules of a value, and those of what is in it.
func (t *trial) try(rules *cel.Validator, path *field.Path, value any) {
	if rules == nil || t.budget < 0 {
		return
	}
	if !t.sees(path) {
		found, left := rules.Validate(t.ctx, path, nil, value, nil, t.budget)
		t.found, t.budget = append(t.found, found...), left
		return
	}
	t.untried = t.untried || len(rules.Schema.XValidations) > 0
	switch value := value.(type) {
	case map[string]any:
		for key, each := range value {
			if property, has := rules.Properties[key]; has {
				t.try(&property, path.Child(key), each)
			} else if rules.AdditionalProperties != nil {
				t.try(rules.AdditionalProperties, path.Key(key), each)
			}
		}
	case []any:
		for i, each := range value {
			t.try(rules.Items, path.Index(i), each)
		}
	}
}

// sees tells whether a rule of the value at a path sees any of what has the wrong shape.
func (t *trial) sees(path *field.Path) bool {
	at := ""
	if path != nil {
		at = path.String()
	}
	for _, wrong := range t.misshapen {
		if Within(at, wrong) {
			return true
		}
	}
	return false
}

// dotted writes what stands in brackets in a path, such as the key of a label, as a field's name: of two validators one does it, and the other
// does not.
var dotted = strings.NewReplacer("[", ".", "]", "")

// Within tells whether a path is that of a value, or of anything in it.
func Within(value, path string) bool {
	rest, in := strings.CutPrefix(dotted.Replace(path), dotted.Replace(value))
	return in && (value == "" || rest == "" || rest[0] == '.')
}

// misshapes tells whether a mistake is one for which the API server tries no rule of the object.
func misshapes(mistake *field.Error) bool {
	switch mistake.Type {
	case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
		return true
	}
	return false
}

// Validate is what it finds wrong with the rules as well. Where the shape of an object is wrong, the API server tries none; here those are
// tried that see nothing of what is misshapen, nor of the further paths given, so that all is told at once and nothing is told that only
// follows from something else. Untried tells whether there are others.
func (s *Schema) Validate(ctx context.Context, object map[string]any, further ...string) (found field.ErrorList, untried bool, err error) {
	found, err = s.Shape(object)
	if err != nil {
		return nil, false, err
	}
	t := trial{ctx: ctx, misshapen: further, budget: celconfig.RuntimeCELCostBudget}
	for _, mistake := range found {
		if misshapes(mistake) {
			t.misshapen = append(t.misshapen, strings.TrimPrefix(mistake.Field, "<nil>"))
		}
	}
	t.try(s.rules(), nil, object)
	return append(found, t.found...), t.untried, nil
}
