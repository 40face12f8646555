package authoring

import (
	"context"
	"fmt"

	"github.com/quiesce-io/quiesce/hooks/usage"
)

// Presence is whether something is in the library.
type Presence int

// What may be known of a script or a template.
const (
	// Unknown: it could not be told.
	Unknown Presence = iota
	Present
	// Leaving: it has been deleted, and goes when nobody uses it any more.
	Leaving
	Absent
)

// Lookup tells whether a script or a template is there. It may be behind: what it says is good for a warning. Nil knows nothing.
type Lookup func(ctx context.Context, target usage.Target) Presence

// missing are warnings of what an object names and the library has not, or not for long.
func (l Lookup) missing(ctx context.Context, targets []usage.Target) (warnings []string) {
	if l == nil {
		return nil
	}
	for _, target := range targets {
		switch l(ctx, target) {
		case Absent:
			warnings = append(warnings, fmt.Sprintf("there is no %s: nothing of this is used until it is created, or another name is written", target))
		case Leaving:
			warnings = append(warnings, fmt.Sprintf("%s has been deleted, and only stays while it is used: write the name of another", target))
		case Present, Unknown:
		}
	}
	return warnings
}
