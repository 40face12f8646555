package convert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/convert"
)

// page is how many objects are asked for at once.
const page = 500

// fromCluster reads the objects that may have hooks, as far as the user may. It says what is therefore not known, and fails where
// that is everything.
func (o *options) fromCluster(c *cobra.Command, args []string) ([]convert.Source, error) {
	cluster, err := o.Client()
	if err != nil {
		return nil, err
	}
	namespace := ""
	if !o.all {
		if namespace, err = o.Namespace(); err != nil {
			return nil, err
		}
	}
	asked, err := o.asked(cluster.RESTMapper(), args)
	if err != nil {
		return nil, err
	}
	var (
		found   []unstructured.Unstructured
		refused error
		unknown []string
		read    bool
	)
	for _, kind := range asked {
		some, err := list(c.Context(), cluster, kind, namespace)
		switch {
		case apierrors.IsForbidden(err):
			refused, unknown = err, append(unknown, kind.name)
			continue
		case unserved(err) && len(args) == 0:
			continue
		case unserved(err):
			return nil, fmt.Errorf("this cluster has no %s: leave the kind out, or write --context for another cluster", kind.name)
		case err != nil:
			return nil, fmt.Errorf("reading %s: %w", kind.name, err)
		}
		read = true
		found = append(found, some...)
	}
	if !read && refused != nil {
		return nil, refused
	}
	if len(unknown) > 0 {
		fmt.Fprintf(o.ErrOut, "Not known: hooks of %s, since you may not list these %s.\n", strings.Join(unknown, ", "), where(namespace))
	}
	return o.own(found)
}

// unserved tells whether the cluster has no such kind: to a kind that is not asked for before a list, it is the list's answer that says so.
func unserved(err error) bool { return meta.IsNoMatchError(err) || apierrors.IsNotFound(err) }

func where(namespace string) string {
	if namespace == "" {
		return "in all namespaces"
	}
	return "in namespace " + namespace
}

// asked are the kinds to read: those that lasting hooks are in, or those of the arguments, named as in kubectl.
func (o *options) asked(mapper meta.RESTMapper, args []string) ([]kind, error) {
	if len(args) == 0 {
		return slices.DeleteFunc(slices.Clone(kinds), func(kind kind) bool { return kind.once }), nil
	}
	var asked []kind
	for _, arg := range args {
		for name := range strings.SplitSeq(arg, ",") {
			one, err := named(mapper, name)
			if err != nil {
				return nil, err
			}
			asked = append(asked, one)
		}
	}
	return asked, nil
}

// named is the kind of a name such as deploy or schedules.velero.io.
func named(mapper meta.RESTMapper, name string) (kind, error) {
	for _, kind := range kinds {
		if kind.name == name {
			return kind, nil
		}
	}
	full, group := schema.ParseResourceArg(name)
	var resolved schema.GroupVersionKind
	err := errors.New("no version")
	if full != nil {
		resolved, err = mapper.KindFor(*full)
	}
	if err != nil {
		resolved, err = mapper.KindFor(group.WithVersion(""))
	}
	if err != nil && !meta.IsNoMatchError(err) {
		return kind{}, err
	}
	for _, kind := range kinds {
		if err == nil && kind.GroupKind() == resolved.GroupKind() {
			return kind, nil
		}
	}
	return kind{}, command.Unknown("kind with hooks", name, kindNames())
}

func list(ctx context.Context, cluster client.Client, kind kind, namespace string) ([]unstructured.Unstructured, error) {
	mapping, err := cluster.RESTMapper().RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, err
	}
	options := []client.ListOption{client.Limit(page)}
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		options = append(options, client.InNamespace(namespace))
	}
	var all []unstructured.Unstructured
	for next := ""; ; {
		some := &unstructured.UnstructuredList{}
		some.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		if err := cluster.List(ctx, some, append(options, client.Continue(next))...); err != nil {
			return nil, err
		}
		all = append(all, some.Items...)
		if next = some.GetContinue(); next == "" {
			return all, nil
		}
	}
}

// own are those objects whose hooks are their users' own. It says how many others there are.
func (o *options) own(found []unstructured.Unstructured) ([]convert.Source, error) {
	uids := map[types.UID]*unstructured.Unstructured{}
	schedules := map[string]bool{}
	for i := range found {
		object := &found[i]
		uids[object.GetUID()] = object
		if object.GroupVersionKind() == velero("Schedule") {
			schedules[scheduleKey(object.GetNamespace(), object.GetName())] = true
		}
	}
	var kept []json.RawMessage
	stamped, scheduled := 0, 0
	for i := range found {
		object := &found[i]
		switch {
		case carries(object) && isStamped(object):
			stamped++
			continue
		case carries(object) && (len(hookAnnotations(object)) == 0 || inherited(object, uids)):
			continue
		case object.GroupVersionKind() == velero("Backup") && schedules[ofSchedule(object)]:
			scheduled++
			continue
		}
		object.SetManagedFields(nil)
		raw, err := object.MarshalJSON()
		if err != nil {
			return nil, err
		}
		kept = append(kept, raw)
	}
	if stamped > 0 {
		fmt.Fprintf(o.ErrOut, "Passed over: %d pods with Quiesce's own annotations.\n", stamped)
	}
	if scheduled > 0 {
		fmt.Fprintf(o.ErrOut, "Passed over: %d Backups of Schedules, whose hooks are the Schedules'.\n", scheduled)
	}
	if len(kept) == 0 {
		return nil, nil
	}
	content, err := json.Marshal(struct {
		metav1.TypeMeta `json:",inline"`
		Items           []json.RawMessage `json:"items"`
	}{metav1.TypeMeta{APIVersion: "v1", Kind: "List"}, kept})
	return []convert.Source{{Name: "the cluster", Content: content}}, err
}
