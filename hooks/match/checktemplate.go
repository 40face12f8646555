package match

import (
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// checkTemplate checks the use of a template as far as one can without the template.
func checkTemplate(use *v1alpha1.TemplateUse) error {
	if use == nil {
		return nil
	}
	if len(validation.IsDNS1123Subdomain(use.Name)) > 0 {
		return fmt.Errorf(".name: %q: write the name of a HookTemplate, such as postgresql", use.Name)
	}
	for i := range use.Params {
		if err := checkParamValue(use.Params, i); err != nil {
			return fmt.Errorf(".params[%s]%w", use.Params[i].Name, err)
		}
	}
	return nil
}

func checkParamValue(params []v1alpha1.TemplateParamValue, i int) error {
	param := &params[i]
	switch {
	case param.Name == "":
		return errors.New(".name: write the name of one of the template's params")
	case slices.ContainsFunc(params[:i], func(other v1alpha1.TemplateParamValue) bool { return other.Name == param.Name }):
		return errors.New(": it is there twice: leave one of them out")
	case hasNUL(param.Value):
		return errors.New(".value: it has a NUL character, which nothing that it may become can have: leave it out")
	case param.Value != "" && param.ValueFrom != nil:
		return errors.New(": write value, or valueFrom for a secret param")
	}
	return checkValueSource(param.ValueFrom)
}
