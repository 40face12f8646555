package session

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// claims say which session has which pods. A pod has one at a time, and who came first goes first: a session also waits for
// those that wait for longer than it has, where they want pods of its own.
type claims struct {
	lock  sync.Mutex
	held  map[types.UID]*claim // by session
	wakes func(session types.NamespacedName)
}

type claim struct {
	session types.NamespacedName
	since   string // sorts by the session's age, then by its name
	pods    map[types.UID]string
	granted bool
}

func newClaims(wake func(types.NamespacedName)) *claims {
	return &claims{held: map[types.UID]*claim{}, wakes: wake}
}

// ask grants pods, by UID with their names, to a session, in addition to those that it has; or says for whom it waits.
func (c *claims) ask(session *v1alpha1.HookSession, pods map[types.UID]string) (waitsFor string) {
	c.lock.Lock()
	defer c.lock.Unlock()
	own := c.held[session.UID]
	if own == nil {
		own = newClaim(session)
		c.held[session.UID] = own
	}
	wanted := maps.Clone(own.pods)
	maps.Copy(wanted, pods)
	for _, other := range c.byAge() {
		if other == own || other.session.Namespace != session.Namespace || !other.granted && (own.granted || other.since > own.since) {
			continue
		}
		if shared := own.shares(wanted, other); shared != "" {
			if !own.granted {
				own.pods = wanted
			}
			return fmt.Sprintf("HookSession %q, which has claimed %s", other.session.Name, shared)
		}
	}
	own.pods, own.granted = wanted, true
	return ""
}

// take gives a session what its record says it has had before.
func (c *claims) take(session *v1alpha1.HookSession, pods map[types.UID]string) {
	c.lock.Lock()
	defer c.lock.Unlock()
	own := newClaim(session)
	own.pods, own.granted = pods, true
	c.held[session.UID] = own
}

func newClaim(session *v1alpha1.HookSession) *claim {
	return &claim{
		session: types.NamespacedName{Namespace: session.Namespace, Name: session.Name},
		since:   session.CreationTimestamp.UTC().Format("2006-01-02T15:04:05Z") + "/" + session.Name,
		pods:    map[types.UID]string{},
	}
}

// has tells whether a pod is some session's.
func (c *claims) has(pod types.UID) bool {
	c.lock.Lock()
	defer c.lock.Unlock()
	for _, claim := range c.held {
		if _, its := claim.pods[pod]; its && claim.granted {
			return true
		}
	}
	return false
}

// release ends a session's claim, and wakes those that may have waited for it.
func (c *claims) release(session types.UID) {
	c.lock.Lock()
	defer c.lock.Unlock()
	own := c.held[session]
	if own == nil {
		return
	}
	delete(c.held, session)
	for _, other := range c.held {
		if !other.granted && other.session.Namespace == own.session.Namespace {
			c.wakes(other.session)
		}
	}
}

func (c *claims) byAge() []*claim {
	return slices.SortedFunc(maps.Values(c.held), func(a, b *claim) int {
		return cmp.Or(strings.Compare(a.since, b.since), strings.Compare(a.session.Namespace, b.session.Namespace))
	})
}

// shares names pods that another has, or wants before; empty where there is none.
func (c *claim) shares(wanted map[types.UID]string, other *claim) string {
	var names []string
	for pod, name := range other.pods {
		if _, both := wanted[pod]; both {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	if more := len(names) - namedPods; more > 0 {
		return fmt.Sprintf("pods %s and %d more", strings.Join(names[:namedPods], ", "), more)
	}
	return "pods " + strings.Join(names, ", ")
}

// namedPods is how many pods a sentence names.
const namedPods = 5
