package doctor

import (
	"context"
	"net/http"
	"slices"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// gatherer looks up facts with the rights of whoever asks. What he may not see is a Fact that says so.
type gatherer struct {
	config *rest.Config
	client client.Client
	facts  *Facts

	// What the policies are compiled of, once it is known how Quiesce is set up.
	library     Fact[shelf]
	backupHooks []velero.BackupHooks
}

// gather looks everything up. Its error is for a cluster that does not answer.
func gather(ctx context.Context, config *rest.Config, cluster client.Client, facts *Facts, fallback string) error {
	g := &gatherer{config: config, client: cluster, facts: facts}
	if err := g.server(); err != nil {
		return err
	}
	g.narrow(ctx, fallback)
	together(ctx, g.kinds, g.webhooks, g.admissionPolicies, g.namespaces, g.readPolicies, g.sessions, g.velero, g.mine)
	g.facts.Release = g.release(ctx)
	together(ctx, g.deployments, g.service, g.ca)
	g.compile()
	together(ctx, g.appPods, g.served, g.tryPolicy, g.controllerRights)
	together(ctx, g.tryPod, g.secrets)
	return nil
}

// together does several things at once. Each writes facts of its own.
func together(ctx context.Context, do ...func(context.Context)) {
	done := make(chan struct{})
	for _, one := range do {
		go func() {
			one(ctx)
			done <- struct{}{}
		}()
	}
	for range do {
		<-done
	}
}

// server asks for the version, which everybody may, and for the time.
func (g *gatherer) server() error {
	config := rest.CopyConfig(g.config)
	var date string
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			response, err := next.RoundTrip(request)
			if err == nil {
				date = response.Header.Get("Date")
			}
			return response, err
		})
	})
	versions, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	sent := time.Now()
	is, err := versions.ServerVersion()
	received := time.Now()
	if err != nil && !apierrors.IsForbidden(err) {
		return err
	}
	g.facts.Server = learn("get /version", func() (*version.Info, error) { return is, err })
	g.facts.Now = received
	g.facts.Skew = learn("get /version", func() (time.Duration, error) {
		there, err := http.ParseTime(date)
		if err != nil {
			return 0, err
		}
		// The header has whole seconds, and was written some time between the two.
		skew := sent.Add(received.Sub(sent) / 2).Sub(there.Add(time.Second / 2))
		if skew.Abs() > 2*time.Second+received.Sub(sent) {
			g.facts.Now = received.Add(-skew)
		}
		return skew, nil
	})
	return nil
}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

// narrow leaves all namespaces to those who may look into them.
func (g *gatherer) narrow(ctx context.Context, fallback string) {
	if g.facts.Namespace != "" || fallback == "" {
		return
	}
	if err := g.client.List(ctx, &v1alpha1.HookSessionList{}, client.Limit(1)); apierrors.IsForbidden(err) {
		g.facts.Namespace = fallback
	}
}

func (g *gatherer) kinds(ctx context.Context) {
	g.facts.Kinds = learn("get /apis", func() ([]string, error) {
		versions, err := discovery.NewDiscoveryClientForConfig(g.config)
		if err != nil {
			return nil, err
		}
		list, err := versions.ServerResourcesForGroupVersion(v1alpha1.GroupVersion.String())
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		var names []string
		for _, resource := range list.APIResources {
			names = append(names, resource.Name)
		}
		return names, nil
	})
	g.facts.CRDs = learn("get customresourcedefinitions", func() ([]apiextensionsv1.CustomResourceDefinition, error) {
		var found []apiextensionsv1.CustomResourceDefinition
		for _, kind := range []string{"hookpolicies", "hookruns", "hookscripts", "hooksessions", "hooktemplates", "namespacedhookpolicies"} {
			crd, err := one[apiextensionsv1.CustomResourceDefinition](ctx, g, "", kind+"."+v1alpha1.GroupVersion.Group)
			if err != nil {
				return nil, err
			}
			if crd != nil {
				found = append(found, *crd)
			}
		}
		return found, nil
	})
}

// one gets an object; nil where there is none.
func one[T any, P interface {
	*T
	client.Object
}](ctx context.Context, g *gatherer, namespace, name string) (*T, error) {
	object := P(new(T))
	err := g.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, object)
	if apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // that is what it says
	}
	return object, err
}

func (g *gatherer) webhooks(ctx context.Context) {
	g.facts.Mutating = learn("get mutatingwebhookconfigurations", func() (*admissionregistrationv1.MutatingWebhookConfiguration, error) {
		return one[admissionregistrationv1.MutatingWebhookConfiguration](ctx, g, "", webhookName)
	})
	g.facts.Validating = learn("get validatingwebhookconfigurations", func() (*admissionregistrationv1.ValidatingWebhookConfiguration, error) {
		return one[admissionregistrationv1.ValidatingWebhookConfiguration](ctx, g, "", webhookName)
	})
}

func (g *gatherer) admissionPolicies(ctx context.Context) {
	g.facts.AdmissionPolicies = learn("get validatingadmissionpolicies", func() ([]admissionregistrationv1.ValidatingAdmissionPolicy, error) {
		return guardsOf[admissionregistrationv1.ValidatingAdmissionPolicy](ctx, g)
	})
	g.facts.Bindings = learn("get validatingadmissionpolicybindings", func() ([]admissionregistrationv1.ValidatingAdmissionPolicyBinding, error) {
		return guardsOf[admissionregistrationv1.ValidatingAdmissionPolicyBinding](ctx, g)
	})
}

// guardsOf are those of our admission policies, or of their bindings, that there are.
func guardsOf[T any, P interface {
	*T
	client.Object
}](ctx context.Context, g *gatherer) ([]T, error) {
	var found []T
	for _, guard := range guards {
		object, err := one[T, P](ctx, g, "", guard.name)
		if err != nil {
			return nil, err
		}
		if object != nil {
			found = append(found, *object)
		}
	}
	return found, nil
}

// release is the namespace in which Quiesce runs: where its programs are, or where its webhooks are sent to, or else where the docs have
// it installed.
func (g *gatherer) release(ctx context.Context) string {
	var deployments appsv1.DeploymentList
	if err := g.client.List(ctx, &deployments, client.MatchingLabels{nameLabel: "quiesce"}); err == nil {
		for i := range deployments.Items {
			if name := deployments.Items[i].Name; name == webhookName || name == controllerName {
				return deployments.Items[i].Namespace
			}
		}
	}
	for _, entry := range g.facts.entries() {
		if entry.client.Service != nil {
			return entry.client.Service.Namespace
		}
	}
	return defaultRelease
}

func (g *gatherer) deployments(ctx context.Context) {
	release := g.facts.Release
	get := func(name string) Fact[*appsv1.Deployment] {
		return learn(right("get", "deployments", release), func() (*appsv1.Deployment, error) { return one[appsv1.Deployment](ctx, g, release, name) })
	}
	g.facts.Webhook, g.facts.Controller = get(webhookName), get(controllerName)
	g.facts.Pods = learn(right("list", "pods", release), func() ([]corev1.Pod, error) {
		var pods corev1.PodList
		err := g.client.List(ctx, &pods, client.InNamespace(release), client.MatchingLabels{nameLabel: "quiesce"})
		return pods.Items, err
	})
	g.facts.Lease = learn(right("get", "leases", release), func() (*coordinationv1.Lease, error) {
		return one[coordinationv1.Lease](ctx, g, release, controllerName)
	})
}

func (g *gatherer) service(ctx context.Context) {
	release := g.facts.Release
	g.facts.Service = learn(right("get", "services", release), func() (*corev1.Service, error) { return one[corev1.Service](ctx, g, release, webhookName) })
	g.facts.Endpoints = learn(right("list", "endpointslices", release), func() ([]discoveryv1.EndpointSlice, error) {
		var list discoveryv1.EndpointSliceList
		err := g.client.List(ctx, &list, client.InNamespace(release), client.MatchingLabels{discoveryv1.LabelServiceName: webhookName})
		return list.Items, err
	})
}

func (g *gatherer) ca(ctx context.Context) {
	release := g.facts.Release
	g.facts.CA = learn(right("get", "secrets", release), func() ([]byte, error) {
		secret, err := one[corev1.Secret](ctx, g, release, caSecretName)
		if err != nil || secret == nil {
			return nil, err
		}
		return slices.Concat([]byte{}, secret.Data[corev1.TLSCertKey]), nil
	})
}

func (g *gatherer) namespaces(ctx context.Context) {
	if name := g.facts.Namespace; name != "" {
		g.facts.Namespaces = learn("get namespace "+name, func() ([]corev1.Namespace, error) {
			var namespace corev1.Namespace
			err := g.client.Get(ctx, client.ObjectKey{Name: name}, &namespace)
			return []corev1.Namespace{namespace}, err
		})
		return
	}
	g.facts.Namespaces = learn("list namespaces", func() ([]corev1.Namespace, error) {
		var list corev1.NamespaceList
		err := g.client.List(ctx, &list)
		return list.Items, err
	})
}

func (g *gatherer) sessions(ctx context.Context) {
	g.facts.Sessions = learn(right("list", "hooksessions", g.facts.Namespace), func() ([]v1alpha1.HookSession, error) {
		var list v1alpha1.HookSessionList
		err := g.client.List(ctx, &list, client.InNamespace(g.facts.Namespace))
		return list.Items, err
	})
}

// appPods are the pods of the namespaces that take part, and those of others that carry a stamp all the same.
func (g *gatherer) appPods(ctx context.Context) {
	if !g.facts.Namespaces.known() {
		g.facts.AppPods = Fact[[]corev1.Pod]{Lacks: g.facts.Namespaces.Lacks, Err: g.facts.Namespaces.Err}
		return
	}
	in := g.facts.optedIn()
	g.facts.AppPods = learn(right("list", "pods", g.facts.Namespace), func() ([]corev1.Pod, error) {
		var list corev1.PodList
		if err := g.client.List(ctx, &list, client.InNamespace(g.facts.Namespace)); err != nil {
			return nil, err
		}
		return slices.DeleteFunc(list.Items, func(pod corev1.Pod) bool {
			_, takesPart := in[pod.Namespace]
			return !takesPart && pod.Annotations[v1alpha1.StampAnnotation] == ""
		}), nil
	})
}
