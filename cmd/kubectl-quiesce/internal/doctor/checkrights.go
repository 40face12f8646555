package doctor

import (
	"maps"
	"slices"
	"strings"
)

func controllerRights(f *Facts) []Finding {
	if found, missing := notKnown("whether the controller may do what it must", f.ControllerLacks); missing {
		return found
	}
	if len(f.ControllerLacks.Value) > 0 {
		lacking := make([]string, len(f.ControllerLacks.Value))
		for i, right := range f.ControllerLacks.Value {
			lacking[i] = right.String()
		}
		return []Finding{fault("the controller may not do what it must: %s", named(lacking)).
			do("%s", f.upgrade()).
			do("kubectl auth can-i --list --as system:serviceaccount:%s:%s", f.Release, controllerName)}
	}
	return []Finding{fine("the controller may do what it must")}
}

func controllerSecrets(f *Facts) []Finding {
	if found, missing := notKnown("whether hooks get the values that they take from Secrets", f.NoSecrets); missing {
		return found
	}
	var found []Finding
	for _, namespace := range slices.Sorted(maps.Keys(f.NoSecrets.Value)) {
		found = append(found, warning("the controller may not read Secrets of namespace %s, and hooks of %s need them", namespace, named(f.NoSecrets.Value[namespace])).
			do("kubectl -n %s create rolebinding quiesce-secrets-reader --clusterrole quiesce-secrets-reader --serviceaccount %s:%s", namespace, f.Release, controllerName))
	}
	return found
}

// yourRights says of each command whether the caller may use it. That he may not is no fault of the installation.
func yourRights(f *Facts) []Finding {
	if found, missing := notKnown("what you may do", f.Mine); missing {
		return found
	}
	var may []string
	var found []Finding
	for _, need := range needs {
		lacking := slices.DeleteFunc(slices.Clone(need.rights), func(right Right) bool { return f.Mine.Value[right] })
		if len(lacking) == 0 {
			may = append(may, need.command)
			continue
		}
		found = append(found, note("you may not wholly use %s: it needs the right to %s", need.command, f.inWords(lacking)))
	}
	if len(may) > 0 {
		found = slices.Insert(found, 0, fine("you may use %s", strings.Join(may, "; ")))
	}
	return found
}

// inWords are rights in a sentence, the verbs of one kind together.
func (f *Facts) inWords(rights []Right) string {
	var kinds []string
	verbs := map[string][]string{}
	for _, right := range rights {
		verb, kind, _ := strings.Cut(right.String(), " ")
		switch {
		case slices.Contains(clusterScoped, right.Resource):
		case f.Namespace == "":
			kind += " in all namespaces"
		default:
			kind += " in namespace " + f.Namespace
		}
		if len(verbs[kind]) == 0 {
			kinds = append(kinds, kind)
		}
		verbs[kind] = append(verbs[kind], verb)
	}
	for i, kind := range kinds {
		kinds[i] = strings.Join(verbs[kind], ", ") + " " + kind
	}
	return strings.Join(kinds, "; ")
}
