package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	jsonpatch "gopkg.in/evanphx/json-patch.v4" // the library by which the API server applies patches
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// gatePolicies are a policy each for backups of the namespaces shop and shop-*, for restores to data, and what has nothing wait.
const gatePolicies = `
- metadata: {name: session}
  spec:
    selector: {includedNamespaces: [shop, shop-*], excludedNamespaces: [shop-scratch]}
    velero: {mode: Session}
    hooks: [{name: flush, stages: [PreSnapshot], exec: {command: [flush]}}]
- metadata: {name: restores}
  spec:
    selector: {includedNamespaces: [data]}
    hooks: [{name: stop, stages: [PreRestore], exec: {command: [stop]}}]
- metadata: {name: stamped}
  spec:
    selector: {includedNamespaces: [data]}
    hooks: [{name: flush, stages: [PreSnapshot], exec: {command: [flush]}}]
- metadata: {name: suspended}
  spec:
    suspend: true
    velero: {mode: Session}
    hooks: [{name: flush, stages: [PreSnapshot], exec: {command: [flush]}}]
- metadata: {name: only-restores}
  spec:
    velero: {mode: Session}
    hooks: [{name: seed, stages: [PostRestore], exec: {command: [seed]}}]
- metadata: {name: team, namespace: team}
  spec:
    velero: {mode: Session}
    hooks: [{name: tell, stages: [PostBackup], runOn: Session, httpGet: {url: "http://example.com"}}]
- metadata: {name: by-label}
  spec:
    selector: {namespaceSelector: {matchLabels: {tier: db}}}
    velero: {mode: Session}
    hooks: [{name: lock, stages: [PreBackup], hold: {command: [lock], readyPattern: held}}]
`

type policy struct {
	Metadata metav1.ObjectMeta
	Spec     v1alpha1.HookPolicySpec
}

// fixedSet has policies that do not change.
type fixedSet struct{ set *policies.Set }

func (f fixedSet) Current() *policies.Set { return f.set }

func setOf(t *testing.T, source string) *policies.Set {
	t.Helper()
	var list []policy
	require.NoError(t, yaml.UnmarshalStrict([]byte(source), &list))
	var sources []match.Source
	for i := range list {
		sources = append(sources, match.Source{
			Ref: match.Ref{Namespace: list[i].Metadata.Namespace, Name: list[i].Metadata.Name}, Spec: &list[i].Spec})
	}
	index, refused := match.CompileAll(sources)
	require.Empty(t, refused)
	return &policies.Set{Index: index}
}

// listedNamespaces are those that have opted in.
type listedNamespaces struct {
	list []match.Namespace
	err  error
}

func (l listedNamespaces) OptedIn(context.Context) ([]match.Namespace, error) { return l.list, l.err }

func optedInAs(name string, labels ...string) match.Namespace {
	all := map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled, v1alpha1.NamespaceNameLabel: name}
	for i := 0; i < len(labels); i += 2 {
		all[labels[i]] = labels[i+1]
	}
	return match.Namespace{Name: name, Labels: all}
}

var markedAt = time.Date(2026, 11, 26, 17, 0, 0, 123456789, time.FixedZone("", 3600))

func newGate(set *policies.Set, namespaces ...match.Namespace) *gate {
	return &gate{
		policies: fixedSet{set}, namespaces: listedNamespaces{list: namespaces},
		scope: match.Scope{Own: "quiesce-system", Excluded: []string{"shop-excluded"}}, now: func() time.Time { return markedAt },
	}
}

// creation is a request to create an object, given as YAML.
func creation(t *testing.T, resource, object string) *admissionv1.AdmissionRequest {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(object))
	require.NoError(t, err)
	var decoded map[string]any
	require.NoError(t, json.Unmarshal(raw, &decoded))
	if decoded["metadata"] == nil { // the API server makes it
		decoded["metadata"] = map[string]any{}
	}
	raw, err = json.Marshal(decoded)
	require.NoError(t, err)
	return &admissionv1.AdmissionRequest{
		UID: "1", Operation: admissionv1.Create, Namespace: "velero", Name: "nightly",
		Resource: metav1.GroupVersionResource{Group: "velero.io", Version: "v1", Resource: resource}, Object: runtime.RawExtension{Raw: raw},
	}
}

// admitted is what the API server would make of the answer: the object, and the warnings.
func admitted(t *testing.T, g *gate, request *admissionv1.AdmissionRequest) (object map[string]any, warnings []string) {
	t.Helper()
	body, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}, Request: request})
	require.NoError(t, err)
	response := post(t, &review{handler: g}, body)
	require.True(t, response.Allowed)
	after := request.Object.Raw
	if response.Patch != nil {
		patch, err := jsonpatch.DecodePatch(response.Patch)
		require.NoError(t, err)
		after, err = patch.Apply(after)
		require.NoError(t, err)
	}
	require.NoError(t, json.Unmarshal(after, &object))
	return object, response.Warnings
}

func annotations(object map[string]any) map[string]any {
	metadata, _ := object["metadata"].(map[string]any)
	found, _ := metadata["annotations"].(map[string]any)
	return found
}

func TestWhatIsMadeToWait(t *testing.T) {
	shop, shopEU, data := optedInAs("shop"), optedInAs("shop-eu"), optedInAs("data")
	out := match.Namespace{Name: "shop"}
	tests := map[string]struct {
		resource, object string
		namespaces       []match.Namespace
		waits            bool
	}{
		"a Backup of everything":                              {"backups", `{spec: {}}`, []match.Namespace{shop, data}, true},
		"a Backup without a spec":                             {"backups", `{}`, []match.Namespace{shop}, true},
		"a Backup in phase New":                               {"backups", `{status: {phase: New}}`, []match.Namespace{shop}, true},
		"a Backup in the queue":                               {"backups", `{status: {phase: Queued}}`, []match.Namespace{shop}, false},
		"a Backup from object storage":                        {"backups", `{status: {phase: Completed}}`, []match.Namespace{shop}, false},
		"a Backup by name":                                    {"backups", `{spec: {includedNamespaces: [shop]}}`, []match.Namespace{shop, data}, true},
		"a Backup by a glob":                                  {"backups", `{spec: {includedNamespaces: ["sh*"]}}`, []match.Namespace{shopEU}, true},
		"a Backup of another namespace":                       {"backups", `{spec: {includedNamespaces: [data]}}`, []match.Namespace{shop, data}, false},
		"a Backup that excludes the namespace":                {"backups", `{spec: {excludedNamespaces: ["shop*"]}}`, []match.Namespace{shop, shopEU}, false},
		"a Backup without pods":                               {"backups", `{spec: {includedResources: [configmaps]}}`, []match.Namespace{shop}, false},
		"a Backup that excludes pods":                         {"backups", `{spec: {excludedNamespaceScopedResources: [pods]}}`, []match.Namespace{shop}, false},
		"a Backup with selectors, as far as is known here":    {"backups", `{spec: {orLabelSelectors: [{matchLabels: {app: a}}]}}`, []match.Namespace{shop}, true},
		"a Backup where nobody has opted in":                  {"backups", `{}`, []match.Namespace{out}, false},
		"a Backup of a namespace that never takes part":       {"backups", `{}`, []match.Namespace{optedInAs("shop-excluded")}, false},
		"a Backup of a namespace that the policy excludes":    {"backups", `{}`, []match.Namespace{optedInAs("shop-scratch")}, false},
		"a Backup of a namespace kept out of backups":         {"backups", `{}`, []match.Namespace{optedInAs("shop", "velero.io/exclude-from-backup", "true")}, false},
		"a Backup of a namespace with a policy of its own":    {"backups", `{}`, []match.Namespace{optedInAs("team")}, true},
		"a Backup of a namespace selected by its labels":      {"backups", `{}`, []match.Namespace{optedInAs("any", "tier", "db")}, true},
		"a Backup of a namespace with other labels":           {"backups", `{}`, []match.Namespace{optedInAs("any", "tier", "web")}, false},
		"a Backup of a namespace with stamped hooks":          {"backups", `{}`, []match.Namespace{data}, false},
		"a Restore of everything":                             {"restores", `{spec: {backupName: b}}`, []match.Namespace{shop, data}, true},
		"a Restore in phase New":                              {"restores", `{status: {phase: New}}`, []match.Namespace{data}, true},
		"a Restore that has begun":                            {"restores", `{status: {phase: InProgress}}`, []match.Namespace{data}, false},
		"a Restore to another namespace":                      {"restores", `{spec: {includedNamespaces: [shop]}}`, []match.Namespace{shop, data}, false},
		"a Restore mapped to the namespace":                   {"restores", `{spec: {includedNamespaces: [shop], namespaceMapping: {shop: data}}}`, []match.Namespace{shop, data}, true},
		"a Restore mapped to elsewhere":                       {"restores", `{spec: {includedNamespaces: [data], namespaceMapping: {data: new}}}`, []match.Namespace{shop, data}, false},
		"a Restore to a namespace that is not there yet":      {"restores", `{spec: {includedNamespaces: [data]}}`, []match.Namespace{shop}, false},
		"a Restore without pods":                              {"restores", `{spec: {excludedResources: [pods]}}`, []match.Namespace{data}, false},
		"a Restore where only commands of after it are asked": {"restores", `{}`, []match.Namespace{shop}, false},
	}
	set := setOf(t, gatePolicies)
	brought := map[string]any{
		"quiesce.io/gate": "open", "quiesce.io/gate-since": "x", "quiesce.io/gate-message": "y", "quiesce.io/consistent": "True",
		"quiesce.io/consistent-message": "z", "quiesce.io/attempt": "3", "quiesce.io/gate-returns-to": "ReadyToStart", "example.com/~/note": "theirs",
		"quiesce.io/policies": "a,b",
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			plain, warnings := admitted(t, newGate(set, test.namespaces...), creation(t, test.resource, test.object))
			assert.Empty(t, warnings)
			held := map[string]any{
				"quiesce.io/gate": "held", "quiesce.io/gate-since": "2026-11-26T16:00:00.123456789Z",
				"quiesce.io/gate-message": "waits for quiesce-controller to quiesce its pods",
			}
			if test.resource == "restores" {
				held["quiesce.io/gate-message"] = "waits for quiesce-controller to run the hooks of before a restore"
			}
			if test.waits {
				assert.Equal(t, held, annotations(plain))
			} else {
				assert.Empty(t, annotations(plain))
			}

			// What it brings along means nothing, unless Velero has done something with it already.
			request := creation(t, test.resource, test.object)
			request.Object.Raw = withAnnotations(t, request.Object.Raw, brought)
			marked, warnings := admitted(t, newGate(set, test.namespaces...), request)
			assert.Empty(t, warnings)
			want := map[string]any{"example.com/~/note": "theirs", "quiesce.io/policies": "a,b"}
			switch phase := phaseOf(plain); {
			case phase != "" && phase != "New":
				want = brought
			case test.waits:
				maps.Copy(want, held)
			}
			assert.Equal(t, want, annotations(marked))
			delete(marked["metadata"].(map[string]any), "annotations")
			delete(plain["metadata"].(map[string]any), "annotations")
			assert.Equal(t, plain, marked, "nothing else changes")
		})
	}
}

func withAnnotations(t *testing.T, raw []byte, annotations map[string]any) []byte {
	t.Helper()
	var object map[string]any
	require.NoError(t, json.Unmarshal(raw, &object))
	object["metadata"] = map[string]any{"annotations": annotations}
	raw, err := json.Marshal(object)
	require.NoError(t, err)
	return raw
}

func phaseOf(object map[string]any) any {
	status, _ := object["status"].(map[string]any)
	phase, _ := status["phase"].(string)
	return phase
}

func TestTheGateLeavesOtherRequestsAlone(t *testing.T) {
	g := newGate(setOf(t, gatePolicies), optedInAs("shop"), optedInAs("data"))
	for name, change := range map[string]func(*admissionv1.AdmissionRequest){
		"an update":        func(r *admissionv1.AdmissionRequest) { r.Operation = admissionv1.Update },
		"a deletion":       func(r *admissionv1.AdmissionRequest) { r.Operation, r.Object.Raw = admissionv1.Delete, nil },
		"a subresource":    func(r *admissionv1.AdmissionRequest) { r.SubResource = "status" },
		"another resource": func(r *admissionv1.AdmissionRequest) { r.Resource.Resource = "schedules" },
	} {
		t.Run(name, func(t *testing.T) {
			request := creation(t, "backups", `{metadata: {annotations: {quiesce.io/gate: open}}}`)
			change(request)
			body, err := json.Marshal(admissionv1.AdmissionReview{
				TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}, Request: request})
			require.NoError(t, err)
			response := post(t, &review{handler: g}, body)
			assert.True(t, response.Allowed)
			assert.Empty(t, response.Patch)
			assert.Empty(t, response.Warnings)
		})
	}
}

// explodingNamespaces stands for a mistake of ours.
type explodingNamespaces struct{}

func (explodingNamespaces) OptedIn(context.Context) ([]match.Namespace, error) { panic("boom") }

func TestWhereTheGateFailsVelerosObjectsPass(t *testing.T) {
	set := setOf(t, gatePolicies)
	broken := newGate(set)
	broken.namespaces = listedNamespaces{err: errors.New("no cache")}
	exploding := newGate(set)
	exploding.namespaces = explodingNamespaces{}
	tests := map[string]struct {
		gate             *gate
		resource, object string
		says             string
		keeps            bool
	}{
		"before policies are loaded":     {newGate(nil, optedInAs("shop")), "backups", `{}`, "the policies are not loaded yet", false},
		"without namespaces":             {broken, "restores", `{}`, "listing namespaces: no cache", false},
		"after a panic":                  {exploding, "backups", `{}`, "internal error, see the log of quiesce-webhook", true},
		"with a Backup that is none":     {newGate(set, optedInAs("shop")), "backups", `{spec: {includedNamespaces: shop}}`, "reading the Backup: ", true},
		"with a Restore that is none":    {newGate(set, optedInAs("shop")), "restores", `{spec: []}`, "reading the Restore: ", true},
		"with a phase that is no string": {newGate(set, optedInAs("shop")), "backups", `{status: {phase: 1}}`, "reading the Backup: ", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			request := creation(t, test.resource, test.object)
			request.Object.Raw = withAnnotations(t, request.Object.Raw, map[string]any{"quiesce.io/gate": "open"})
			object, warnings := admitted(t, test.gate, request)
			require.Len(t, warnings, 1)
			assert.True(t, strings.HasPrefix(warnings[0], "quiesce: it is not made to wait until its pods are quiesced: "+test.says), warnings[0])
			assert.Equal(t, test.keeps, annotations(object)["quiesce.io/gate"] == "open")
			assert.NotEqual(t, "held", annotations(object)["quiesce.io/gate"])
		})
	}
}

func TestTheGateGoesByThePoliciesOfTheMoment(t *testing.T) {
	g := newGate(setOf(t, gatePolicies), optedInAs("shop"))
	object, _ := admitted(t, g, creation(t, "backups", `{}`))
	assert.Equal(t, "held", annotations(object)["quiesce.io/gate"])
	g.policies = fixedSet{setOf(t, `[]`)}
	object, _ = admitted(t, g, creation(t, "backups", `{}`))
	assert.Empty(t, annotations(object))
}

// A Backup of everything, in a cluster of 10,000 namespaces that have all opted in, none of which 1,000 policies cover: the most
// that there can be to look at.
func TestTheGateIsFastInAClusterOfManyNamespacesAndPolicies(t *testing.T) {
	var namespaces []match.Namespace
	for i := range 10_000 {
		namespaces = append(namespaces, optedInAs(fmt.Sprintf("ns-%d", i)))
	}
	var named, globs []match.Source
	for i := range 1_000 {
		spec := func(glob string) *v1alpha1.HookPolicySpec {
			return &v1alpha1.HookPolicySpec{
				Selector: v1alpha1.PolicySelector{IncludedNamespaces: []v1alpha1.NamespaceGlob{v1alpha1.NamespaceGlob(fmt.Sprintf(glob, i))}},
				Velero:   v1alpha1.PolicyVelero{Mode: v1alpha1.VeleroSession},
				Hooks: []v1alpha1.Hook{{
					Name: "x", Stages: []v1alpha1.Stage{v1alpha1.PreBackup, v1alpha1.PreRestore}, Exec: &v1alpha1.ExecAction{Command: []string{"x"}}}},
			}
		}
		named = append(named, match.Source{Ref: match.Ref{Name: fmt.Sprintf("p-%d", i)}, Spec: spec("other-%d")})
		globs = append(globs, match.Source{Ref: match.Ref{Name: fmt.Sprintf("p-%d", i)}, Spec: spec("other-%d-*")})
	}
	for name, sources := range map[string][]match.Source{"names": named, "globs": globs} {
		index, refused := match.CompileAll(sources)
		require.Empty(t, refused)
		g := newGate(&policies.Set{Index: index}, namespaces...)
		for _, resource := range []string{"backups", "restores"} {
			t.Run(name+" "+resource, func(t *testing.T) {
				start := time.Now()
				const times = 10
				for range times {
					object, warnings := admitted(t, g, creation(t, resource, `{}`))
					require.Empty(t, warnings)
					require.Empty(t, annotations(object))
				}
				// Milliseconds, on a machine that does nothing else; the API server waits for three seconds.
				assert.Less(t, time.Since(start)/times, 250*time.Millisecond)
			})
		}
	}
}
