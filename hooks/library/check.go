package library

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/script"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const maxParams = 32

// CheckScript tells what keeps a HookScript from being run, with the field and what to write instead; nil when nothing does.
func CheckScript(spec *v1alpha1.HookScriptSpec) error {
	if err := script.Check(spec.Script); err != nil {
		return fmt.Errorf("spec.script: %w", err)
	}
	return nil
}

// CheckTemplate tells what keeps a HookTemplate from being used, with the field and what to write instead; nil when nothing does. It
// tries the template with values of its own, so that what hangs on a policy's values may still be refused there.
func CheckTemplate(spec *v1alpha1.HookTemplateSpec) error {
	if mistakes := TemplateMistakes(spec); len(mistakes) > 0 {
		return mistakes[0]
	}
	return nil
}

// TemplateMistakes are all that keep a HookTemplate from being used, of which CheckTemplate tells the first. Of a hook that has several, it
// is one; hooks are not tried with params that cannot be used themselves.
func TemplateMistakes(spec *v1alpha1.HookTemplateSpec) (mistakes []error) {
	if err := checkParams(spec.Params); err != nil {
		return []error{fmt.Errorf("spec.params%w", err)}
	}
	if count := len(spec.Hooks); count == 0 || count > maxHooks {
		mistakes = append(mistakes, fmt.Errorf("spec.hooks: it has %d: write 1 to %d hooks", count, maxHooks))
	}
	used := make([]bool, len(spec.Params))
	for i := range spec.Hooks {
		hook := &spec.Hooks[i]
		if slices.ContainsFunc(spec.Hooks[:i], func(other v1alpha1.Hook) bool { return other.Name == hook.Name }) {
			mistakes = append(mistakes, fmt.Errorf("spec.hooks[%s].name: it is there twice: give each hook a name of its own", hook.Name))
		}
		uses, err := tryHook(spec, hook)
		if err != nil {
			mistakes = append(mistakes, err)
		}
		for place, is := range uses {
			used[place] = used[place] || is
		}
	}
	if len(mistakes) > 0 {
		return mistakes // what a broken hook uses is not known
	}
	for place, is := range used {
		if !is {
			mistakes = append(mistakes, fmt.Errorf("spec.params[%s]: no hook has $(%[1]s): write it where its value is to be, or leave the param out", spec.Params[place].Name))
		}
	}
	return mistakes
}

var paramName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9]*$`)

func checkParams(params []v1alpha1.TemplateParam) error {
	if len(params) > maxParams {
		return fmt.Errorf(": it has %d: write %d at most", len(params), maxParams)
	}
	for i := range params {
		param := &params[i]
		if !paramName.MatchString(param.Name) {
			return fmt.Errorf("[%s].name: %[1]q: write letters and digits, such as lockTimeout", param.Name)
		}
		if slices.ContainsFunc(params[:i], func(other v1alpha1.TemplateParam) bool { return other.Name == param.Name }) {
			return fmt.Errorf("[%s]: it is there twice: leave one of them out", param.Name)
		}
		if err := checkParam(param); err != nil {
			return fmt.Errorf("[%s]%w", param.Name, err)
		}
	}
	return nil
}

func checkParam(param *v1alpha1.TemplateParam) error {
	switch {
	case param.Required && param.Default != "":
		return errors.New(": a param with a default is not required: leave one of the two out")
	case param.Secret && param.Default != "":
		return errors.New(".default: a secret has none: leave it out")
	case param.Secret && param.Pattern != "":
		return errors.New(".pattern: the value of a secret is not known before the hook runs: leave it out")
	case param.Pattern == "":
		return nil
	}
	whole, err := compile(param.Pattern)
	switch {
	case err != nil:
		return fmt.Errorf(".pattern: %w", err)
	case param.Required || whole.MatchString(param.Default):
		return nil
	case param.Default == "":
		return errors.New(".pattern: the empty value, which the param has where a policy does not give it, does not match: write a default, or required: true")
	}
	return fmt.Errorf(".default: %.100q does not match the param's own pattern: write one that does", param.Default)
}

// samples are tried as the value of a param of which nothing is known.
var samples = []string{"1", "a", "A1", "10", "/a", "30s", "true", "a.example", "http://a.example/", "a@example.com"}

// tryHook replaces params in a hook of a template, and has it checked as a policy's. Where only some values can be used, it is not known which
// ones a policy will give, and it is enough that one will do.
func tryHook(spec *v1alpha1.HookTemplateSpec, hook *v1alpha1.Hook) (used []bool, err error) {
	var refusals []string
	for _, sample := range samples {
		v, known := sampled(spec.Params, sample)
		tried, err := v.replace(hook)
		if err != nil {
			return nil, fmt.Errorf("spec.hooks[%s]%w", hook.Name, err)
		}
		used = v.used
		for place, is := range used {
			if is && !known[place] {
				return used, nil // no value comes to mind
			}
		}
		err = match.Check(match.Ref{Name: "template"}, &v1alpha1.HookPolicySpec{Selector: spec.Selector, Hooks: []v1alpha1.Hook{*tried}})
		if err == nil {
			return used, nil
		}
		if refusals = append(refusals, err.Error()); len(refusals) == len(samples) && !slices.ContainsFunc(refusals, func(other string) bool { return other != refusals[0] }) {
			return nil, err // whatever the value
		}
	}
	return used, nil
}

// sampled gives params their default, or a sample if that may be their value, or another one. Of those that no sample suits, no
// value is known.
func sampled(params []v1alpha1.TemplateParam, sample string) (v *values, known []bool) {
	v = &values{params: params, given: make([]v1alpha1.TemplateParamValue, len(params)), used: make([]bool, len(params))}
	known = make([]bool, len(params))
	for i := range params {
		param, value := &params[i], &v.given[i]
		value.Name = param.Name
		switch {
		case param.Secret:
			value.ValueFrom = &v1alpha1.ValueSource{SecretKeyRef: v1alpha1.SecretKeyRef{Name: "a", Key: "a"}}
			known[i] = true
		case param.Default != "":
			value.Value, known[i] = param.Default, true
		default:
			for _, candidate := range slices.Concat([]string{sample}, samples) {
				if checkValue(param, &v1alpha1.TemplateParamValue{Value: candidate}, true) == nil {
					value.Value, known[i] = candidate, true
					break
				}
			}
		}
	}
	return v, known
}
