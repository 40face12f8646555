package doctor

import (
	"slices"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Right is to do something with a kind of objects.
type Right struct{ Verb, Group, Resource, Subresource, Name string }

// String is the right as kubectl auth can-i takes it.
func (r Right) String() string {
	text := r.Verb + " " + r.Resource
	if r.Group != "" {
		text += "." + r.Group
	}
	if r.Subresource != "" {
		text += "/" + r.Subresource
	}
	if r.Name != "" {
		text += " " + r.Name
	}
	return text
}

func (r Right) attributes(namespace string) *authorizationv1.ResourceAttributes {
	return &authorizationv1.ResourceAttributes{
		Namespace: namespace, Verb: r.Verb, Group: r.Group, Resource: r.Resource, Subresource: r.Subresource, Name: r.Name,
	}
}

// rightsOf are the rights that rules give, each by itself.
func rightsOf(rules []rbacv1.PolicyRule) []Right {
	var rights []Right
	for _, rule := range rules {
		names := rule.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					for _, name := range names {
						rights = append(rights, newRight(verb, group, resource, name))
					}
				}
			}
		}
	}
	return rights
}

// need is what a command of this plugin does with the user's rights.
type need struct {
	command string
	rights  []Right
}

var (
	read = []string{"get", "list"}
	ours = v1alpha1.GroupVersion.Group
	// selections are what package world reads, to tell which hooks run where.
	selections = slices.Concat(all([]string{"list"}, ours, "hookpolicies"), all([]string{"list"}, ours, "namespacedhookpolicies"),
		all([]string{"list"}, ours, "hookscripts"), all([]string{"list"}, ours, "hooktemplates"))
	// resolved are what a template comes to is read of.
	resolved = slices.Concat(all([]string{"get"}, ours, "hooktemplates"), all([]string{"get"}, ours, "hookscripts"))
)

// needs are the commands in the order of the help, each with what it asks of the API server and cannot do without.
var needs = []need{
	{command: "run", rights: slices.Concat(all([]string{"create", "patch", "list", "watch"}, ours, "hooksessions"), all([]string{"list", "watch"}, ours, "hookruns"))},
	{command: "explain", rights: slices.Concat(all(read, "", "pods"), selections)},
	{command: "preview --cluster", rights: slices.Concat(all([]string{"list"}, "", "pods"), selections)},
	{command: "sessions, describe session, logs", rights: slices.Concat(all(read, ours, "hooksessions"), all([]string{"list"}, ours, "hookruns"))},
	{command: "cancel", rights: all([]string{"get", "patch"}, ours, "hooksessions")},
	{command: "thaw", rights: slices.Concat(all(read, "", "pods"), all([]string{"create"}, "", "pods/exec"), all([]string{"get", "list", "patch"}, ours, "hooksessions"),
		all([]string{"list"}, ours, "hookruns"))},
	{command: "scripts list|show", rights: all(read, ours, "hookscripts")},
	{command: "scripts add", rights: all([]string{"create"}, ours, "hookscripts")},
	{command: "scripts add --replace", rights: all([]string{"get", "create", "update"}, ours, "hookscripts")},
	{command: "scripts delete", rights: all([]string{"get", "delete"}, ours, "hookscripts")},
	{command: "templates list|show", rights: all(read, ours, "hooktemplates")},
	{command: "templates use|clone", rights: slices.Concat(resolved, all([]string{"create"}, ours, "hookpolicies"))},
	{command: "templates use|clone --namespaced", rights: slices.Concat(resolved, all([]string{"create"}, ours, "namespacedhookpolicies"))},
	{command: "policies list", rights: slices.Concat(all([]string{"list"}, ours, "hookpolicies"), all([]string{"list"}, ours, "namespacedhookpolicies"))},
	{command: "policies suspend|resume --namespaced", rights: all([]string{"get", "list", "patch"}, ours, "namespacedhookpolicies")},
	{command: "policies suspend|resume", rights: slices.Concat(all([]string{"get", "list", "patch"}, ours, "hookpolicies"),
		all([]string{"get", "list", "patch"}, ours, "namespacedhookpolicies"))},
}

func all(verbs []string, group, resource string) []Right {
	rights := make([]Right, 0, len(verbs))
	for _, verb := range verbs {
		rights = append(rights, newRight(verb, group, resource, ""))
	}
	return rights
}

func newRight(verb, group, resource, name string) Right {
	resource, subresource, _ := strings.Cut(resource, "/")
	return Right{Verb: verb, Group: group, Resource: resource, Subresource: subresource, Name: name}
}
