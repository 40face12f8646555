package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Unknown is the error for a name that there is not among those known, with the nearest of them as a suggestion.
//
//	there is no HookTemplate "postgress": did you mean "postgresql"?
func Unknown(kind, name string, known []string) error {
	nearest, distance := "", len(name)/2+1
	for _, candidate := range slices.Sorted(slices.Values(known)) {
		d := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(candidate))
		if strings.HasPrefix(candidate, name) {
			d = min(d, 1)
		}
		if d < distance {
			nearest, distance = candidate, d
		}
	}
	switch {
	case nearest != "":
		return fmt.Errorf("there is no %s %q: did you mean %q?", kind, name, nearest)
	case len(known) == 0:
		return fmt.Errorf("there is no %s %q, nor any other", kind, name)
	case len(known) <= 10:
		return fmt.Errorf("there is no %s %q: there are %s", kind, name, strings.Join(slices.Sorted(slices.Values(known)), ", "))
	}
	return fmt.Errorf("there is no %s %q", kind, name)
}
