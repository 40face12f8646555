package world

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// Load reads a cluster's policies, scripts and templates: NamespacedHookPolicies of one namespace, or of all for "". What the
// user may not read becomes a gap.
func Load(ctx context.Context, cluster client.Reader, namespace string) (*World, error) {
	var (
		hookPolicies v1alpha1.HookPolicyList
		namespaced   v1alpha1.NamespacedHookPolicyList
		scripts      v1alpha1.HookScriptList
		templates    v1alpha1.HookTemplateList
		installed    installation
	)
	lists := []*listing{
		{kind: "HookPolicy", plural: "HookPolicies", list: &hookPolicies},
		{kind: "NamespacedHookPolicy", plural: "NamespacedHookPolicies", list: &namespaced, namespace: namespace},
		{kind: "HookScript", plural: "HookScripts", list: &scripts},
		{kind: "HookTemplate", plural: "HookTemplates", list: &templates},
	}
	schedules, backups := veleroListing("Schedule"), veleroListing("Backup")
	requests, requestContext := errgroup.WithContext(ctx)
	for _, listing := range append(lists, schedules, backups) {
		requests.Go(func() error { return listing.read(requestContext, cluster) })
	}
	requests.Go(func() (err error) {
		installed, err = readInstallation(requestContext, cluster)
		return err
	})
	if err := requests.Wait(); err != nil {
		return nil, err
	}
	options := stamp.Options{NativeSidecars: installed.options.NativeSidecars}
	if !installed.options.Override {
		options.BackupHooks = append(schedules.backupHooks(), backups.backupHooks()...)
	}
	w := Of(policies.Objects{Cluster: hookPolicies.Items, Namespaced: namespaced.Items, Scripts: scripts.Items, Templates: templates.Items},
		options, installed.scope)
	w.UnpreparedNamespaces = installed.unprepared
	var unread []string
	for _, listing := range lists {
		if listing.forbidden {
			unread = append(unread, listing.kind)
		}
	}
	w.NotRead(unread...)
	const ask = ": ask an administrator to bind ClusterRole quiesce-view to you"
	of := slices.IndexFunc(lists, func(listing *listing) bool { return listing.namespace != "" })
	if of >= 0 && lists[of].forbidden {
		w.Gaps = append(w.Gaps, fmt.Sprintf("%s of namespace %s are not known, since you may not list them there%s", lists[of].plural, namespace, ask))
		lists = slices.Delete(lists, of, of+1)
	}
	if gap := forbidden(lists...); gap != "" {
		w.Gaps = append(w.Gaps, gap+ask+" for the whole cluster")
	}
	if installed.gap != "" {
		w.Gaps = append(w.Gaps, installed.gap)
	}
	if gap := forbidden(schedules, backups); gap != "" && !installed.options.Override {
		w.Gaps = append(w.Gaps, gap+": pods for which these have hooks of their own are not stamped")
	}
	return w, nil
}

// listing is the list of a kind.
type listing struct {
	kind, plural string
	list         client.ObjectList
	// namespace to which the list is confined; empty for all, and for kinds that are in none.
	namespace string
	// optional is true for kinds that the cluster need not have.
	optional  bool
	forbidden bool
}

// veleroListing is that of a kind of Velero.
func veleroListing(kind string) *listing {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(velero.GroupVersion.WithKind(kind + "List"))
	return &listing{kind: kind, plural: "Velero's " + kind + "s", list: list, optional: true}
}

func (l *listing) read(ctx context.Context, cluster client.Reader) error {
	switch err := cluster.List(ctx, l.list, client.InNamespace(l.namespace)); {
	case apierrors.IsForbidden(err):
		l.forbidden = true
	case l.optional && (meta.IsNoMatchError(err) || apierrors.IsNotFound(err)):
	case err != nil:
		return fmt.Errorf("listing %s: %w", l.plural, err)
	}
	return nil
}

// backupHooks are those of Schedules or Backups.
func (l *listing) backupHooks() (all []velero.BackupHooks) {
	list, is := l.list.(*unstructured.UnstructuredList)
	if !is {
		return nil
	}
	for i := range list.Items {
		if hooks, some := policies.BackupHooks(&list.Items[i]); some {
			all = append(all, hooks)
		}
	}
	return all
}

// forbidden says which lists the user may not have, or is empty.
func forbidden(lists ...*listing) string {
	var plurals []string
	for _, listing := range lists {
		if listing.forbidden {
			plurals = append(plurals, listing.plural)
		}
	}
	if len(plurals) == 0 {
		return ""
	}
	names := plurals[len(plurals)-1]
	if rest := plurals[:len(plurals)-1]; len(rest) > 0 {
		names = strings.Join(rest, ", ") + " and " + names
	}
	return names + " are not known, since you may not list them in the whole cluster"
}
