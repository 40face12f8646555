package library

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	delivered "github.com/quiesce-io/quiesce/config/templates"
	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// templateSource is where templates come from: the cluster, or the plugin itself, which has those that Quiesce delivers.
type templateSource struct {
	frame     *command.Frame
	delivered bool
}

func (s *templateSource) addFlag(c *cobra.Command) {
	c.Flags().BoolVar(&s.delivered, "delivered", false, "Take the templates that come with this plugin, without asking the cluster for its own.")
}

// list are the templates with some labels, in the order of their names.
func (s *templateSource) list(c *cobra.Command, selector string) ([]unstructured.Unstructured, error) {
	if !s.delivered {
		items, err := list(c, s.frame, "HookTemplate", "", selector)
		return items, orDelivered(err)
	}
	selects, err := parseSelector(c, selector)
	if err != nil {
		return nil, err
	}
	all, err := delivered.All()
	if err != nil {
		return nil, err
	}
	var items []unstructured.Unstructured
	for i := range all {
		if !selects.Matches(labels.Set(all[i].Labels)) {
			continue
		}
		item, err := plainly(&all[i])
		if err != nil {
			return nil, err
		}
		items = append(items, *item)
	}
	return items, nil
}

// template reads the one that an argument names.
func (s *templateSource) template(c *cobra.Command, argument string) (*v1alpha1.HookTemplate, error) {
	name, err := command.Templates.NameOf(argument)
	if err != nil {
		return nil, command.UsageErrorf(c, "%w", err)
	}
	if s.delivered {
		return deliveredTemplate(name)
	}
	cluster, err := s.frame.Client()
	if err != nil {
		return nil, orDelivered(err)
	}
	template := &v1alpha1.HookTemplate{}
	return template, orDelivered(get(c.Context(), cluster, name, template))
}

// library is a template, and the scripts that its hooks name. Those delivered name none.
func (s *templateSource) library(ctx context.Context, template *v1alpha1.HookTemplate) (*library.Library, error) {
	if s.delivered {
		return libraryFor(ctx, nil, template)
	}
	cluster, err := s.frame.Client()
	if err != nil {
		return nil, err
	}
	return libraryFor(ctx, cluster, template)
}

func deliveredTemplate(name string) (*v1alpha1.HookTemplate, error) {
	all, err := delivered.All()
	if err != nil {
		return nil, err
	}
	names := make([]string, len(all))
	for i := range all {
		if all[i].Name == name {
			return &all[i], nil
		}
		names[i] = all[i].Name
	}
	return nil, command.Unknown("template delivered with this plugin", name, names)
}

// libraryFor is a template, and the scripts that its hooks name.
func libraryFor(ctx context.Context, cluster client.Reader, template *v1alpha1.HookTemplate) (*library.Library, error) {
	l := &library.Library{
		Scripts:   map[string]*v1alpha1.HookScriptSpec{},
		Templates: map[string]*v1alpha1.HookTemplateSpec{template.Name: &template.Spec},
	}
	for i := range template.Spec.Hooks {
		action := template.Spec.Hooks[i].Script
		if action == nil || action.Name == "" || l.Scripts[action.Name] != nil {
			continue
		}
		script := &v1alpha1.HookScript{}
		if err := get(ctx, cluster, action.Name, script); err != nil {
			return nil, err
		}
		l.Scripts[action.Name] = &script.Spec
	}
	return l, nil
}

// orDelivered adds, to an error that there is no cluster or no Quiesce in it, or that its templates may not be read, how to do without.
func orDelivered(err error) error {
	if !command.Absent(err) && !command.Lacks(err) {
		return err
	}
	return fmt.Errorf("%s\nTo take the templates that come with this plugin, write --delivered", command.Sentence(err))
}

// complete offers templates.
func (s *templateSource) complete(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if !s.delivered {
		return s.frame.CompleteTemplates(c, args, typed)
	}
	all, err := delivered.All()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names := make([]cobra.Completion, len(all))
	for i := range all {
		names[i] = cobra.CompletionWithDesc(all[i].Name, all[i].Spec.Application)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeParams offers the params of a template, those that are secret or those that are not.
func (s *templateSource) completeParams(c *cobra.Command, name, typed string, secret bool) ([]cobra.Completion, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	if s.delivered {
		template, err := deliveredTemplate(name)
		if err != nil {
			return nil, directive
		}
		return offerParams(template, secret), directive
	}
	offered, _ := s.frame.Complete(func(ctx context.Context, cluster client.Reader) []cobra.Completion {
		template := &v1alpha1.HookTemplate{}
		if cluster.Get(ctx, client.ObjectKey{Name: name}, template) != nil {
			return nil
		}
		return offerParams(template, secret)
	})(c, nil, typed)
	return offered, directive
}

func offerParams(template *v1alpha1.HookTemplate, secret bool) (offered []cobra.Completion) {
	for i := range template.Spec.Params {
		if param := &template.Spec.Params[i]; param.Secret == secret {
			offered = append(offered, cobra.CompletionWithDesc(param.Name+"=", param.Usage))
		}
	}
	return offered
}
