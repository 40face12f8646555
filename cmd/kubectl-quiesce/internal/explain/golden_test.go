package explain

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/world"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden files anew")

// stage is a scene with the objects of which its policies are made.
type stage struct {
	*scene
	objects policies.Objects
}

func (s *stage) compile() {
	s.world = world.Of(s.objects, stamp.Options{}, match.Scope{Own: "quiesce-system"})
}

// read makes a scene of a file with objects, in which all pods are explained as those of a workload.
func read(tb testing.TB, file string) *stage {
	tb.Helper()
	source, err := os.ReadFile(filepath.Join("testdata", file))
	require.NoError(tb, err)
	s := &stage{scene: &scene{kind: "StatefulSet", name: "db", known: true}}
	for document := range strings.SplitSeq(string(source), "\n---\n") {
		var kind metav1.TypeMeta
		require.NoError(tb, yaml.Unmarshal([]byte(document), &kind))
		into := func(object any) { require.NoError(tb, yaml.UnmarshalStrict([]byte(document), object)) }
		switch kind.Kind {
		case "Namespace":
			var namespace corev1.Namespace
			into(&namespace)
			s.namespace, s.labels = namespace.Name, namespace.Labels
		case "HookPolicy":
			s.objects.Cluster = append(s.objects.Cluster, v1alpha1.HookPolicy{})
			into(&s.objects.Cluster[len(s.objects.Cluster)-1])
		case "NamespacedHookPolicy":
			s.objects.Namespaced = append(s.objects.Namespaced, v1alpha1.NamespacedHookPolicy{})
			into(&s.objects.Namespaced[len(s.objects.Namespaced)-1])
		case "Pod":
			s.pods = append(s.pods, corev1.Pod{})
			into(&s.pods[len(s.pods)-1])
		default:
			require.Failf(tb, "unknown kind", "%q", kind.Kind)
		}
	}
	s.compile()
	for i := range s.pods {
		s.explained = append(s.explained, &s.pods[i])
	}
	return s
}

// stamped has the pods carry what they should.
func (s *stage) stamped() *stage {
	for i := range s.pods {
		pod := &s.pods[i]
		pod.Annotations = s.decide(world.PodOf(pod)).Apply(pod.Annotations)
	}
	return s
}

// alone has one pod explained.
func (s *stage) alone(pod string) *stage {
	for i := range s.pods {
		if s.pods[i].Name == pod {
			s.kind, s.name, s.explained = kindPod, pod, []*corev1.Pod{&s.pods[i]}
		}
	}
	return s
}

func (s *stage) annotate(annotations map[string]string) *stage {
	for _, pod := range s.explained {
		pod.Annotations = maps.Clone(pod.Annotations)
		if pod.Annotations == nil {
			pod.Annotations = map[string]string{}
		}
		maps.Copy(pod.Annotations, annotations)
	}
	return s
}

func TestReportsForPeople(t *testing.T) {
	tests := map[string]func(t *testing.T) *scene{
		"workload": func(t *testing.T) *scene { t.Helper(); return read(t, "database.in.yaml").stamped().scene },
		"unequal": func(t *testing.T) *scene {
			t.Helper()
			s := read(t, "database.in.yaml").stamped()
			s.pods[0].Labels = map[string]string{"app": "redis"}
			return s.scene
		},
		"pending": func(t *testing.T) *scene { t.Helper(); return read(t, "database.in.yaml").alone("db-0").scene },
		"owned": func(t *testing.T) *scene {
			t.Helper()
			return read(t, "database.in.yaml").stamped().alone("db-0").annotate(map[string]string{
				"post.hook.backup.velero.io/timeout": "1h", "pre.hook.backup.velero.io/comand": "mine"}).scene
		},
		"optedout": func(t *testing.T) *scene {
			t.Helper()
			return read(t, "database.in.yaml").alone("db-1").annotate(map[string]string{v1alpha1.SkipPoliciesAnnotation: "postgres, own"}).scene
		},
		"notyet": func(t *testing.T) *scene {
			t.Helper()
			s := read(t, "database.in.yaml").stamped().alone("db-0")
			delete(s.labels, v1alpha1.HooksLabel)
			return s.scene
		},
		"session": func(t *testing.T) *scene {
			t.Helper()
			s := read(t, "small.in.yaml").alone("web-0")
			s.objects.Cluster[0].Spec.Velero.Mode = v1alpha1.VeleroSession
			s.compile()
			s.world.Gaps = []string{"HookScripts are not known, since you may not list them"}
			return s.scene
		},
		"empty": func(t *testing.T) *scene {
			t.Helper()
			s := read(t, "small.in.yaml").alone("web-0")
			s.objects = policies.Objects{}
			s.compile()
			return s.scene
		},
		"unprepared": func(t *testing.T) *scene {
			t.Helper()
			s := read(t, "database.in.yaml").alone("db-0")
			s.world.UnpreparedNamespaces = []string{"shop"}
			return s.scene
		},
		"refused": func(t *testing.T) *scene {
			t.Helper()
			s := read(t, "database.in.yaml")
			s.objects.Namespaced[0].Spec.Hooks[1].OnError = v1alpha1.Fail
			s.compile()
			return s.alone("db-0").scene
		},
		"template": func(t *testing.T) *scene {
			t.Helper()
			s := read(t, "database.in.yaml")
			pod := s.pods[0]
			s.pods, s.explained = nil, nil
			workload := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: "shop", UID: "w"}}
			s.template = templated(workload, &corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pod.Labels}, Spec: pod.Spec})
			return s.scene
		},
	}
	for name, scene := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			require.NoError(t, formats[""](&out, scene(t).report()))
			golden(t, name+".txt", out.String())
		})
	}
}

func TestReportsForPrograms(t *testing.T) {
	for format, file := range map[string]string{"json": "small.json", "yaml": "small.yaml"} {
		t.Run(format, func(t *testing.T) {
			s := read(t, "small.in.yaml").stamped().alone("web-0")
			var out bytes.Buffer
			require.NoError(t, formats[format](&out, s.report()))
			golden(t, file, out.String())
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "write it by -update, and look at it")
	assert.Equal(t, string(want), got)
}
