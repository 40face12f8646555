package webhook

import (
	"context"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/usage"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/webhook/authoring"
)

// +kubebuilder:rbac:groups=quiesce.io,resources=hookscripts;hooktemplates,verbs=get;list;watch

// watchLibrary has a cache know scripts and templates.
func watchLibrary(ctx context.Context, objects cache.Cache) error {
	for _, object := range []client.Object{&v1alpha1.HookScript{}, &v1alpha1.HookTemplate{}} {
		if _, err := objects.GetInformer(ctx, object, cache.BlockUntilSynced(false)); err != nil {
			return fmt.Errorf("watching the library: %w", err)
		}
	}
	return nil
}

// resolver puts what a policy refers to in its place, as far as the library is known here.
func resolver(loader *policies.Loader) func(*v1alpha1.HookPolicySpec) (*v1alpha1.HookPolicySpec, error) {
	return func(spec *v1alpha1.HookPolicySpec) (*v1alpha1.HookPolicySpec, error) {
		set := loader.Current()
		if set == nil {
			return spec, nil
		}
		return set.Library.Resolve(spec)
	}
}

// lookup tells from a cache what is in the library.
func lookup(cached client.Reader) authoring.Lookup {
	return func(ctx context.Context, target usage.Target) authoring.Presence {
		var object client.Object = &v1alpha1.HookScript{}
		if target.Kind == usage.Template {
			object = &v1alpha1.HookTemplate{}
		}
		err := cached.Get(ctx, client.ObjectKey{Name: target.Name}, object, client.UnsafeDisableDeepCopy)
		switch {
		case apierrors.IsNotFound(err):
			return authoring.Absent
		case err != nil:
			return authoring.Unknown
		case !object.GetDeletionTimestamp().IsZero():
			return authoring.Leaving
		}
		return authoring.Present
	}
}

// unlimited is a reader of the API server's without a limit of its own: of many scripts that are deleted at once each is asked for by
// itself, and the API server waits for us no longer than it says. It has limits itself.
func unlimited(config *rest.Config, httpClient *http.Client, scheme *runtime.Scheme) (client.Reader, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1
	return client.New(config, client.Options{HTTPClient: httpClient, Scheme: scheme})
}
