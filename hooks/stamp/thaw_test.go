package stamp

import (
	"cmp"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func limited(source Source, maxQuiesce time.Duration) Source {
	return source.with(func(spec *v1alpha1.HookPolicySpec) { spec.MaxQuiesce.Duration = maxQuiesce })
}

// commandsOf are what a thaw runs.
func commandsOf(thaw Thaw) (commands []string) {
	for _, hook := range thaw.Chain.Post {
		commands = append(commands, strings.Join(hook.Command, " "))
	}
	return commands
}

func TestWhatAStampStandsFor(t *testing.T) {
	notify := policy("notify", 0, hook("tell", v1alpha1.PostBackup, "tell"))
	namespaced := pair("db", 0)
	namespaced.Namespace = "shop"
	elsewhere := namespaced
	elsewhere.Namespace = "other"
	moved := pair("db", 0).with(func(spec *v1alpha1.HookPolicySpec) {
		for i := range spec.Hooks {
			spec.Hooks[i].Container = "log"
		}
	})
	db := match.Ref{Name: "db"}
	tests := map[string]struct {
		stamped, now []Source
		change       func(map[string]string) // of the annotations
		none         bool
		commands     []string
		lacking      []match.Ref
		maxQuiesce   time.Duration // default 10m
	}{
		"the policy as it was": {
			stamped: []Source{pair("db", 0)}, now: []Source{pair("db", 0)}, commands: []string{"thaw db"},
		},
		"the policy as it is": {
			stamped: []Source{pair("db", 0)}, now: []Source{limited(policy("db", 5, freeze(), thaw()), time.Minute)},
			commands: []string{"fsfreeze -u /data"}, maxQuiesce: time.Minute,
		},
		"all policies that were stamped, in the order in which they thaw": {
			stamped: []Source{limited(pair("db", 0), time.Hour), pair("files", 5), notify}, now: []Source{limited(pair("db", 0), time.Hour), pair("files", 5), notify},
			commands: []string{"thaw db", "thaw files", "tell"}, maxQuiesce: time.Hour,
		},
		"no policy that was not stamped": {
			stamped: []Source{pair("db", 0)}, now: []Source{pair("db", 0), pair("files", 5)}, commands: []string{"thaw db"},
		},
		"a policy of its namespace": {
			stamped: []Source{namespaced}, now: []Source{namespaced, elsewhere, pair("db", 0)}, commands: []string{"thaw db"},
		},
		"and of no other": {
			stamped: []Source{namespaced}, now: []Source{elsewhere, pair("db", 0)}, lacking: []match.Ref{namespaced.Ref},
		},
		"a policy that selects the pod no more": {
			stamped: []Source{pair("db", 0)},
			now: []Source{pair("db", 0).with(func(spec *v1alpha1.HookPolicySpec) {
				spec.Selector.LabelSelector = &v1alpha1.LabelSelector{MatchLabels: map[string]v1alpha1.LabelValue{"app": "x"}}
			})},
			commands: []string{"thaw db"},
		},
		"a policy of which the pod has opted out": {
			stamped: []Source{pair("db", 0)}, now: []Source{pair("db", 0)}, commands: []string{"thaw db"},
			change: func(annotations map[string]string) { annotations[v1alpha1.SkipAnnotation] = "true" },
		},
		"a policy for which Velero waits by now": {
			stamped: []Source{pair("db", 0)}, now: []Source{waiting(pair("db", 0))}, commands: []string{"thaw db"},
		},
		"a policy that is gone": {stamped: []Source{pair("db", 0)}, lacking: []match.Ref{db}},
		"a policy that is gone beside another": {
			stamped: []Source{pair("db", 0), limited(pair("files", 5), time.Hour)}, now: []Source{limited(pair("files", 5), time.Hour)},
			lacking: []match.Ref{db}, maxQuiesce: time.Hour,
		},
		"a policy that thaws no more": {
			stamped: []Source{pair("db", 0)}, now: []Source{policy("db", 0, freeze())}, lacking: []match.Ref{db},
		},
		"a policy of another container by now": {stamped: []Source{pair("db", 0)}, now: []Source{moved}, lacking: []match.Ref{db}},
		"a policy without a shell":             {stamped: []Source{noShell(pair("db", 0))}, now: []Source{noShell(pair("db", 0))}, none: true},
		"one side":                             {stamped: []Source{notify}, now: []Source{notify}, none: true},
		"two sides of two policies": {
			stamped: []Source{notify, policy("flush", 0, freeze())}, now: []Source{notify, policy("flush", 0, freeze())}, none: true,
		},
		"what its user has edited": {
			stamped: []Source{pair("db", 0)}, now: []Source{pair("db", 0)}, none: true,
			change: func(annotations map[string]string) {
				annotations[v1alpha1.VeleroPostPrefix+v1alpha1.VeleroContainer] = "log"
			},
		},
		"what its user has edited on the other side": {
			stamped: []Source{pair("db", 0)}, now: []Source{pair("db", 0)}, none: true,
			change: func(annotations map[string]string) {
				annotations[v1alpha1.VeleroPrePrefix+v1alpha1.VeleroCommand] = "[]"
			},
		},
		"a record of somebody else's": {
			stamped: []Source{pair("db", 0)}, now: []Source{pair("db", 0)}, none: true,
			change: func(annotations map[string]string) { annotations[v1alpha1.StampAnnotation] = "{" },
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			pod := stampedBy(podOf("db", "log"), compiled(t, test.stamped...))
			require.NotEmpty(t, pod.Annotations)
			if test.change != nil {
				pod.Annotations = maps.Clone(pod.Annotations)
				test.change(pod.Annotations)
			}
			thaw, found := compiled(t, test.now...).Thaw("shop", pod)
			require.Equal(t, !test.none, found)
			if test.none {
				return
			}
			assert.Equal(t, "db", thaw.Container)
			assert.Equal(t, test.commands, commandsOf(thaw))
			assert.Equal(t, test.lacking, thaw.Lacking)
			assert.Equal(t, cmp.Or(test.maxQuiesce, defaultMaxQuiesce), thaw.MaxQuiesce)
		})
	}
}

// What is thawed is what was stamped, as long as nothing has changed: by that a sweep knows the watchdog for its own.
func TestWhateverIsStampedThawsByTheVerySameHooks(t *testing.T) {
	guarded := 0
	for seed := range uint64(3000) {
		w := newWorld(seed)
		policies := compiledFor(t, Options{NativeSidecars: true}, w.policies()...)
		pod := stampedBy(w.pod(), policies)
		var command []string
		if value, stamped := pod.Annotations[v1alpha1.VeleroPrePrefix+v1alpha1.VeleroCommand]; stamped && carry(pod.Annotations).ours[pre] != nil {
			require.NoError(t, json.Unmarshal([]byte(value), &command))
		}
		thaw, found := policies.Thaw("shop", pod)
		require.Equal(t, len(command) == 5 && strings.Contains(command[4], "quiesce-watchdog"), found, "seed %d", seed)
		if !found {
			continue
		}
		guarded++
		require.Empty(t, thaw.Lacking, "seed %d", seed)
		require.Equal(t, pod.Annotations[v1alpha1.VeleroPostPrefix+v1alpha1.VeleroContainer], thaw.Container, "seed %d", seed)
		require.Equal(t, command, thaw.Chain.PreCommand(), "seed %d", seed)
		require.Contains(t, command[4], thaw.Chain.SweepCommand("")[5], "seed %d", seed)
	}
	assert.Greater(t, guarded, 200)
}
