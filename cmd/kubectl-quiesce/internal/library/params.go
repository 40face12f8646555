package library

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// params are the values that a command line gives to a template.
type params struct {
	plain, secret []string
}

func (p *params) addFlags(source *templateSource, c *cobra.Command) {
	// Not a slice, of which the values would be split at commas.
	c.Flags().StringArrayVar(&p.plain, "param", nil, "Value of a param of the template, as NAME=VALUE; can be repeated.")
	c.Flags().StringArrayVar(&p.secret, "param-from-secret", nil,
		"Value of a secret param, as NAME=SECRET/KEY: a key of a Secret in the pod's namespace; can be repeated.")
	for flag, secret := range map[string]bool{"param": false, "param-from-secret": true} {
		command.CompleteFlag(c, flag, func(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) == 0 || strings.Contains(typed, "=") {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return source.completeParams(c, args[0], typed, secret)
		})
	}
}

// values are those that a template gets, in its order. What is wrong with them is said in terms of the command line; what patterns say of
// them is for whoever resolves the template.
func (p *params) values(c *cobra.Command, template *v1alpha1.HookTemplate) ([]v1alpha1.TemplateParamValue, error) {
	given := map[string]v1alpha1.TemplateParamValue{}
	add := func(flag, text, form string, read func(string) (v1alpha1.TemplateParamValue, bool)) error {
		name, value, found := strings.Cut(text, "=")
		if !found || name == "" {
			return command.UsageErrorf(c, "--%s %q: write %s", flag, text, form)
		}
		declared, err := paramOf(template, name)
		if err != nil {
			return err
		}
		if _, twice := given[name]; twice {
			return command.UsageErrorf(c, "the param %q is given twice: leave one of them out", name)
		}
		if secret := flag == "param-from-secret"; declared.Secret != secret {
			return wrongFlag(c, template, declared)
		}
		its, ok := read(value)
		if !ok {
			return command.UsageErrorf(c, "--%s %q: write %s", flag, text, form)
		}
		its.Name = name
		given[name] = its
		return nil
	}
	for _, text := range p.plain {
		if err := add("param", text, "NAME=VALUE", func(value string) (v1alpha1.TemplateParamValue, bool) {
			return v1alpha1.TemplateParamValue{Value: value}, true
		}); err != nil {
			return nil, err
		}
	}
	for _, text := range p.secret {
		if err := add("param-from-secret", text, "NAME=SECRET/KEY, such as password=db/password", secretKey); err != nil {
			return nil, err
		}
	}
	if err := missing(c, template, given); err != nil {
		return nil, err
	}
	var values []v1alpha1.TemplateParamValue
	for i := range template.Spec.Params {
		if value, is := given[template.Spec.Params[i].Name]; is {
			values = append(values, value)
		}
	}
	return values, nil
}

func secretKey(text string) (v1alpha1.TemplateParamValue, bool) {
	name, key, found := strings.Cut(text, "/")
	return v1alpha1.TemplateParamValue{ValueFrom: &v1alpha1.ValueSource{SecretKeyRef: v1alpha1.SecretKeyRef{Name: name, Key: key}}},
		found && name != "" && key != "" && !strings.Contains(key, "/")
}

func paramOf(template *v1alpha1.HookTemplate, name string) (*v1alpha1.TemplateParam, error) {
	at := slices.IndexFunc(template.Spec.Params, func(param v1alpha1.TemplateParam) bool { return param.Name == name })
	if at >= 0 {
		return &template.Spec.Params[at], nil
	}
	known := make([]string, len(template.Spec.Params))
	for i := range template.Spec.Params {
		known[i] = template.Spec.Params[i].Name
	}
	return nil, command.Unknown("param of HookTemplate "+template.Name, name, known)
}

func wrongFlag(c *cobra.Command, template *v1alpha1.HookTemplate, param *v1alpha1.TemplateParam) error {
	if param.Secret {
		return command.UsageErrorf(c, "the param %q of HookTemplate %s is secret, and its value is not to stand in a policy: write --param-from-secret %[1]s=SECRET/KEY, "+
			"with a key of a Secret in the pod's namespace", param.Name, template.Name)
	}
	return command.UsageErrorf(c, "the param %q of HookTemplate %s is not secret, and comes from no Secret: write --param %[1]s=VALUE", param.Name, template.Name)
}

// missing names all params that are required and not given, at once.
func missing(c *cobra.Command, template *v1alpha1.HookTemplate, given map[string]v1alpha1.TemplateParamValue) error {
	var lines []string
	for i := range template.Spec.Params {
		param := &template.Spec.Params[i]
		if _, is := given[param.Name]; !is && param.Required {
			lines = append(lines, fmt.Sprintf("\n  %s: %s", strings.TrimSpace(example(param)), param.Usage))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return command.UsageErrorf(c, "HookTemplate %s needs params: write%s", template.Name, strings.Join(lines, ""))
}

// example is a flag that gives a param.
func example(param *v1alpha1.TemplateParam) string {
	if param.Secret {
		return "--param-from-secret " + param.Name + "=SECRET/KEY"
	}
	return "--param " + param.Name + "=VALUE"
}
