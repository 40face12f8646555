package run

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
	authorizationv1 "k8s.io/api/authorization/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// mayFollow refuses those who could begin a session and not see it through: its pods would stay quiesced until maxQuiesce has passed.
func mayFollow(ctx context.Context, cluster client.Client, namespace string) error {
	asking, ctx := errgroup.WithContext(ctx)
	for _, need := range []struct{ verb, resource string }{
		{"create", "hooksessions"}, {"patch", "hooksessions"}, {"list", "hooksessions"}, {"watch", "hooksessions"}, {"list", "hookruns"}, {"watch", "hookruns"},
	} {
		asking.Go(func() error {
			review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
				ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: need.verb, Group: v1alpha1.GroupVersion.Group, Resource: need.resource},
			}}
			if err := cluster.Create(ctx, review); err != nil {
				return fmt.Errorf("asking for your rights: %w", err)
			}
			if !review.Status.Allowed {
				return fmt.Errorf("you may not %s %s in namespace %s: ask for the role edit there (kubectl -n %s create rolebinding … --clusterrole edit --user …)",
					need.verb, need.resource, namespace, namespace)
			}
			return nil
		})
	}
	return asking.Wait()
}
