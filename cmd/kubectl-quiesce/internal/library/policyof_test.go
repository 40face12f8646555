package library

import (
	"bytes"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/config/templates"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func readSpec(t *testing.T, file string) (spec v1alpha1.HookTemplateSpec) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, yaml.UnmarshalStrict(text, &spec))
	return spec
}

func deliveredAs(t *testing.T, name string) *v1alpha1.HookTemplate {
	t.Helper()
	template, err := deliveredTemplate(name)
	require.NoError(t, err)
	return template
}

// commandLineOf is what flags say of a policy, and the command for its errors.
func commandLineOf(t *testing.T, flags ...string) (*policyOf, *cobra.Command) {
	t.Helper()
	streams, _, _, _ := genericiooptions.NewTestIOStreams()
	_, frame := command.NewRoot(streams)
	p, c := &policyOf{}, &cobra.Command{Use: "use"}
	c.Flags().BoolVar(&p.namespaced, "namespaced", false, "")
	p.params.addFlags(&p.source, c)
	p.selection.addFlags(frame, c)
	require.NoError(t, c.ParseFlags(flags))
	return p, c
}

// both are the spec of a policy that uses a template, and of a clone, as YAML brings them to a cluster.
func both(t *testing.T, template *v1alpha1.HookTemplate, flags ...string) (use, own v1alpha1.HookPolicySpec) {
	t.Helper()
	p, c := commandLineOf(t, flags...)
	written, err := p.spec(c, template)
	require.NoError(t, err)
	l, err := libraryFor(t.Context(), nil, template)
	require.NoError(t, err)
	resolved, err := l.Resolve(written)
	require.NoError(t, err)
	return *written, clone(written, resolved)
}

func asYAML(t *testing.T, name string, spec v1alpha1.HookPolicySpec) string {
	t.Helper()
	c := &cobra.Command{}
	printer := command.NewPrint(c)
	require.NoError(t, c.ParseFlags([]string{"-o", "yaml"}))
	var out bytes.Buffer
	require.NoError(t, printObject(&out, printer, &v1alpha1.HookPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}))
	return out.String()
}

func TestAPolicyIsWrittenAsYAML(t *testing.T) {
	tests := map[string]struct {
		template string
		flags    []string
	}{
		"suggested": {"postgresql", nil},
		"narrowed": {"postgresql", []string{"--param", "user=backup", "-l", "app=db,tier!=test,role in (a, b)", "--image", "^registry.example/postgres:",
			"--include-namespace", "shop-*,bank", "--exclude-namespace", "shop-test"}},
		"secret": {"elasticsearch", []string{"--param-from-secret", "password=search/elastic", "--param", "indices=a,b=c"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			use, own := both(t, deliveredAs(t, test.template), test.flags...)
			golden(t, name+".use.yaml", asYAML(t, "db", use))
			if name != "suggested" {
				golden(t, name+".clone.yaml", asYAML(t, "db", own))
			}
		})
	}
}

func TestANamespacedPolicySelectsNoNamespaces(t *testing.T) {
	template := &v1alpha1.HookTemplate{ObjectMeta: metav1.ObjectMeta{Name: "all"}, Spec: readSpec(t, "testdata/all.template.yaml")}
	p, c := commandLineOf(t, "--namespaced", "--param", "user=a", "--param-from-secret", "token=a/b")
	spec, err := p.spec(c, template)
	require.NoError(t, err)
	want := template.Spec.Selector
	want.IncludedNamespaces, want.ExcludedNamespaces, want.NamespaceSelector = nil, nil, nil
	assert.Equal(t, want, spec.Selector)
	assert.NotEmpty(t, template.Spec.Selector.IncludedNamespaces, "the template is as it was")

	p, c = commandLineOf(t, "--namespaced", "--param", "user=a", "--param-from-secret", "token=a/b", "--include-namespace", "x")
	_, err = p.spec(c, template)
	require.ErrorContains(t, err, "a NamespacedHookPolicy is for the pods of its own namespace: leave --include-namespace")
}

func TestParamsWithMistakesAreRefusedWithWhatToWrite(t *testing.T) {
	template := &v1alpha1.HookTemplate{ObjectMeta: metav1.ObjectMeta{Name: "all"}, Spec: readSpec(t, "testdata/all.template.yaml")}
	good := []string{"--param", "user=a", "--param-from-secret", "token=db/token"}
	tests := map[string]struct {
		flags []string
		says  string
	}{
		"all that are missing are named at once": {nil, "HookTemplate all needs params: write\n  --param user=VALUE: Who does it.\n  --param-from-secret token=SECRET/KEY: "},
		"no =":                                   {[]string{"--param", "user"}, `--param "user": write NAME=VALUE`},
		"no name":                                {[]string{"--param", "=x"}, `--param "=x": write NAME=VALUE`},
		"a name that is nearly right":            {append(good, "--param", "usr=x"), `there is no param of HookTemplate all "usr": did you mean "user"?`},
		"a name that is far from right":          {append(good, "--param", "zzzzzz=x"), `there is no param of HookTemplate all "zzzzzz": there are token, user, words`},
		"twice":                                  {append(good, "--param", "user=b"), `the param "user" is given twice: leave one of them out`},
		"a secret in plain text":                 {[]string{"--param", "token=hunter2"}, `write --param-from-secret token=SECRET/KEY`},
		"plain text as a secret":                 {[]string{"--param-from-secret", "user=a/b"}, `"user" of HookTemplate all is not secret, and comes from no Secret: write --param user=VALUE`},
		"a secret without a key":                 {[]string{"--param-from-secret", "token=db"}, `--param-from-secret "token=db": write NAME=SECRET/KEY`},
		"a secret with an empty key":             {[]string{"--param-from-secret", "token=db/"}, "write NAME=SECRET/KEY"},
		"a secret with two keys":                 {[]string{"--param-from-secret", "token=db/a/b"}, "write NAME=SECRET/KEY"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p, c := commandLineOf(t, test.flags...)
			_, err := p.spec(c, template)
			require.ErrorContains(t, err, test.says)
			assert.NotContains(t, err.Error(), "hunter2", "a secret is not told again")
		})
	}
}

func TestAValueIsWhatItIs(t *testing.T) {
	template := &v1alpha1.HookTemplate{ObjectMeta: metav1.ObjectMeta{Name: "all"}, Spec: readSpec(t, "testdata/all.template.yaml")}
	template.Spec.Hooks = template.Spec.Hooks[:1]
	for _, value := range []string{"", "a=b=c", "a,b", `"quoted" 'twice'`, "two\nlines\n", " spaces ", "$(words)", "é\t\\"} {
		use, own := both(t, template, "--param", "user="+value, "--param-from-secret", "token=db/token")
		var back v1alpha1.HookPolicy
		require.NoError(t, yaml.UnmarshalStrict([]byte(asYAML(t, "x", own)), &back))
		assert.Equal(t, "--user="+value, back.Spec.Hooks[0].Exec.Command[2])
		assert.Equal(t, value, use.Template.Params[0].Value)
	}
}

// values for params of which the library's own patterns let only some through.
var exampleValues = []string{`it's "a" $(b) value` + "\nof two lines", "/backup/a", "/a/b c", "/a", "7", "https://a.example:2379", "external://a", "a", "shop"}

func TestACloneComesToWhatItsTemplateDoes(t *testing.T) {
	all, err := templates.All()
	require.NoError(t, err)
	for i := range all {
		template := &all[i]
		t.Run(template.Name, func(t *testing.T) {
			for seed := range uint64(20) {
				flags := someParams(t, template, rand.New(rand.NewPCG(seed, 1)))
				use, own := both(t, template, flags...)
				assert.Nil(t, own.Template)
				objects := policies.Objects{Templates: all}
				for name, spec := range map[string]v1alpha1.HookPolicySpec{"use": use, "own": own} {
					var back v1alpha1.HookPolicy
					require.NoError(t, yaml.UnmarshalStrict([]byte(asYAML(t, name, spec)), &back))
					objects.Cluster = append(objects.Cluster, back)
				}
				set := policies.NewSet(objects, stamp.Options{})
				byName := map[string]*policies.Policy{}
				for i := range set.Policies {
					require.NoError(t, set.Policies[i].Refusal, "%v", flags)
					byName[set.Policies[i].Name] = &set.Policies[i]
				}
				assert.Equal(t, byName["use"].Spec, byName["own"].Spec, "%v", flags)
				assert.Equal(t, byName["own"].Written, byName["own"].Spec, "nothing of it comes from elsewhere")
			}
		})
	}
}

// someParams gives a template what it needs, and some of what it does not.
func someParams(t *testing.T, template *v1alpha1.HookTemplate, random *rand.Rand) (flags []string) {
	t.Helper()
	for _, param := range template.Spec.Params {
		if !param.Required && random.IntN(2) == 0 {
			continue
		}
		if param.Secret {
			flags = append(flags, "--param-from-secret", param.Name+"=a-secret/a.key")
			continue
		}
		var fitting []string
		for _, value := range append(strings.Split(param.Pattern, "|"), append(exampleValues, param.Default)...) {
			if regexp.MustCompile(`\A(?:` + param.Pattern + `)\z`).MatchString(value) {
				fitting = append(fitting, value)
			}
		}
		if param.Pattern == "" {
			fitting = exampleValues
		}
		require.NotEmpty(t, fitting, "no example fits %s", param.Name)
		flags = append(flags, "--param", param.Name+"="+fitting[random.IntN(len(fitting))])
	}
	return flags
}
