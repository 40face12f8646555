package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Resource is a kind of object that a command line names by NAME, or by TYPE/NAME as kubectl and our own commands print it.
type Resource struct {
	Kind string
	// types are what TYPE may be, the one to be written first; of ours also with the API group behind.
	types []string
	ours  bool
}

// The kinds that commands take.
var (
	Sessions  = Resource{"HookSession", []string{"hooksession", "hooksessions", "hses", "session", "sessions"}, true}
	Scripts   = Resource{"HookScript", []string{"hookscript", "hookscripts", "hs", "script", "scripts"}, true}
	Templates = Resource{"HookTemplate", []string{"hooktemplate", "hooktemplates", "ht", "template", "templates"}, true}
	Pods      = Resource{"Pod", []string{"pod", "pods", "po"}, false}
)

// NameOf is the NAME of an argument that is one, or TYPE/NAME.
func (r Resource) NameOf(argument string) (string, error) {
	kind, name, typed := strings.Cut(argument, "/")
	switch {
	case argument == "":
		return "", fmt.Errorf("a name is empty: write the NAME of a %s", r.Kind)
	case !typed:
		return argument, nil
	case !r.is(strings.ToLower(kind)) || name == "" || strings.Contains(name, "/"):
		return "", fmt.Errorf("%q names no %s: write NAME, or %s/NAME", argument, r.Kind, r.types[0])
	}
	return name, nil
}

// NamesOf are those of arguments, in their order.
func (r Resource) NamesOf(arguments []string) ([]string, error) {
	names := make([]string, len(arguments))
	for i, argument := range arguments {
		var err error
		if names[i], err = r.NameOf(argument); err != nil {
			return nil, err
		}
	}
	return names, nil
}

func (r Resource) is(kind string) bool {
	if r.ours {
		kind = strings.TrimSuffix(kind, "."+v1alpha1.GroupVersion.Group)
		kind = strings.TrimSuffix(kind, "."+v1alpha1.GroupVersion.Version)
	}
	return slices.Contains(r.types, kind)
}

// PolicyName is the NAME of a policy of either kind, which may be written as TYPE/NAME, or as NAMESPACE/NAME as sessions have it.
func PolicyName(argument string) string { return argument[strings.LastIndex(argument, "/")+1:] }
