package library

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func sessionWith(name string, phase v1alpha1.Phase, policy v1alpha1.PolicyRef) []client.Object {
	meta := metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID("uid-" + name)}
	run := metav1.ObjectMeta{Namespace: "shop", Name: name + "-run", Labels: map[string]string{v1alpha1.SessionUIDLabel: "uid-" + name}}
	return []client.Object{
		&v1alpha1.HookSession{ObjectMeta: meta, Status: v1alpha1.HookSessionStatus{Phase: phase}},
		&v1alpha1.HookRun{ObjectMeta: run, Spec: v1alpha1.HookRunSpec{Policy: policy}},
	}
}

func TestSessionsThatRunHooksOfAPolicyAreToldOfWhenItIsSuspended(t *testing.T) {
	clustered, namespaced := v1alpha1.PolicyRef{Kind: "HookPolicy", Name: "db"}, v1alpha1.PolicyRef{Kind: "NamespacedHookPolicy", Name: "db"}
	var objects []client.Object
	for _, of := range [][]client.Object{
		sessionWith("open", v1alpha1.PhaseQuiesced, clustered), sessionWith("over", v1alpha1.PhaseComplete, clustered),
		sessionWith("teams", v1alpha1.PhaseThawing, namespaced), sessionWith("others", v1alpha1.PhaseQuiesced, v1alpha1.PolicyRef{Kind: "HookPolicy", Name: "x"}),
	} {
		objects = append(objects, of...)
	}
	cluster := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
	told := func(cluster client.Reader, refs ...match.Ref) string {
		streams, _, _, errOut := genericiooptions.NewTestIOStreams()
		_, frame := command.NewRoot(streams)
		warnOfSessions(t.Context(), frame, cluster, refs)
		return errOut.String()
	}
	assert.Equal(t, `Warning: HookSession open in namespace shop is open (Quiesced) and runs hooks of HookPolicy "db": it goes on by its own record, and thaws what it has quiesced`+"\n",
		told(cluster, match.Ref{Name: "db"}))
	assert.Contains(t, told(cluster, match.Ref{Namespace: "shop", Name: "db"}), "HookSession teams in namespace shop is open (Thawing)")
	assert.Empty(t, told(cluster, match.Ref{Name: "none"}))

	everything := told(cluster, match.Ref{Name: "db"}, match.Ref{Namespace: "shop", Name: "db"}, match.Ref{Namespace: "crm", Name: "db"}, match.Ref{Name: "x"})
	assert.Equal(t, 3, strings.Count(everything, "\n"), everything)
	assert.NotContains(t, everything, "over")

	blind := interceptor.NewClient(cluster, interceptor.Funcs{List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
		return errors.New("no")
	}})
	assert.Contains(t, told(blind, match.Ref{Name: "db"}), "Warning: sessions of all namespaces cannot be read, so it is not known whether one is open that runs hooks of HookPolicy \"db\": ")
	assert.Contains(t, told(blind, match.Ref{Name: "db"}, match.Ref{Name: "x"}), "that runs hooks of 2 policies: ")
	assert.Contains(t, told(blind, match.Ref{Namespace: "shop", Name: "db"}), "Warning: sessions of namespace shop cannot be read")
}

func TestPoliciesAreSuspendedFirstAndSessionsAreReadOnceForAll(t *testing.T) {
	objects := sessionWith("open", v1alpha1.PhaseQuiesced, v1alpha1.PolicyRef{Kind: "HookPolicy", Name: "a"})
	objects = append(objects, sessionWith("over", v1alpha1.PhaseComplete, v1alpha1.PolicyRef{Kind: "HookPolicy", Name: "a"})...)
	for _, name := range []string{"a", "b", "c"} {
		objects = append(objects, &v1alpha1.HookPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	var asked []string
	cluster := interceptor.NewClient(fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build(), interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			asked = append(asked, fmt.Sprintf("%T", list))
			return c.List(ctx, list, options...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			asked = append(asked, "suspend "+object.GetName())
			return c.Patch(ctx, object, patch, options...)
		},
	})
	streams, _, _, errOut := genericiooptions.NewTestIOStreams()
	_, frame := command.NewRoot(streams)
	require.NoError(t, flipEach(t.Context(), frame, cluster, &suspending, &choice{}, []string{"a", "b", "c"}, func(name string) (policy, error) {
		return findPolicy(t.Context(), cluster, "shop", "hp/"+name, false)
	}))
	assert.Equal(t, []string{"suspend a", "suspend b", "suspend c", "*v1alpha1.HookSessionList", "*v1alpha1.HookRunList"}, asked)
	assert.Contains(t, errOut.String(), "HookSession open in namespace shop is open (Quiesced) and runs hooks of HookPolicy \"a\"")
}
