package world

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// The names that the chart gives, whatever the release's is, and the namespace in which the documentation puts it.
const (
	webhookName      = "quiesce-webhook"
	defaultNamespace = "quiesce-system"

	stampingWebhook  = "pods.quiesce.io"
	preparingWebhook = "restored-pods.quiesce.io"
)

// installation is how Quiesce was set up, as far as it can be read.
type installation struct {
	scope      match.Scope
	options    policies.Options
	unprepared []string
	// gap is a sentence about what is not known of it, or empty.
	gap string
}

// readInstallation reads the webhook's Deployment, whose arguments say all; and its configuration, which says where that is, and for
// which namespaces the API server asks.
func readInstallation(ctx context.Context, cluster client.Reader) (installation, error) {
	var (
		configuration admissionregistrationv1.MutatingWebhookConfiguration
		deployment    appsv1.Deployment

		configured, deployed, hidden bool
	)
	// Where nearly everybody has it; so that one is not waited for to ask for the other.
	key := client.ObjectKey{Namespace: defaultNamespace, Name: webhookName}
	requests, requestContext := errgroup.WithContext(ctx)
	requests.Go(func() (err error) {
		err = cluster.Get(requestContext, client.ObjectKey{Name: webhookName}, &configuration)
		hidden = apierrors.IsForbidden(err)
		configured, err = found(err)
		return err
	})
	requests.Go(func() (err error) {
		deployed, err = found(cluster.Get(requestContext, key, &deployment))
		return err
	})
	if err := requests.Wait(); err != nil {
		return installation{}, fmt.Errorf("looking at how Quiesce is installed: %w", err)
	}
	if namespace := serviceNamespace(&configuration); configured && namespace != "" && namespace != key.Namespace {
		key.Namespace = namespace
		var err error
		if deployed, err = found(cluster.Get(ctx, key, &deployment)); err != nil {
			return installation{}, fmt.Errorf("looking at how Quiesce is installed: %w", err)
		}
	}
	i := installation{scope: match.Scope{Own: key.Namespace}}
	i.unprepared = excluded(&configuration, preparingWebhook)
	switch {
	case deployed:
		for c := range deployment.Spec.Template.Spec.Containers {
			i.readArguments(deployment.Spec.Template.Spec.Containers[c].Args)
		}
		if hidden {
			i.gap = fmt.Sprintf("for which namespaces restored pods get no init containers (restore.excludedNamespaces) is not known, "+
				"since MutatingWebhookConfiguration %s cannot be read: none is assumed", webhookName)
		}
	case configured:
		i.scope.Excluded = slices.DeleteFunc(excluded(&configuration, stampingWebhook), func(name string) bool { return !i.scope.MayTakePart(name) })
		i.gap = fmt.Sprintf("whether native sidecars are stamped, and whether the hooks of Velero's own Schedules and Backups come first, is not known, "+
			"since Deployment %s cannot be read: the defaults are assumed", key)
	default:
		i.gap = fmt.Sprintf("which namespaces never take part or have their restored pods left alone, and how Quiesce is set up for Velero, is not known, "+
			"since neither Deployment %s nor MutatingWebhookConfiguration %s can be read: the defaults are assumed", key, webhookName)
	}
	return i, nil
}

// found tells of an answer whether there was an object. Who may not read one is told nothing.
func found(err error) (bool, error) {
	if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

func serviceNamespace(configuration *admissionregistrationv1.MutatingWebhookConfiguration) string {
	for i := range configuration.Webhooks {
		if service := configuration.Webhooks[i].ClientConfig.Service; service != nil {
			return service.Namespace
		}
	}
	return ""
}

// excluded are the namespaces for which the API server does not ask a webhook of the configuration, whatever their labels.
func excluded(configuration *admissionregistrationv1.MutatingWebhookConfiguration, webhook string) (names []string) {
	at := slices.IndexFunc(configuration.Webhooks, func(w admissionregistrationv1.MutatingWebhook) bool { return w.Name == webhook })
	if at < 0 || configuration.Webhooks[at].NamespaceSelector == nil {
		return nil
	}
	for _, requirement := range configuration.Webhooks[at].NamespaceSelector.MatchExpressions {
		if requirement.Key == v1alpha1.NamespaceNameLabel && requirement.Operator == metav1.LabelSelectorOpNotIn {
			names = append(names, requirement.Values...)
		}
	}
	return names
}

// readArguments reads those of the webhook's flags that matter here, as --name=value or --name value. A value that the program would
// refuse is one with which it does not run.
func (i *installation) readArguments(arguments []string) {
	flags := flag.NewFlagSet(webhookName, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("excluded-namespaces", "", i.scope.Exclude)
	i.options.BindFlags(flags)
	for at, argument := range arguments {
		name, value, given := strings.Cut(strings.TrimLeft(argument, "-"), "=")
		if !strings.HasPrefix(argument, "-") || flags.Lookup(name) == nil {
			continue
		}
		if !given && at+1 < len(arguments) {
			value = arguments[at+1]
		}
		_ = flags.Set(name, value)
	}
}
