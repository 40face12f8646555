package usage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const (
	// shown is how many users a line or a sentence names.
	shown = 3
	// maxUsers is how long status.users may be, by its schema.
	maxUsers = 1024
)

// Sort orders uses: HookPolicies, HookTemplates, NamespacedHookPolicies, each by namespace and name, and the hooks of one as they
// stand in it.
func Sort(uses []v1alpha1.Use) {
	slices.SortStableFunc(uses, func(a, b v1alpha1.Use) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
}

// Summarize is what a status says of sorted uses, however many there are.
func Summarize(uses []v1alpha1.Use) v1alpha1.Usage {
	return v1alpha1.Usage{
		Uses:   int32(len(uses)), //nolint:gosec // there are fewer hooks in a cluster
		Users:  line(uses),
		UsedBy: slices.Clone(uses[:min(len(uses), v1alpha1.MaxUses)]),
	}
}

// line names the users, such as HookPolicy/postgres, NamespacedHookPolicy/shop/db and 3 more.
func line(uses []v1alpha1.Use) string {
	var (
		users = group(uses)
		names = make([]string, 0, shown)
	)
	for _, user := range users[:min(len(users), shown)] {
		name := user[0].Kind + "/" + user[0].Name
		if user[0].Namespace != "" {
			name = user[0].Kind + "/" + user[0].Namespace + "/" + user[0].Name
		}
		names = append(names, name)
	}
	for {
		text := enumerate(names, len(users)-len(names))
		if len(text) <= maxUsers {
			return text
		}
		names = names[:len(names)-1]
	}
}

// Sentence says who uses a script or a template, such as HookScript "x" is used by HookPolicy "a" (hooks flush, lock; PreSnapshot).
func Sentence(target Target, uses []v1alpha1.Use) string {
	users := group(uses)
	names := make([]string, 0, shown)
	for _, user := range users[:min(len(users), shown)] {
		names = append(names, describe(user))
	}
	return fmt.Sprintf("%s is used by %s", target, enumerate(names, len(users)-len(names)))
}

// describe names one user and its hooks.
func describe(uses []v1alpha1.Use) string {
	name := fmt.Sprintf("%s %q", uses[0].Kind, uses[0].Name)
	if uses[0].Namespace != "" {
		name += " in namespace " + uses[0].Namespace
	}
	var (
		hooks  []string
		stages []string
	)
	for i := range uses {
		if uses[i].Hook != "" {
			hooks = append(hooks, uses[i].Hook)
		}
	}
	for _, stage := range v1alpha1.Stages {
		if slices.ContainsFunc(uses, func(use v1alpha1.Use) bool { return slices.Contains(use.Stages, stage) }) {
			stages = append(stages, string(stage))
		}
	}
	if len(hooks) == 0 {
		return name
	}
	word := "hook"
	if len(hooks) > 1 {
		word = "hooks"
	}
	more := max(len(hooks)-shown, 0)
	return fmt.Sprintf("%s (%s %s; %s)", name, word, enumerate(hooks[:len(hooks)-more], more), strings.Join(stages, ", "))
}

// group puts the uses of one user together. They are sorted.
func group(uses []v1alpha1.Use) [][]v1alpha1.Use {
	same := func(a, b v1alpha1.Use) bool {
		return a.Kind == b.Kind && a.Namespace == b.Namespace && a.Name == b.Name
	}
	var users [][]v1alpha1.Use
	for rest := uses; len(rest) > 0; {
		end := 1
		for end < len(rest) && same(rest[0], rest[end]) {
			end++
		}
		users, rest = append(users, rest[:end]), rest[end:]
	}
	return users
}

func enumerate(names []string, more int) string {
	text := strings.Join(names, ", ")
	if more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
