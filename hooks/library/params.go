package library

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// values are what the params of a template stand for.
type values struct {
	params []v1alpha1.TemplateParam
	// given is by a param's place.
	given []v1alpha1.TemplateParamValue
	// used tells, by a param's place, whether it has been replaced anywhere.
	used []bool
}

func (v *values) find(name string) (place int, found bool) {
	place = slices.IndexFunc(v.params, func(param v1alpha1.TemplateParam) bool { return param.Name == name })
	return place, place >= 0
}

// names of the params, for a sentence.
func names(params []v1alpha1.TemplateParam) string {
	if len(params) == 0 {
		return "none, as it has no params"
	}
	list := make([]string, len(params))
	for i := range params {
		list[i] = params[i].Name
	}
	return strings.Join(list, ", ")
}

// valuesOf checks what a policy gives to a template. Errors begin with the rest of the field's path, behind spec.template.
func valuesOf(params []v1alpha1.TemplateParam, use *v1alpha1.TemplateUse) (*values, error) {
	v := &values{params: params, given: make([]v1alpha1.TemplateParamValue, len(params)), used: make([]bool, len(params))}
	given := make([]bool, len(params))
	for _, value := range use.Params {
		place, found := v.find(value.Name)
		switch {
		case !found:
			return nil, fmt.Errorf(".params[%s]: HookTemplate %q has no such param: write one of %s", value.Name, use.Name, names(params))
		case given[place]:
			return nil, fmt.Errorf(".params[%s]: it is there twice: leave one of them out", value.Name)
		}
		given[place], v.given[place] = true, value
	}
	for place := range params {
		param, value := &params[place], &v.given[place]
		if !given[place] {
			if param.Required {
				return nil, fmt.Errorf(".params: HookTemplate %q needs the param %q%s: write {name: %s, %s}", use.Name, param.Name, usage(param), param.Name, example(param))
			}
			value.Name, value.Value = param.Name, param.Default
		}
		if err := checkValue(param, value, given[place]); err != nil {
			return nil, fmt.Errorf(".params[%s]%w", param.Name, err)
		}
	}
	return v, nil
}

func usage(param *v1alpha1.TemplateParam) string {
	if param.Usage == "" {
		return ""
	}
	const most = 200
	if len(param.Usage) > most {
		return " (" + strings.ToValidUTF8(param.Usage[:most], "") + " …)"
	}
	return " (" + param.Usage + ")"
}

func example(param *v1alpha1.TemplateParam) string {
	if param.Secret {
		return "valueFrom: {secretKeyRef: {name: …, key: …}}"
	}
	return "value: …"
}

func checkValue(param *v1alpha1.TemplateParam, value *v1alpha1.TemplateParamValue, given bool) error {
	switch {
	case value.Value != "" && value.ValueFrom != nil:
		return errors.New(": write value, or valueFrom for a secret param")
	case param.Secret && given && value.ValueFrom == nil:
		return fmt.Errorf(": it is secret, and is not to stand here: write %s", example(param))
	case param.Secret:
		return nil
	case value.ValueFrom != nil:
		return errors.New(".valueFrom: it is not secret: write value")
	case strings.ContainsRune(value.Value, 0):
		return errors.New(".value: it has a NUL character, which nothing that it may become can have: leave it out")
	case param.Pattern == "":
		return nil
	}
	whole, err := compile(param.Pattern)
	if err != nil {
		return fmt.Errorf(": its pattern in the template: %w", err)
	}
	if !whole.MatchString(value.Value) {
		return fmt.Errorf(".value: %.100q does not match %s%s: write a value that does", value.Value, param.Pattern, usage(param))
	}
	return nil
}

// compile makes a pattern that the whole value must match.
func compile(pattern string) (*regexp.Regexp, error) {
	if _, err := match.Expression(pattern); err != nil {
		return nil, fmt.Errorf("%w: write one as https://github.com/google/re2/wiki/Syntax has it", err)
	}
	return regexp.Compile(`\A(?:` + pattern + `)\z`)
}
