// Package world is what the commands reason about: the policies with all they refer to, compiled as the webhook and the
// controller compile them, from a cluster or from files.
package world

import (
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/stamp"
)

// World is the policies of one moment, and which namespaces may take part.
type World struct {
	*policies.Set
	Scope match.Scope
	// UnpreparedNamespaces are those whose restored pods get no init containers, beside those of the Scope.
	UnpreparedNamespaces []string
	// Objects are what was compiled, and Options how.
	Objects policies.Objects
	Options stamp.Options
	// Gaps are sentences about what could not be read, and what is therefore not known.
	Gaps []string

	unread map[string]bool
}

// Of compiles objects.
func Of(objects policies.Objects, options stamp.Options, scope match.Scope) *World {
	return &World{Set: policies.NewSet(objects, options), Scope: scope, Objects: objects, Options: options}
}

// NotRead says of which kinds, such as HookTemplate, the objects could not be read.
func (w *World) NotRead(kinds ...string) {
	w.unread = map[string]bool{}
	for _, kind := range kinds {
		w.unread[kind] = true
	}
}

// Unread tells whether the objects of a kind, such as HookPolicy, could not be read, so that there may be some. There is a gap
// that says so.
func (w *World) Unread(kind string) bool { return w.unread[kind] }
