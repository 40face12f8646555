//go:build e2e

package e2e

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// veleroObject is a Backup or Restore of Velero as it was read last, with what it has passed through.
type veleroObject struct {
	*unstructured.Unstructured
	t *testing.T

	lock   sync.Mutex
	passed []moment
}

// moment is when an object was seen to be otherwise than before.
type moment struct {
	at          time.Time
	phase, gate string
}

// inSessions has a policy's hooks run in sessions, while Velero waits.
func inSessions(spec *v1alpha1.HookPolicySpec) { spec.Velero.Mode = v1alpha1.VeleroSession }

// backUp has Velero back up the scene's namespace, without snapshots of volumes.
func (s *scene) backUp(change ...func(spec map[string]any)) *veleroObject {
	s.t.Helper()
	spec := map[string]any{"includedNamespaces": []any{s.namespace}, "snapshotVolumes": false}
	return createInVelero(s.t, "Backup", s.namespace, nil, spec, change...)
}

// alsoOf adds namespaces to a backup.
func alsoOf(namespaces ...string) func(map[string]any) {
	return func(spec map[string]any) {
		for _, namespace := range namespaces {
			spec["includedNamespaces"] = append(spec["includedNamespaces"].([]any), namespace)
		}
	}
}

// createInVelero creates an object of Velero's, with a name of its own that begins with another, and follows it. It is deleted when the test ends.
func createInVelero(t *testing.T, kind, name string, annotations, spec map[string]any, change ...func(spec map[string]any)) *veleroObject {
	t.Helper()
	for _, change := range change {
		change(spec)
	}
	metadata := map[string]any{"namespace": "velero", "generateName": name + "-"}
	if annotations != nil {
		metadata["annotations"] = annotations
	}
	o := &veleroObject{t: t, Unstructured: &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "velero.io/v1", "kind": kind, "metadata": metadata, "spec": spec,
	}}}
	require.NoError(t, api.Create(t.Context(), o.Unstructured))
	o.follow()
	t.Cleanup(func() {
		o.reportFailure()
		assert.NoError(t, client.IgnoreNotFound(api.Delete(context.Background(), o.Unstructured)))
	})
	return o
}

// follow writes down what the object passes through, from what it is now.
func (o *veleroObject) follow() {
	o.t.Helper()
	o.note(o.Unstructured)
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: "velero.io", Version: "v1", Kind: o.GetKind() + "List"})
	ctx, stop := context.WithCancel(context.Background())
	watching, err := api.Watch(ctx, list, client.InNamespace("velero"), client.MatchingFields{"metadata.name": o.GetName()},
		&client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: o.GetResourceVersion()}})
	require.NoError(o.t, err)
	o.t.Cleanup(stop)
	go func() {
		for event := range watching.ResultChan() {
			if object, is := event.Object.(*unstructured.Unstructured); is && object.GetUID() == o.GetUID() {
				o.note(object)
			}
		}
	}()
}

func (o *veleroObject) note(object *unstructured.Unstructured) {
	o.lock.Lock()
	defer o.lock.Unlock()
	now := moment{time.Now(), phaseOf(object), object.GetAnnotations()[v1alpha1.GateAnnotation]}
	if len(o.passed) == 0 || o.passed[len(o.passed)-1].phase != now.phase || o.passed[len(o.passed)-1].gate != now.gate {
		o.passed = append(o.passed, now)
	}
}

// seen is when something was first seen of the object, as its watch told it.
func (o *veleroObject) seen(is func(moment) bool) time.Time {
	o.t.Helper()
	var at time.Time
	require.Eventually(o.t, func() bool {
		o.lock.Lock()
		defer o.lock.Unlock()
		i := slices.IndexFunc(o.passed, is)
		if i >= 0 {
			at = o.passed[i].at
		}
		return i >= 0
	}, patience, tick, "never seen")
	return at
}

func inPhase(phase string) func(moment) bool { return func(m moment) bool { return m.phase == phase } }

// story is what the object has passed through, for people.
func (o *veleroObject) story() string {
	o.lock.Lock()
	defer o.lock.Unlock()
	var text strings.Builder
	for _, m := range o.passed {
		fmt.Fprintf(&text, "%7.3fs phase %q gate %q\n", m.at.Sub(o.passed[0].at).Seconds(), m.phase, m.gate)
	}
	return text.String()
}

func phaseOf(object *unstructured.Unstructured) string {
	phase, _, _ := unstructured.NestedString(object.Object, "status", "phase")
	return phase
}

func (o *veleroObject) phase() string { return phaseOf(o.Unstructured) }
func (o *veleroObject) gate() string  { return o.GetAnnotations()[v1alpha1.GateAnnotation] }

// text is a field that is text, or empty where there is none.
func (o *veleroObject) text(fields ...string) string {
	value, _, _ := unstructured.NestedString(o.Object, fields...)
	return value
}

// read reads the object as it is now.
func (o *veleroObject) read(ctx context.Context) error {
	now := &unstructured.Unstructured{}
	now.SetGroupVersionKind(o.GroupVersionKind())
	if err := api.Get(ctx, client.ObjectKeyFromObject(o.Unstructured), now); err != nil {
		return err
	}
	o.Unstructured = now
	return nil
}

func (o *veleroObject) wait(what string, is func() bool) {
	o.t.Helper()
	for begun := time.Now(); o.read(o.t.Context()) != nil || !is(); time.Sleep(tick) {
		require.Less(o.t, time.Since(begun), 2*patience, "%s %s is not %s: %v, status %v", o.GetKind(), o.GetName(), what, o.GetAnnotations(), o.Object["status"])
	}
}

// waitHeld waits until an object is held, and requires that Velero has not begun.
func (o *veleroObject) waitHeld() {
	o.t.Helper()
	o.wait("held", func() bool { return o.gate() == v1alpha1.GateHeld })
	o.requireHeld()
}

func (o *veleroObject) requireHeld() {
	o.t.Helper()
	require.NoError(o.t, o.read(o.t.Context()))
	require.Equal(o.t, v1alpha1.GateHeld, o.gate())
	require.Contains(o.t, []string{"", "New"}, o.phase())
}

// waitMessage waits until a held one says what it waits for.
func (o *veleroObject) waitMessage(contains string) {
	o.t.Helper()
	o.wait("waiting for "+contains, func() bool {
		return strings.Contains(o.GetAnnotations()[v1alpha1.GateMessageAnnotation], contains)
	})
}

func (o *veleroObject) waitPhase(want string) {
	o.t.Helper()
	o.wait("in phase "+want, func() bool { return o.phase() == want })
}

// waitEnded waits until Velero is done, and requires the phase in which it is then.
func (o *veleroObject) waitEnded(want string) {
	o.t.Helper()
	o.wait("over", func() bool {
		return slices.Contains([]string{"Completed", "PartiallyFailed", "Failed", "FailedValidation"}, o.phase())
	})
	require.Equal(o.t, want, o.phase(), "%v", o.Object["status"])
}

// waitConsistent waits until a Backup says whether it is consistent, and why.
func (o *veleroObject) waitConsistent(want, why string) {
	o.t.Helper()
	o.wait("told to be consistent or not", func() bool { return o.GetAnnotations()[v1alpha1.ConsistentAnnotation] != "" })
	require.Equal(o.t, want, o.GetAnnotations()[v1alpha1.ConsistentAnnotation], "%v", o.GetAnnotations())
	require.Contains(o.t, o.GetAnnotations()[v1alpha1.ConsistentMessageAnnotation], why)
}

// sessions are the object's, those of one attempt behind those of another.
func (o *veleroObject) sessions() []v1alpha1.HookSession {
	o.t.Helper()
	var list v1alpha1.HookSessionList
	require.NoError(o.t, api.List(o.t.Context(), &list, client.MatchingLabels{v1alpha1.SourceUIDLabel: string(o.GetUID())}))
	slices.SortFunc(list.Items, func(a, b v1alpha1.HookSession) int {
		return cmp.Or(cmp.Compare(a.Labels[v1alpha1.AttemptLabel], b.Labels[v1alpha1.AttemptLabel]), cmp.Compare(a.Namespace, b.Namespace))
	})
	return list.Items
}

// waitSession waits until there is a session in a namespace, and returns the latest.
func (o *veleroObject) waitSession(namespace string) *v1alpha1.HookSession {
	o.t.Helper()
	var latest *v1alpha1.HookSession
	require.Eventually(o.t, func() bool {
		latest = nil
		for _, session := range o.sessions() {
			if session.Namespace == namespace {
				latest = &session
			}
		}
		return latest != nil
	}, patience, tick, "%s %s has no session in %s", o.GetKind(), o.GetName(), namespace)
	return latest
}

// events are what has happened to the object, each as TYPE REASON: MESSAGE.
func (o *veleroObject) events() string {
	o.t.Helper()
	text, err := terminal.Run(o.t.Context(), "kubectl", "-n", "velero", "get", "events", "--field-selector", "involvedObject.uid="+string(o.GetUID()),
		"-o", `jsonpath={range .items[*]}{.type} {.reason}: {.message}{"\n"}{end}`)
	require.NoError(o.t, err)
	return text
}

// veleroLog is what Velero has written of it.
func (o *veleroObject) veleroLog() string {
	o.t.Helper()
	log, err := terminal.Run(o.t.Context(), "velero", strings.ToLower(o.GetKind()), "logs", o.GetName())
	require.NoError(o.t, err)
	return log
}

func (o *veleroObject) reportFailure() {
	if !o.t.Failed() {
		return
	}
	o.t.Logf("%s %s:\n%s", o.GetKind(), o.GetName(), o.story())
	for _, args := range [][]string{
		{"get", strings.ToLower(o.GetKind()), "-n", "velero", o.GetName(), "-o", "yaml", "--ignore-not-found"},
		{"get", "hooksessions", "-A", "-l", v1alpha1.SourceUIDLabel + "=" + string(o.GetUID()), "-o", "yaml"},
	} {
		output, err := terminal.Run(context.Background(), "kubectl", args...)
		if err != nil {
			output = err.Error()
		}
		o.t.Logf("kubectl %v:\n%s", args, output)
	}
}

// slow has Velero wait in a pod, by what is stamped there, until the pod has a file: a backup is InProgress until then.
func (s *scene) slow(name, file string) freezer {
	s.t.Helper()
	f := freezer{scene: s}
	f.pods = append(f.pods, f.container(name, "quiesce.test/busybox:1.35", "sleep", "3600"))
	s.t.Cleanup(func() { // so that Velero is free for the tests that come next, whatever has become of this one
		assert.NoError(s.t, client.IgnoreNotFound(api.Delete(context.Background(), f.pods[0], client.GracePeriodSeconds(0))))
	})
	f.kubectl("label", "pod", name, "app="+name)
	policy := &v1alpha1.HookPolicy{Spec: v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{does("wait", until(file), v1alpha1.PreSnapshot)}}}
	policy.Spec.Selector.LabelSelector = &v1alpha1.LabelSelector{MatchLabels: map[string]v1alpha1.LabelValue{"app": v1alpha1.LabelValue(name)}}
	s.createPolicyNamed(name+"-"+s.namespace, policy)
	s.wait(patience, func() bool {
		return api.Get(s.t.Context(), client.ObjectKeyFromObject(f.pods[0]), f.pods[0]) == nil && stamped(f.pods[0])
	}, "pod %s is not stamped", name)
	return f
}
