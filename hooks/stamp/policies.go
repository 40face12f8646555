// Package stamp decides which of Velero's backup hook annotations a pod carries. It is pure, and serves all who need to
// know: the webhook, which writes them, and the controller, which says whether they are there.
package stamp

import (
	"errors"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Policies is a compiled set of policies: immutable, and safe to use from many goroutines.
type Policies struct {
	index *match.Index
	// stamps holds what each policy stamps, by its rank in the index.
	stamps []stamp
}

// stamp is what one policy writes on a pod: one hook a side, or nil.
type stamp [len(sides)]*rendered

// Refused is a policy that cannot be used, and why, in words for its author.
type Refused struct {
	Policy *v1alpha1.HookPolicy
	Err    error
}

// Compile makes the policies ready for use. Suspended ones are left out; those with a mistake are returned as refused
// and do not keep the others from being used. The policies must not be changed afterwards.
func Compile(policies []v1alpha1.HookPolicy) (*Policies, []Refused) {
	var (
		compiled []*match.Policy
		refused  []Refused
		rendered = map[*match.Policy]stamp{}
	)
	for i := range policies {
		policy := &policies[i]
		if policy.Spec.Suspend {
			continue
		}
		matcher, s, err := compile(policy)
		if err != nil {
			refused = append(refused, Refused{policy, err})
			continue
		}
		compiled = append(compiled, matcher)
		rendered[matcher] = s
	}
	index := match.NewIndex(compiled)
	stamps := make([]stamp, len(compiled))
	for rank, policy := range index.Policies() {
		stamps[rank] = rendered[policy]
	}
	return &Policies{index: index, stamps: stamps}, refused
}

func compile(policy *v1alpha1.HookPolicy) (*match.Policy, stamp, error) {
	var s stamp
	matcher, err := match.Compile(policy)
	if err != nil {
		return nil, s, err
	}
	for which := range sides {
		if s[which], err = renderSide(side(which), policy.Spec.Hooks); err != nil {
			return nil, s, err
		}
	}
	if s == (stamp{}) {
		return nil, s, errors.New("spec.hooks: write at least one hook with a stage before or after the backup")
	}
	return matcher, s, nil
}
