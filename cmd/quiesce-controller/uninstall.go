package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/quiesce-io/quiesce/hooks/stamp/keeper"
)

const (
	controllerDeployment = "quiesce-controller"
	webhookConfiguration = "quiesce-webhook"
	// poll is how often something is looked at again.
	poll = 500 * time.Millisecond
	// afterglow is how long API servers may go on calling a webhook whose configuration has been deleted: they see it by
	// a watch. Pods that are created in the meantime may be stamped, and are looked for once more.
	afterglow = 3 * time.Second
	// named is how many of what is left are named.
	named = 10
)

// uninstall undoes what Quiesce has done to the cluster beside its own objects, so that those can be deleted.
func uninstall(arguments []string) error {
	flags := flag.NewFlagSet("quiesce-controller uninstall", flag.ExitOnError)
	namespace := flags.String("namespace", "quiesce-system", "namespace in which Quiesce runs")
	timeout := flags.Duration("timeout", 5*time.Minute, "time after which to give up, and say what is left")
	if kubeconfig := flag.Lookup("kubeconfig"); kubeconfig != nil { // of controller-runtime
		flags.Var(kubeconfig.Value, kubeconfig.Name, kubeconfig.Usage)
	}
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	ctrl.SetLogger(zap.New())
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	scheme, err := newScheme()
	if err != nil {
		return err
	}
	api, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctrl.SetupSignalHandler(), *timeout)
	defer stop()
	return (&uninstaller{api, *namespace, os.Stdout}).run(ctx)
}

// uninstaller lets go what Velero has waiting, has all sessions end, ends the controller, has the API server call no webhook of ours, and takes
// our finalizers off all objects, away the delivered templates that nobody uses, and the stamps off all pods. It may run again at any time,
// and goes on where it was.
//
// What waits is let go three times, since more may come until the API server calls no webhook. First, while a controller is there: it would
// have a Backup fail whose sessions are cancelled, so that it is let go ahead of them, and those whose pods are not quiesced yet are
// cancelled by the controller itself. Then when the controller has ended, which may have held some meanwhile, or have refused some and not come
// to end them. At last when no webhook marks any more.
type uninstaller struct {
	client.Client
	namespace string
	out       io.Writer
}

func (u *uninstaller) run(ctx context.Context) error {
	if _, err := u.letGo(ctx); err != nil {
		u.say("What Velero has waiting could not be let go yet: %v", err)
	}
	// Only the controller can thaw what its sessions have quiesced.
	if err := u.endSessions(ctx); err != nil {
		return err
	}
	// Before anything is removed: the controller would bring it back.
	if err := u.endController(ctx); err != nil {
		return err
	}
	if err := u.letGoOfTheRest(ctx, time.Time{}); err != nil {
		return err
	}
	if err := u.releaseSessions(ctx); err != nil {
		return err
	}
	name := metav1.ObjectMeta{Name: webhookConfiguration}
	for kind, configuration := range map[string]client.Object{
		"MutatingWebhookConfiguration":   &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: name},
		"ValidatingWebhookConfiguration": &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: name},
	} {
		switch err := u.Delete(ctx, configuration); {
		case err == nil:
			u.say("Deleted %s %s", kind, name.Name)
		case apierrors.IsNotFound(err):
			u.say("There is no %s %s", kind, name.Name)
		default:
			return fmt.Errorf("%s %s is left, by which the API server calls Quiesce: %w", kind, name.Name, err)
		}
	}
	uncalled := time.Now().Add(afterglow)
	if err := u.letGoOfTheRest(ctx, uncalled); err != nil {
		return err
	}
	// Only now: the controller would put them back.
	if err := u.releaseLibrary(ctx); err != nil {
		return err
	}
	if err := u.removeTemplates(ctx); err != nil {
		return err
	}
	return u.unstamp(ctx, uncalled)
}

// endController scales the controller to nothing, and waits until its pods have gone.
func (u *uninstaller) endController(ctx context.Context) error {
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: u.namespace, Name: controllerDeployment}}
	err := u.Get(ctx, client.ObjectKeyFromObject(deployment), deployment)
	if apierrors.IsNotFound(err) {
		u.say("There is no Deployment %s/%s", u.namespace, controllerDeployment)
		return nil
	}
	if err == nil {
		err = u.SubResource("scale").Patch(ctx, deployment, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"replicas":0}}`)),
			client.WithSubResourceBody(&autoscalingv1.Scale{}))
	}
	if err != nil {
		return fmt.Errorf("the controller still runs: Deployment %s/%s cannot be scaled to 0: %w", u.namespace, controllerDeployment, err)
	}
	u.say("Scaled Deployment %s/%s to 0", u.namespace, controllerDeployment)
	for {
		left, err := u.podsOf(ctx, deployment)
		if err == nil && len(left) == 0 {
			u.say("The controller has ended")
			return nil
		}
		if !pause(ctx, poll) {
			if err != nil {
				return fmt.Errorf("the time limit has passed, and whether the controller still runs cannot be told: run this again: %w", err)
			}
			return fmt.Errorf("the time limit has passed, and the controller still runs in %s: run this again once its pods have gone", list(left))
		}
	}
}

// podsOf names the pods of a Deployment, and those that it may still make: by its selector. The Deployment itself says
// nothing of pods on their way out.
func (u *uninstaller) podsOf(ctx context.Context, deployment *appsv1.Deployment) ([]string, error) {
	selector, err := metav1.LabelSelectorAsSelector(deployment.Spec.Selector)
	if err != nil {
		return nil, err
	}
	var pods metav1.PartialObjectMetadataList
	pods.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("PodList"))
	if err := u.List(ctx, &pods, client.InNamespace(u.namespace), client.MatchingLabelsSelector{Selector: selector}); err != nil {
		return nil, err
	}
	var names []string
	for i := range pods.Items {
		names = append(names, pods.Items[i].Namespace+"/"+pods.Items[i].Name)
	}
	return names, nil
}

// unstamp takes the stamps off all pods, until there are none, and none can have come since the webhook is not called.
func (u *uninstaller) unstamp(ctx context.Context, uncalled time.Time) error {
	var left []string
	for {
		start := time.Now()
		result, err := keeper.UnstampAll(ctx, u.Client)
		if result.Pods > 0 {
			u.say("Removed the annotations of Quiesce from pods: %d", result.Pods)
		}
		if err == nil {
			err, left = result.Err, result.Left
			if len(left)+result.Pods == 0 && start.After(uncalled) {
				u.say("No pod carries annotations of Quiesce")
				return nil
			}
		}
		if !pause(ctx, max(poll, min(time.Until(uncalled), afterglow))) {
			what := "annotations of Quiesce may be left on pods"
			if len(left) > 0 {
				what = "annotations of Quiesce are left on " + list(left)
			}
			return fmt.Errorf("the time limit has passed, and %s: run this again: %w", what, cmp.Or(err, ctx.Err()))
		}
	}
}

func (u *uninstaller) say(format string, values ...any) {
	_, _ = fmt.Fprintf(u.out, format+"\n", values...)
}

// pause waits; it is false where the context ended.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// list names pods in a sentence.
func list(pods []string) string {
	if len(pods) == 0 {
		return "some pods"
	}
	sentence := "pods " + strings.Join(pods[:min(len(pods), named)], ", ")
	if more := len(pods) - named; more > 0 {
		sentence += fmt.Sprintf(" and %d more", more)
	}
	return sentence
}
