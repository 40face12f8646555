package stamp

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/quiesce-io/quiesce/hooks/chain"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// defaultMaxQuiesce is the CRD's.
const defaultMaxQuiesce = 10 * time.Minute

// rendering is what an arrangement looks like to Velero, but for the containers.
type rendering struct {
	sides [len(sides)]struct {
		command string // a JSON array
		sum     [sha256.Size]byte
		timeout string // with its unit: without one Velero falls back to 30 s in silence
		onError string // never empty: Velero takes that for Continue
	}
	// script is the length of the longest argument.
	script int
}

// maxRendered bounds what is remembered, in bytes: past it everything is forgotten, and rendered again.
const maxRendered = 16 << 20

// renderings remembers what was rendered. Clusters have many pods for each arrangement.
type renderings struct {
	lock     sync.RWMutex
	known    map[string]*rendering
	rendered int
}

func (r *renderings) of(a *arrangement) *rendering {
	key := a.key()
	r.lock.RLock()
	known := r.known[key]
	r.lock.RUnlock()
	if known != nil {
		return known
	}
	known = a.render()
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.known == nil || r.rendered > maxRendered {
		r.known, r.rendered = map[string]*rendering{}, 0
	}
	r.known[key] = known
	r.rendered += len(key) + 512 // the rest of it, and its place in the map
	for s := range sides {
		r.rendered += len(known.sides[s].command)
	}
	return known
}

// key names the hooks by rank and place.
func (a *arrangement) key() string {
	var key []byte
	for s := range a {
		for _, placed := range a[s].hooks {
			key = strconv.AppendInt(key, int64(placed.policy.Rank), 10)
			key = append(key, '.')
			key = strconv.AppendInt(key, int64(placed.hook), 10)
			key = append(key, ' ')
		}
		key = append(key, '|')
	}
	return string(key)
}

func (a *arrangement) render() *rendering {
	r := &rendering{}
	ordered := a.ordered()
	if a.guarded() {
		c := a.chain()
		// In a guarded chain the script itself goes on after a failure that it may go on after. What it then reports, that
		// it has undone itself or that another backup is quiescing the pod, must keep Velero from running the post hook.
		r.set(pre, c.PreCommand(), c.PreTimeout(), v1alpha1.Fail)
		r.set(post, c.PostCommand(), c.PostTimeout(), gravest(ordered[post]))
		return r
	}
	for s := range ordered {
		hooks := ordered[s]
		switch {
		case len(hooks) == 0:
		case len(hooks) == 1:
			hook := hooks[0].spec()
			argv, _ := command(hook)
			r.set(side(s), argv, hook.Timeout.Duration, hook.OnError)
		case side(s) == pre:
			c := chain.Chain{Pre: a.links(hooks)}
			r.set(pre, c.PreCommand(), c.PreTimeout(), gravest(hooks))
		default:
			c := chain.Chain{Post: a.links(hooks)}
			r.set(post, c.PostCommand(), c.PostTimeout(), gravest(hooks))
		}
	}
	return r
}

// ordered are the hooks of each side as they run.
func (a *arrangement) ordered() (ordered [len(sides)][]slot) {
	for s := range a {
		ordered[s] = slices.Clone(a[s].hooks)
		inRunningOrder(side(s), ordered[s])
	}
	return ordered
}

// chain is what an arrangement comes to that has a watchdog.
func (a *arrangement) chain() chain.Chain {
	ordered := a.ordered()
	return chain.Chain{Pre: a.links(ordered[pre]), Post: a.links(ordered[post]), MaxQuiesce: a.maxQuiesce()}
}

func (r *rendering) set(s side, argv []string, timeout time.Duration, onError v1alpha1.OnError) {
	rendered := &r.sides[s]
	rendered.command = marshalCommand(argv)
	rendered.sum = sha256.Sum256([]byte(rendered.command))
	rendered.timeout, rendered.onError = timeout.String(), string(onError)
	for _, arg := range argv {
		r.script = max(r.script, len(arg))
	}
}

// links are hooks as a chain takes them. Their groups are the policies' places among those of the pod: a policy that is
// not among them must not change what is written.
func (a *arrangement) links(hooks []slot) []chain.Hook {
	var policies []*match.Policy
	for s := range a {
		for _, placed := range a[s].hooks {
			if !slices.Contains(policies, placed.policy) {
				policies = append(policies, placed.policy)
			}
		}
	}
	slices.SortFunc(policies, match.Compare)
	chained := make([]chain.Hook, len(hooks))
	for i, placed := range hooks {
		hook := placed.spec()
		argv, _ := command(hook)
		chained[i] = chain.Hook{
			Name: recordedName(placed.policy.Ref) + "/" + hook.Name, Group: slices.Index(policies, placed.policy),
			Command: argv, Timeout: hook.Timeout.Duration, Continue: hook.OnError == v1alpha1.Continue,
		}
	}
	return chained
}

// gravest is what a failure of a chain means to Velero: Continue only where it means that for each hook.
func gravest(hooks []slot) v1alpha1.OnError {
	if slices.ContainsFunc(hooks, func(placed slot) bool { return placed.spec().OnError != v1alpha1.Continue }) {
		return v1alpha1.Fail
	}
	return v1alpha1.Continue
}

// maxQuiesce is the shortest of the policies that have hooks on both sides.
func (a *arrangement) maxQuiesce() time.Duration {
	var shortest time.Duration
	for _, placed := range a[pre].hooks {
		if !a.carries(post, placed.policy) {
			continue
		}
		limit := maxQuiesceOf(placed.policy)
		if shortest == 0 || limit < shortest {
			shortest = limit
		}
	}
	return shortest
}

func maxQuiesceOf(policy *match.Policy) time.Duration {
	return cmp.Or(policy.Spec.MaxQuiesce.Duration, defaultMaxQuiesce)
}

// write writes the four annotations of each side that has hooks, always all of them, and the record.
func (r *rendering) write(a *arrangement, annotations map[string]string) {
	var written record
	for s := range a {
		if len(a[s].hooks) == 0 {
			continue
		}
		prefix, rendered := sides[s].prefix, &r.sides[s]
		annotations[prefix+v1alpha1.VeleroCommand] = rendered.command
		annotations[prefix+v1alpha1.VeleroContainer] = a[s].container
		annotations[prefix+v1alpha1.VeleroOnError] = rendered.onError
		annotations[prefix+v1alpha1.VeleroTimeout] = rendered.timeout
		*written.side(side(s)) = &sideRecord{
			Policies: recorded(a[s].hooks),
			Hash:     hashSums(rendered.sum, sum(a[s].container), sum(rendered.onError), sum(rendered.timeout)),
			Default:  a[s].byDefault,
		}
	}
	annotations[v1alpha1.StampAnnotation] = written.String()
}

// size is what the API server counts of these annotations against its limit, or a little more.
func (r *rendering) size(a *arrangement) int {
	total := len(v1alpha1.StampAnnotation)
	for s := range a {
		if len(a[s].hooks) == 0 {
			continue
		}
		total += recordOverhead + len(r.sides[s].command) + len(a[s].container) + len(r.sides[s].timeout) + len(r.sides[s].onError)
		for _, suffix := range suffixes {
			total += len(sides[s].prefix) + len(suffix)
		}
		for _, name := range recorded(a[s].hooks) {
			total += len(name) + len(`"",`)
		}
	}
	return total
}

// recordOverhead is what the record takes for a side, beside the names of policies.
const recordOverhead = len(`"post":{"policies":[],"hash":"0123456789abcdef","default":true},{}`)

// marshalCommand writes argv as the JSON array that Velero parses. People read it too: <, > and & stay as they are.
func marshalCommand(argv []string) string {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(argv); err != nil {
		panic(err) // strings always marshal
	}
	return strings.TrimSpace(buffer.String())
}
