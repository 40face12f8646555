package doctor

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// grace is how long a new pod may be without its hooks where the webhook was away: the controller follows within seconds.
const grace = 5 * time.Second

// unstampedPods compares each pod with what stamping it would come to.
func unstampedPods(f *Facts) []Finding {
	what := "whether pods carry their hooks"
	if f.Policies.Lacks != "" && f.Namespace != "" {
		what = "whether pods of namespace " + f.Namespace + " carry their hooks"
	}
	if found, missing := notKnown(what, f.Policies, f.Namespaces, f.Velero); missing {
		return found
	}
	if len(f.Policies.Value.Gaps) > 0 {
		return []Finding{unknown("%s is not known: %s", what, f.Policies.Value.Gaps[0])}
	}
	if !f.AppPods.known() {
		return f.unstampedByStatus(what)
	}
	stamps := f.stamps()
	var found []Finding
	logs := fmt.Sprintf("kubectl -n %s logs deployment/%s", f.Release, controllerName)
	if bare := stamps.bare; len(bare) > 0 {
		found = append(found, warning("%s should carry hooks and %s not: %s; a backup by Velero would not quiesce %s", counted(len(bare), "pod"),
			verb(len(bare), "does", "do"), named(bare), verb(len(bare), "it", "them")).do("%s", logs))
	}
	if stale := stamps.stale; len(stale) > 0 {
		found = append(found, warning("%s hooks that no policy stamps any more, and that Velero runs all the same: %s", carrying(len(stale)), named(stale)).do("%s", logs))
	}
	if len(found) == 0 {
		found = []Finding{fine("%s the hooks that policies stamp", carrying(stamps.good))}
	}
	return found
}

// stamps is how pods carry their hooks.
type stamps struct {
	// bare should carry hooks and do not; stale carry some that they should not. Each is namespace/name.
	bare, stale []string
	// good carry what they should.
	good int
}

func (f *Facts) stamps() (s stamps) {
	in := f.optedIn()
	for i := range f.AppPods.Value {
		pod := &f.AppPods.Value[i]
		if ended(pod) {
			continue
		}
		namespace, takesPart := in[pod.Namespace]
		decision := stamp.Decision{Remove: stamp.Unstamp(pod.Annotations)}
		if takesPart {
			decision = f.Policies.Value.Compiled.Decide(namespace, asStamp(pod))
		}
		switch name := pod.Namespace + "/" + pod.Name; {
		case len(decision.Set) > 0:
			if f.Now.Sub(pod.CreationTimestamp.Time) >= grace {
				s.bare = append(s.bare, name)
			}
		case len(decision.Remove) > 0:
			if f.settingsKnown() {
				s.stale = append(s.stale, name)
			}
		case pod.Annotations[v1alpha1.StampAnnotation] != "":
			s.good++
		}
	}
	return s
}

// settingsKnown tells whether it is known how Quiesce is set up, without which hooks may seem to be too many.
func (f *Facts) settingsKnown() bool { return f.Controller.Value != nil || f.Webhook.Value != nil }

func carrying(pods int) string {
	if pods == 1 {
		return "1 pod carries"
	}
	return fmt.Sprintf("%d pods carry", pods)
}

func verb(number int, one, many string) string {
	if number == 1 {
		return one
	}
	return many
}

// unstampedByStatus goes by what the controller counts, where pods may not be listed.
func (f *Facts) unstampedByStatus(what string) []Finding {
	var behind []string
	for i := range f.Policies.Value.Objects {
		policy := &f.Policies.Value.Objects[i]
		ready := meta.FindStatusCondition(policy.Status.Conditions, v1alpha1.ConditionReady)
		if ready != nil && strings.Contains(ready.Message, "about to be changed") {
			behind = append(behind, policy.title()+": "+ready.Message)
		}
	}
	if len(behind) > 0 {
		return []Finding{warning("pods do not carry their hooks yet: %s", strings.Join(behind, "; "))}
	}
	return []Finding{unknown("%s is not known: %s", what, f.AppPods.why())}
}
