// Package delivery puts the application library into the cluster, and takes it out again: the HookTemplates that come with Quiesce.
// What a user has changed, or has made himself under such a name, is left alone.
package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// +kubebuilder:rbac:groups=quiesce.io,resources=hooktemplates,verbs=get;list;create;update;delete
// +kubebuilder:rbac:groups=quiesce.io,resources=hookpolicies;namespacedhookpolicies,verbs=list

// How long to wait before another attempt: at first, and at most. The CRDs and the webhook may come up beside the controller.
const (
	firstPause   = time.Second
	longestPause = time.Minute
)

// Delivery brings the templates of a cluster up to date.
type Delivery struct {
	// API reads and writes without a cache.
	API client.Client
	// Templates are those that are delivered. What was delivered before and is not among them goes, once no policy uses it.
	Templates []v1alpha1.HookTemplate
}

// Start delivers once, and tries again until that has gone well or the context ends. One controller is enough for it.
func (d *Delivery) Start(ctx context.Context) error {
	logger, told := log.FromContext(ctx).WithName("library"), ""
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := d.Run(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the controller ends, and the next one begins anew
		}
		if err.Error() != told { // the same may be so for as long as the CRDs are away
			told = err.Error()
			logger.Info("The application library is not wholly there yet, and is tried again", "reason", told)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// Run delivers all that can be delivered. The error says what could not.
func (d *Delivery) Run(ctx context.Context) error {
	var (
		written []string
		errs    []error
	)
	for i := range d.Templates {
		wrote, err := d.deliver(ctx, &d.Templates[i])
		if err != nil {
			errs = append(errs, fmt.Errorf("HookTemplate %s: %w", d.Templates[i].Name, err))
		}
		if wrote {
			written = append(written, d.Templates[i].Name)
		}
	}
	gone, err := d.remove(ctx)
	if len(written)+len(gone) > 0 {
		log.FromContext(ctx).WithName("library").Info("Changed the application library", "written", written, "removed", gone)
	}
	return errors.Join(append(errs, err)...)
}

// deliver brings one template up to date, and tells whether that took a change.
func (d *Delivery) deliver(ctx context.Context, wanted *v1alpha1.HookTemplate) (bool, error) {
	there := &v1alpha1.HookTemplate{}
	err := d.API.Get(ctx, client.ObjectKeyFromObject(wanted), there)
	if apierrors.IsNotFound(err) {
		created := wanted.DeepCopy()
		mark(created, 1) // the generation with which every object begins
		err := d.API.Create(ctx, created)
		return err == nil, err
	}
	if err != nil {
		return false, err
	}
	if there.DeletionTimestamp != nil { // somebody wants it gone; it comes back with the next start of a controller
		return false, nil
	}
	if _, marked := there.Annotations[v1alpha1.DeliveredAnnotation]; !marked {
		log.FromContext(ctx).WithName("library").Info("Left a template alone that a user has made under a name of the library", "HookTemplate", wanted.Name)
		return false, nil
	}
	return d.update(ctx, there, wanted)
}

// update has a template that was delivered be what is wanted, unless a user has changed it since.
func (d *Delivery) update(ctx context.Context, there, wanted *v1alpha1.HookTemplate) (bool, error) {
	updated := there.DeepCopy()
	updated.Spec = *wanted.Spec.DeepCopy()
	// Only the API server can tell whether that is a change, as it fills in defaults.
	tried := updated.DeepCopy()
	if err := d.API.Update(ctx, tried, client.DryRunAll); err != nil {
		return false, err
	}
	switch {
	case tried.Generation == there.Generation && untouched(there):
		return false, nil
	case tried.Generation != there.Generation && !untouched(there) && there.Annotations[v1alpha1.DeliveredAnnotation] != v1alpha1.DeliverAgain:
		log.FromContext(ctx).WithName("library").Info("Left a template alone that a user has changed", "HookTemplate", wanted.Name,
			"annotationThatGivesUpTheChange", v1alpha1.DeliveredAnnotation+"="+v1alpha1.DeliverAgain)
		return false, nil
	}
	mark(updated, tried.Generation)
	err := d.API.Update(ctx, updated) // refused where somebody has changed it in between
	return err == nil, err
}

// Remove takes away all that was delivered, was left as it was, and is used by no policy; it names what it took.
func Remove(ctx context.Context, api client.Client) ([]string, error) {
	return (&Delivery{API: api}).remove(ctx)
}

// remove takes away what was delivered before and is not any longer.
func (d *Delivery) remove(ctx context.Context) ([]string, error) {
	var all v1alpha1.HookTemplateList
	if err := d.API.List(ctx, &all, client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.ManagedByQuiesce}); err != nil {
		if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) { // no CRD, no templates
			return nil, nil
		}
		return nil, fmt.Errorf("listing HookTemplates: %w", err)
	}
	old := slices.DeleteFunc(all.Items, func(there v1alpha1.HookTemplate) bool {
		return there.DeletionTimestamp != nil || !untouched(&there) || slices.ContainsFunc(d.Templates, func(wanted v1alpha1.HookTemplate) bool {
			return wanted.Name == there.Name
		})
	})
	if len(old) == 0 {
		return nil, nil
	}
	used, err := inUse(ctx, d.API)
	if err != nil {
		return nil, err
	}
	var (
		gone []string
		errs []error
	)
	for i := range old {
		if used[old[i].Name] {
			continue
		}
		err := d.API.Delete(ctx, &old[i], client.Preconditions{UID: &old[i].UID, ResourceVersion: &old[i].ResourceVersion})
		if err = client.IgnoreNotFound(err); err != nil {
			errs = append(errs, fmt.Errorf("deleting HookTemplate %s: %w", old[i].Name, err))
			continue
		}
		gone = append(gone, old[i].Name)
	}
	return gone, errors.Join(errs...)
}

// inUse are the names of the templates that policies use.
func inUse(ctx context.Context, api client.Reader) (map[string]bool, error) {
	var (
		policies   v1alpha1.HookPolicyList
		namespaced v1alpha1.NamespacedHookPolicyList
	)
	if err := errors.Join(api.List(ctx, &policies), api.List(ctx, &namespaced)); err != nil {
		return nil, fmt.Errorf("looking for policies that use a template: %w", err)
	}
	used := map[string]bool{}
	for i := range policies.Items {
		if use := policies.Items[i].Spec.Template; use != nil {
			used[use.Name] = true
		}
	}
	for i := range namespaced.Items {
		if use := namespaced.Items[i].Spec.Template; use != nil {
			used[use.Name] = true
		}
	}
	return used, nil
}

// mark notes that a template was delivered, and with which generation of its spec. Every change of the spec makes another.
func mark(template *v1alpha1.HookTemplate, generation int64) {
	metav1.SetMetaDataLabel(&template.ObjectMeta, v1alpha1.ManagedByLabel, v1alpha1.ManagedByQuiesce)
	metav1.SetMetaDataAnnotation(&template.ObjectMeta, v1alpha1.DeliveredAnnotation, delivered(template, generation))
}

// untouched tells whether the spec is still what was delivered.
func untouched(template *v1alpha1.HookTemplate) bool {
	return template.Annotations[v1alpha1.DeliveredAnnotation] == delivered(template, template.Generation)
}

// delivered is the annotation's value. It names the template, so that a copy under another name is its maker's.
func delivered(template *v1alpha1.HookTemplate, generation int64) string {
	return template.Name + "/" + strconv.FormatInt(generation, 10)
}
