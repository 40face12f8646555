package stamp

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// world makes policies and pods by chance, the same for a seed.
type world struct{ *rand.Rand }

func newWorld(seed uint64) world { return world{rand.New(rand.NewPCG(seed, seed))} }

func (w world) pick(choices ...string) string { return choices[w.IntN(len(choices))] }

func (w world) policies() []Source {
	var sources []Source
	for i := range w.IntN(5) {
		var hooks []v1alpha1.Hook
		for j := range 1 + w.IntN(4) {
			h := hook(fmt.Sprintf("h%d", j), "", w.pick("run", "it's", "x-", "a b"), w.pick("", "-x", "$HOME", "\\", "\n", `"`), w.pick("é", "*", "'"))
			h.Stages = nil
			for _, stage := range v1alpha1.BackupStages {
				if w.IntN(3) == 0 {
					h.Stages = append(h.Stages, stage)
				}
			}
			if len(h.Stages) == 0 {
				h.Stages = []v1alpha1.Stage{v1alpha1.PreBackup}
			}
			h.Timeout = v1alpha1.Duration{Duration: time.Duration(1+w.IntN(100)) * time.Second}
			h.Container = w.pick("", "", "", "a", "b", "log", "gone")
			if w.IntN(2) == 0 {
				h.OnError = v1alpha1.Continue
			}
			if w.IntN(4) == 0 {
				h.LabelSelector = &v1alpha1.LabelSelector{MatchLabels: map[string]v1alpha1.LabelValue{"role": "primary"}}
			}
			hooks = append(hooks, h)
		}
		source := policy(fmt.Sprintf("p%d", i), int32(w.IntN(3)), hooks...)
		if w.IntN(3) == 0 {
			source.Namespace = "shop"
		}
		if w.IntN(4) == 0 {
			source.Spec.Shell = v1alpha1.NoShell
		}
		if w.IntN(4) == 0 {
			source.Spec.Selector.ContainerImages = []v1alpha1.ImagePattern{v1alpha1.ImagePattern(w.pick("^a", "^b", "log"))}
		}
		sources = append(sources, source)
	}
	return sources
}

func (w world) pod() Pod {
	pod := podOf([]string{"a", "b", "c"}[:1+w.IntN(3)]...)
	w.Shuffle(len(pod.Containers), func(i, j int) { pod.Containers[i], pod.Containers[j] = pod.Containers[j], pod.Containers[i] })
	if w.IntN(2) == 0 {
		pod.Containers = append(pod.Containers, match.Container{Name: "log", Image: "log:1", Sidecar: true})
	}
	if w.IntN(2) == 0 {
		pod.Labels = map[string]string{"role": "primary"}
	}
	for range w.IntN(3) {
		if pod.Annotations == nil {
			pod.Annotations = map[string]string{}
		}
		key := w.pick("a.io/b", "c", "pre.hook.backup.velero.io/command", "post.hook.restore.velero.io/command", v1alpha1.SkipPoliciesAnnotation)
		pod.Annotations[key] = w.pick("p0", "p1", "x")
	}
	return pod
}

func TestWhateverThePoliciesAndThePod(t *testing.T) {
	stamped := 0
	for seed := range uint64(3000) {
		w := newWorld(seed)
		sources, pod := w.policies(), w.pod()
		options := Options{NativeSidecars: w.IntN(2) == 0}
		policies := compiledFor(t, options, sources...)
		first := policies.Decide(shop, pod)
		once := pod.annotated(first.Apply(pod.Annotations))
		if len(first.Set) > 0 {
			stamped++
		}

		again := policies.Decide(shop, once)
		require.Empty(t, again.Set, "seed %d: stamping is idempotent", seed)
		require.Empty(t, again.Remove, "seed %d: stamping is idempotent", seed)
		for _, outcome := range again.Outcomes {
			require.True(t, outcome.Current(), "seed %d: what is stamped is current", seed)
		}

		shuffled := slices.Clone(sources)
		w.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		require.Equal(t, first, compiledFor(t, options, shuffled...).Decide(shop, pod), "seed %d: the order of arrival does not matter", seed)

		unstamped := Decision{Remove: Unstamp(once.Annotations)}.Apply(once.Annotations)
		require.True(t, maps.Equal(pod.Annotations, unstamped), "seed %d: taking the stamp away leaves what was there", seed)

		others := newWorld(seed + 1_000_000)
		replaced := compiledFor(t, options, others.policies()...)
		require.Equal(t, replaced.Decide(shop, pod).Apply(pod.Annotations), replaced.Decide(shop, once).Apply(once.Annotations),
			"seed %d: what was stamped before does not matter", seed)

		requireVeleroReads(t, seed, policies, pod, once)
		for key := range first.Set {
			require.True(t, key == v1alpha1.StampAnnotation || carry(once.Annotations).owns(key), "seed %d: %s is not ours to set", seed, key)
		}
		for _, outcome := range first.Outcomes {
			require.Equal(t, outcome.Stamped(), slices.Contains(Carried("shop", once.Annotations), outcome.Policy), "seed %d", seed)
			requireBothSidesOrNeither(t, seed, sources, pod, outcome)
			if !outcome.Stamped() {
				require.NotEmpty(t, outcome.Obstacles, "seed %d: a policy that is not stamped says why", seed)
			}
			for _, o := range outcome.Obstacles {
				require.NotContains(t, o.Explain("shop/x"), "is not stamped:", "seed %d: every reason has its sentence", seed)
			}
		}
	}
	assert.Greater(t, stamped, 500)
}

// requireVeleroReads asserts that Velero, and the shell that it starts, read back exactly the hooks that went in.
func requireVeleroReads(t *testing.T, seed uint64, policies *Policies, pod, stamped Pod) {
	t.Helper()
	if carry(stamped.Annotations).foreign {
		return
	}
	a, _ := policies.arrange(shop, policies.index.Match(shop, pod.Pod), pod, carry(pod.Annotations))
	for s := range sides {
		read := veleroReads(sides[s].prefix, stamped.Annotations, stamped.Containers)
		hooks := a[s].hooks
		inRunningOrder(side(s), hooks)
		if len(hooks) == 0 {
			require.Nil(t, read, "seed %d", seed)
			continue
		}
		require.NotNil(t, read, "seed %d", seed)
		require.Equal(t, a[s].container, read.container, "seed %d", seed)
		require.NotEmpty(t, read.onError, "seed %d: never left to Velero", seed)
		if first := hooks[0].spec(); len(hooks) == 1 && !a.guarded() {
			require.Equal(t, &veleroHook{first.Exec.Command, a[s].container, string(first.OnError), first.Timeout.Duration}, read, "seed %d", seed)
			continue
		}
		chained := readChain(t, side(s), read.command)
		require.Len(t, chained, len(hooks), "seed %d", seed)
		total := time.Duration(0)
		for i, placed := range hooks {
			hook := placed.spec()
			require.Equal(t, hook.Exec.Command, chained[i].command, "seed %d", seed)
			require.Equal(t, hook.Timeout.Duration, chained[i].timeout, "seed %d", seed)
			if side(s) == pre {
				require.Equal(t, string(hook.OnError), chained[i].onError, "seed %d", seed)
			}
			total += hook.Timeout.Duration
		}
		require.Greater(t, read.timeout, total, "seed %d: the script comes to its end before Velero gives up", seed)
	}
}

// readChain reads the hooks of a side out of a script, as a shell does: one a line, by before and after.
func readChain(t *testing.T, s side, argv []string) []veleroHook {
	t.Helper()
	require.Len(t, argv, 5)
	require.Equal(t, []string{"/bin/sh", "-c", `eval "$1"`}, argv[:3])
	function, verb := "\npre() {\n", "before"
	if s == post {
		function, verb = "\npost() {\n", "after"
	}
	_, body, found := strings.Cut(argv[4], function)
	require.True(t, found)
	var hooks []veleroHook
	for _, line := range shellLines(body) {
		if line[0] == "}" {
			return hooks
		}
		if line[0] != verb {
			continue
		}
		seconds, err := strconv.Atoi(line[2])
		require.NoError(t, err)
		hook := veleroHook{timeout: time.Duration(seconds) * time.Second, command: line[4:], onError: string(v1alpha1.Fail)}
		if s == pre {
			if hook.command = line[5:]; line[3] == "1" {
				hook.onError = string(v1alpha1.Continue)
			}
		}
		hooks = append(hooks, hook)
	}
	require.Fail(t, "the function does not end")
	return nil
}

// shellLines splits a script into the words of its simple commands, by single quotes, backslashes, spaces and newlines.
func shellLines(script string) [][]string {
	var (
		lines        [][]string
		words        []string
		word         strings.Builder
		begun, quote bool
	)
	endWord := func() {
		if begun {
			words = append(words, word.String())
		}
		word.Reset()
		begun = false
	}
	for i := 0; i < len(script); i++ {
		switch c := script[i]; {
		case c == '\'':
			quote, begun = !quote, true
		case quote:
			word.WriteByte(c)
		case c == '\\':
			i++
			word.WriteByte(script[i])
			begun = true
		case c == ' ':
			endWord()
		case c == '\n':
			endWord()
			if len(words) > 0 {
				lines = append(lines, words)
			}
			words = nil
		default:
			word.WriteByte(c)
			begun = true
		}
	}
	return lines
}

// requireBothSidesOrNeither is the promise: never a freeze without its thaw.
func requireBothSidesOrNeither(t *testing.T, seed uint64, sources []Source, pod Pod, outcome Outcome) {
	t.Helper()
	at := slices.IndexFunc(sources, func(s Source) bool { return s.Ref == outcome.Policy })
	policy, err := match.Compile(sources[at].Ref, sources[at].Spec)
	require.NoError(t, err)
	var has [len(sides)]bool
	for i := range policy.Spec.Hooks {
		for s := range sides {
			has[s] = has[s] || policy.SelectsHook(i, pod.Labels) && runsOn(side(s), &policy.Spec.Hooks[i])
		}
	}
	for s := range sides {
		require.Equal(t, outcome.Stamped() && has[s], outcome.sides[s], "seed %d: %s of %s", seed, sides[s].prefix, outcome.Policy)
	}
	if !outcome.sides[pre] {
		return
	}
	// Every hook of after the backup is stamped, but for those whose container has hooks of before it left out as well; and
	// where none is for the pod, the policy has none at all.
	leftOut := map[string][len(sides)]bool{}
	for _, obstacle := range outcome.Obstacles {
		at := slices.IndexFunc(policy.Spec.Hooks, func(h v1alpha1.Hook) bool { return h.Name == obstacle.Hook })
		out := leftOut[obstacle.Container]
		for s := range sides {
			out[s] = out[s] || runsOn(side(s), &policy.Spec.Hooks[at])
		}
		leftOut[obstacle.Container] = out
	}
	for container, out := range leftOut {
		require.True(t, out[pre] || !out[post], "seed %d: a thaw in %s is left out, and its freeze may not be", seed, container)
	}
	require.True(t, has[post] || !slices.ContainsFunc(policy.Spec.Hooks, func(h v1alpha1.Hook) bool { return runsOn(post, &h) }),
		"seed %d: the thaw is for other pods", seed)
}

func TestANameThatIsNotARecordedPolicyIsPassedOver(t *testing.T) {
	for _, name := range []string{"", "/", "hookpolicy", "hookpolicy/", "pod/x", "HookPolicy/x"} {
		_, known := recordedRef(name, "shop")
		assert.False(t, known, name)
	}
	ref, known := recordedRef("namespacedhookpolicy/x", "shop")
	assert.True(t, known)
	assert.Equal(t, match.Ref{Namespace: "shop", Name: "x"}, ref)
	assert.NotContains(t, recordedName(ref), "shop")
}
