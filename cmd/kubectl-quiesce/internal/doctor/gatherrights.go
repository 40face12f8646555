package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/quiesce-io/quiesce/config"
	"github.com/quiesce-io/quiesce/hooks/match"
)

// reviewsAtOnce bounds how many questions about rights are asked at once.
const reviewsAtOnce = 16

// clusterScoped are the kinds of no namespace.
var clusterScoped = []string{"hookpolicies", "hookscripts", "hooktemplates"}

// mine asks what the caller may do.
func (g *gatherer) mine(ctx context.Context) {
	var wanted []Right
	for _, need := range needs {
		wanted = append(wanted, need.rights...)
	}
	g.facts.Mine = learn("create selfsubjectaccessreviews", func() (map[Right]bool, error) {
		return ask(ctx, wanted, func(ctx context.Context, right Right) (bool, error) {
			namespace := g.facts.Namespace
			if slices.Contains(clusterScoped, right.Resource) {
				namespace = ""
			}
			review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
				ResourceAttributes: right.attributes(namespace),
			}}
			err := g.client.Create(ctx, review)
			return review.Status.Allowed, err
		})
	})
}

// controllerRights asks whether the controller may do, in all namespaces, what its role is generated for.
func (g *gatherer) controllerRights(ctx context.Context) {
	g.facts.ControllerLacks = learn("create subjectaccessreviews", func() ([]Right, error) {
		rules, err := config.ControllerRules()
		if err != nil {
			return nil, err
		}
		rights := rightsOf(rules)
		may, err := ask(ctx, rights, func(ctx context.Context, right Right) (bool, error) { return g.controllerMay(ctx, right, "") })
		if err != nil {
			return nil, err
		}
		return slices.DeleteFunc(rights, func(right Right) bool { return may[right] }), nil
	})
}

func (g *gatherer) controllerMay(ctx context.Context, right Right, namespace string) (bool, error) {
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		ResourceAttributes: right.attributes(namespace),
		User:               fmt.Sprintf("system:serviceaccount:%s:%s", g.facts.Release, controllerName),
		Groups:             []string{"system:serviceaccounts", "system:serviceaccounts:" + g.facts.Release, "system:authenticated"},
	}}
	err := g.client.Create(ctx, review)
	return review.Status.Allowed, err
}

// ask asks about many rights.
func ask(ctx context.Context, rights []Right, may func(context.Context, Right) (bool, error)) (map[Right]bool, error) {
	var (
		answers    = make(map[Right]bool, len(rights))
		lock       sync.Mutex
		group, all = errgroup.WithContext(ctx)
	)
	group.SetLimit(reviewsAtOnce)
	slices.SortFunc(rights, func(a, b Right) int { return strings.Compare(a.String(), b.String()) })
	for _, right := range slices.Compact(rights) {
		group.Go(func() error {
			allowed, err := may(all, right)
			lock.Lock()
			defer lock.Unlock()
			answers[right] = allowed
			return err
		})
	}
	return answers, group.Wait()
}

// secrets asks where hooks take values from Secrets that the controller may not read.
func (g *gatherer) secrets(ctx context.Context) {
	f := g.facts
	users := f.secretUsers()
	if len(users) == 0 {
		return
	}
	f.NoSecrets = learn("create subjectaccessreviews", func() (map[string][]string, error) {
		lacking := map[string][]string{}
		for namespace, policies := range users {
			allowed, err := g.controllerMay(ctx, Right{Verb: "get", Resource: "secrets"}, namespace)
			if err != nil {
				return nil, err
			}
			if !allowed {
				lacking[namespace] = policies
			}
		}
		return lacking, nil
	})
}

// secretUsers are the policies whose hooks take values from Secrets, by the namespaces in which they have pods.
func (f *Facts) secretUsers() map[string][]string {
	if !f.Policies.known() || !f.Namespaces.known() || !f.AppPods.known() {
		return nil
	}
	needing := map[match.Ref]bool{}
	for i := range f.Policies.Value.Policies {
		policy := &f.Policies.Value.Policies[i]
		// A reference may be in a script's environment, in a template's or wherever the API puts one next.
		if raw, err := json.Marshal(policy.Spec); err == nil && strings.Contains(string(raw), `"secretKeyRef":`) {
			needing[policy.Ref] = true
		}
	}
	if len(needing) == 0 {
		return nil
	}
	users := map[string][]string{}
	in := f.optedIn()
	for i := range f.AppPods.Value {
		pod := &f.AppPods.Value[i]
		namespace, takesPart := in[pod.Namespace]
		if !takesPart || ended(pod) {
			continue
		}
		for _, policy := range f.Policies.Value.Index.Match(namespace, asStamp(pod).Pod) {
			if needing[policy.Ref] && !slices.Contains(users[pod.Namespace], policy.String()) {
				users[pod.Namespace] = append(users[pod.Namespace], policy.String())
			}
		}
	}
	return users
}
