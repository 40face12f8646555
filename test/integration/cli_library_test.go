package integration

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/config/templates"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// person is somebody at a terminal, with a kubeconfig of his own.
type person string

// said is what the plugin has printed, and how it ended.
type said struct {
	out, err string
	code     int
}

// mayWrite is a person who may do everything with what Quiesce has.
func mayWrite(t *testing.T, name string) person {
	t.Helper()
	role := &rbacv1.ClusterRole{Rules: []rbacv1.PolicyRule{{APIGroups: []string{"quiesce.io"}, Resources: []string{"*"}, Verbs: []string{"*"}}}}
	role.Name = name
	return person(kubeconfig(t, name, role))
}

// environment has kubectl find the plugin, and what completes it.
func (p person) environment() []string {
	return append(os.Environ(), "KUBECONFIG="+string(p), "PATH="+binaries+":"+os.Getenv("KUBEBUILDER_ASSETS")+":"+os.Getenv("PATH"))
}

// quiesce runs the plugin by kubectl, as people do.
func (p person) quiesce(t *testing.T, stdin string, args ...string) said {
	t.Helper()
	var out, errOut bytes.Buffer
	c := exec.CommandContext(t.Context(), "kubectl", append([]string{"quiesce"}, args...)...)
	c.Path = filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl")
	c.Err = nil
	c.Env, c.Stdin, c.Stdout, c.Stderr = p.environment(), strings.NewReader(stdin), &out, &errOut
	if err := c.Run(); err != nil {
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
	}
	return said{out.String(), errOut.String(), c.ProcessState.ExitCode()}
}

// does runs the plugin, which is to go well, and returns what it has printed.
func (p person) does(t *testing.T, stdin string, args ...string) said {
	t.Helper()
	told := p.quiesce(t, stdin, args...)
	require.Zero(t, told.code, "%v: %+v", args, told)
	return told
}

// fails runs the plugin, which is not to go well, and returns what it says.
func (p person) fails(t *testing.T, code int, stdin string, args ...string) string {
	t.Helper()
	told := p.quiesce(t, stdin, args...)
	require.Equal(t, code, told.code, "%v: %+v", args, told)
	assert.Empty(t, told.out, "%v", args)
	return told.err
}

// removeAll deletes objects that the plugin has made.
func removeAll(t *testing.T, objects ...client.Object) {
	t.Helper()
	t.Cleanup(func() {
		for _, object := range objects {
			assert.NoError(t, client.IgnoreNotFound(api.Delete(context.Background(), object)))
			assert.NoError(t, client.IgnoreNotFound(api.Patch(context.Background(), object, merged(`{"metadata": {"finalizers": null}}`))))
		}
	})
}

func TestTheLibraryAtHand(t *testing.T) {
	startController(t)
	webhook := startWebhook(t)
	waitReady(t, webhook)
	waitLibraryAuthoring(t)
	ada := mayWrite(t, "ada")
	t.Run("scripts", func(t *testing.T) { testScriptsAtHand(t, ada) })
	t.Run("templates", func(t *testing.T) { testTemplatesAtHand(t, ada) })
	t.Run("policies", func(t *testing.T) { testPoliciesAtHand(t, ada) })
	t.Run("a team with no right to what is of the cluster", testTeamAtHand)
	t.Run("completion", func(t *testing.T) { testCompletion(t, ada) })
}

const anyScript = "#!/bin/sh\n: '\t\x01\x1b \\ \"<&> ${x} $(y) `z` {.a} é🙂\u2028'\n\n\n"

func scriptNamed(name string) *v1alpha1.HookScript {
	return &v1alpha1.HookScript{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func testScriptsAtHand(t *testing.T, ada person) {
	removeAll(t, scriptNamed("by-hand"))
	file := filepath.Join(t.TempDir(), "a.sh")
	require.NoError(t, os.WriteFile(file, []byte(anyScript), 0o644))

	for run, want := range map[string]string{"client": " (dry run)", "server": " (server dry run)"} {
		assert.Equal(t, "hookscript.quiesce.io/by-hand created"+want+"\n", ada.does(t, "", "scripts", "add", "by-hand", "-f", file, "--dry-run="+run).out)
	}
	assert.Contains(t, ada.fails(t, 1, "", "scripts", "show", "by-hand"), `there is no HookScript "by-hand"`, "a dry run keeps nothing")
	assert.Equal(t, "hookscript.quiesce.io/by-hand created\n", ada.does(t, anyScript, "scripts", "add", "by-hand", "-f", "-", "--notes", "for people").out)
	assert.Equal(t, anyScript, ada.does(t, "", "scripts", "show", "by-hand").out, "to the last byte")
	assert.Contains(t, ada.fails(t, 1, "", "scripts", "add", "by-hand", "-f", file),
		`there is a HookScript "by-hand" already: look at it (kubectl quiesce scripts show by-hand), and write --replace`)
	assert.Contains(t, ada.fails(t, 1, "", "scripts", "show", "by-hnd"), `there is no HookScript "by-hnd": did you mean "by-hand"?`)
	assert.Contains(t, ada.fails(t, 1, "", "scripts", "add", "By_Hand", "-f", file), "a lowercase RFC 1123 subdomain")

	asYAML := ada.does(t, "", "scripts", "add", "from-yaml", "-f", file, "--dry-run=client", "-o", "yaml").out
	apply := exec.CommandContext(t.Context(), filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"), "create", "-f", "-")
	apply.Env, apply.Stdin = ada.environment(), strings.NewReader(asYAML)
	output, err := apply.CombinedOutput()
	require.NoError(t, err, string(output))
	removeAll(t, scriptNamed("from-yaml"))
	assert.Equal(t, anyScript, ada.does(t, "", "scripts", "show", "from-yaml").out)

	t.Run("whose hooks change is told, and nobody's change is lost", func(t *testing.T) {
		policy := scriptPolicy("runs-by-hand", "by-hand")
		create(t, policy)
		script := scriptNamed("by-hand")
		waitUsers(t, script, "HookPolicy/runs-by-hand", 1)
		seen := script.ResourceVersion
		told := ada.does(t, "#!/bin/sh\n:\n", "scripts", "add", "by-hand", "-f", "-", "--replace", "--dry-run=server")
		assert.Equal(t, "hookscript.quiesce.io/by-hand replaced (server dry run)\n", told.out)
		assert.Contains(t, told.err, "Replacing what system:serviceaccount:quiesce-system:ada wrote at ")
		assert.Equal(t, 1, strings.Count(told.err, `HookScript "by-hand" is used by HookPolicy/runs-by-hand: the change reaches all of them`), told.err)
		assert.Contains(t, told.err, "\n  HookPolicy/runs-by-hand: flush (PreSnapshot)\n")
		assert.Equal(t, anyScript, ada.does(t, "", "scripts", "show", "by-hand").out, "a dry run keeps nothing")

		change(t, script, `{"spec":{"script":"#!/bin/sh\necho theirs\n"}}`)
		assert.Contains(t, ada.fails(t, 1, anyScript, "scripts", "add", "by-hand", "-f", "-", "--replace", "--resource-version", seen),
			`HookScript "by-hand" has been changed by somebody else since it was read: look at it (kubectl quiesce scripts show by-hand), and try again`)
		assert.Equal(t, "#!/bin/sh\necho theirs\n", ada.does(t, "", "scripts", "show", "by-hand").out)
		assert.Contains(t, ada.fails(t, 2, anyScript, "scripts", "add", "by-hand", "-f", "-", "--resource-version", seen), "--resource-version is for --replace")

		assert.Equal(t, "hookscript.quiesce.io/by-hand replaced\n", ada.does(t, "#!/bin/sh\n:\n", "scripts", "add", "by-hand", "-f", "-", "--replace").out)
		assert.Equal(t, "hookscript.quiesce.io/by-hand unchanged\n", ada.does(t, "#!/bin/sh\n:\n", "scripts", "add", "by-hand", "-f", "-", "--replace").out)
		require.NoError(t, api.Get(t.Context(), client.ObjectKeyFromObject(script), script))
		assert.Equal(t, "for people", script.Spec.Notes, "as they were")

		listed := ada.does(t, "", "scripts", "list").out
		assert.Regexp(t, `(?m)^by-hand +/bin/sh +12 B +HookPolicy/runs-by-hand +\S+$`, listed)
		refused := ada.fails(t, 1, "", "scripts", "delete", "by-hand")
		assert.Contains(t, refused, `HookScript "by-hand" is used by HookPolicy "runs-by-hand" (hook flush; PreSnapshot): take it out of these first`)
		assert.Contains(t, refused, "\n  HookPolicy/runs-by-hand: flush (PreSnapshot)\n")
		require.NoError(t, api.Delete(t.Context(), policy))
	})

	told := ada.quiesce(t, "", "scripts", "delete", "no-such", "from-yaml", "--dry-run=server")
	assert.Equal(t, said{"hookscript.quiesce.io/from-yaml deleted (server dry run)\n", told.err, 1}, told)
	assert.Contains(t, told.err, `error: there is no HookScript "no-such"`)
	ada.does(t, "", "scripts", "show", "from-yaml")
	assert.Equal(t, "hookscript.quiesce.io/by-hand deleted\nhookscript.quiesce.io/from-yaml deleted\n",
		ada.does(t, "", "scripts", "delete", "by-hand", "from-yaml").out)
	require.Eventually(t, func() bool { return isGone(t, scriptNamed("by-hand")) && isGone(t, scriptNamed("from-yaml")) }, patience, tick)
}

func policyNamed(name string) *v1alpha1.HookPolicy {
	return &v1alpha1.HookPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func testTemplatesAtHand(t *testing.T, ada person) {
	clearTemplates(t)
	all, err := templates.All()
	require.NoError(t, err)
	for i := range all {
		require.NoError(t, api.Create(t.Context(), all[i].DeepCopy()))
	}
	keepInLibrary(t, newScript("named"))
	own := newTemplate("own", scriptHook("flush", "named", v1alpha1.PreSnapshot))
	keepInLibrary(t, own)

	listed := ada.does(t, "", "templates", "list").out
	assert.Equal(t, len(all)+2, strings.Count(listed, "\n"))
	assert.Regexp(t, `(?m)^own +PostgreSQL +user\*,database +1 +<none> +[0-9a-f]{10}$`, listed)
	assert.Contains(t, ada.does(t, "", "templates", "show", "own").out, "kubectl quiesce templates use own --as own --param user=VALUE")
	assert.Contains(t, ada.fails(t, 1, "", "templates", "show", "postgres"), `there is no HookTemplate "postgres": did you mean "postgresql"?`)

	t.Run("a clone of any delivered template comes to what the template does", func(t *testing.T) {
		given := map[string]string{"collection": "external://a", "file": "/backup/a", "cacert": "/a", "cert": "/b", "key": "/c", "mountPath": "/data",
			"directory": "/backup/influxdb", "database": "shop", "user": "it's \"a\"\nuser"}
		for i := range all {
			name := all[i].Name
			var flags []string
			for _, param := range all[i].Spec.Params {
				switch {
				case param.Secret:
					flags = append(flags, "--param-from-secret", param.Name+"=a/b")
				case param.Required || param.Pattern == "" && given[param.Name] != "":
					flags = append(flags, "--param", param.Name+"="+given[param.Name])
				}
			}
			removeAll(t, policyNamed(name+"-use"), policyNamed(name+"-clone"))
			for _, verb := range []string{"use", "clone"} {
				told := ada.does(t, "", append([]string{"templates", verb, name, "--as", name + "-" + verb}, flags...)...)
				assert.Equal(t, "hookpolicy.quiesce.io/"+name+"-"+verb+" created\n", told.out)
				assert.Contains(t, told.err, "kubectl quiesce policies list")
				lines := strings.Split(told.err, "\n")
				assert.Len(t, unique(lines), len(lines), "no warning is told twice: %s", told.err)
			}
		}
		var stored v1alpha1.HookPolicyList
		var templatesStored v1alpha1.HookTemplateList
		require.NoError(t, api.List(t.Context(), &stored))
		require.NoError(t, api.List(t.Context(), &templatesStored))
		set := policies.NewSet(policies.Objects{Cluster: stored.Items, Templates: templatesStored.Items}, stamp.Options{})
		specs := map[string]*policies.Policy{}
		for i := range set.Policies {
			specs[set.Policies[i].Name] = &set.Policies[i]
		}
		for i := range all {
			name := all[i].Name
			require.Contains(t, specs, name+"-use")
			require.NoError(t, specs[name+"-use"].Refusal)
			assert.Equal(t, specs[name+"-use"].Spec, specs[name+"-clone"].Spec, name)
			assert.Nil(t, specs[name+"-clone"].Written.Template)
		}
	})

	t.Run("a clone has the text of scripts, and a policy that uses a template follows it", func(t *testing.T) {
		removeAll(t, policyNamed("own"), policyNamed("own-clone"))
		ada.does(t, "", "templates", "use", "own", "--as", "own", "--param", "user=app", "-l", "app=db", "--include-namespace", "shop-*")
		ada.does(t, "", "templates", "clone", "own", "--as", "own-clone", "--param", "user=app")
		use, cloned := get(t, "own", &v1alpha1.HookPolicy{}), get(t, "own-clone", &v1alpha1.HookPolicy{})
		assert.Equal(t, &v1alpha1.TemplateUse{Name: "own", Params: []v1alpha1.TemplateParamValue{{Name: "user", Value: "app"}}}, use.Spec.Template)
		assert.Equal(t, []v1alpha1.NamespaceGlob{"shop-*"}, use.Spec.Selector.IncludedNamespaces)
		assert.Equal(t, &v1alpha1.ScriptAction{Inline: "#!/bin/sh -e\nflush\n", Args: []string{"app", ""}}, cloned.Spec.Hooks[0].Script)

		assert.Contains(t, ada.fails(t, 1, "", "templates", "use", "own", "--as", "own", "--param", "user=app"),
			`there is a HookPolicy "own" already: look at it (kubectl get hp own -o yaml), and write --replace`)
		change(t, use, `{"spec":{"suspend":true}}`)
		told := ada.does(t, "", "templates", "use", "own", "--as", "own", "--param", "user=other", "--replace")
		assert.Equal(t, "hookpolicy.quiesce.io/own replaced\n", told.out)
		assert.Contains(t, told.err, `HookPolicy "own" is suspended, and stays so: kubectl quiesce policies resume hp/own`)
		use = get(t, "own", &v1alpha1.HookPolicy{})
		assert.Equal(t, "other", use.Spec.Template.Params[0].Value)
		assert.True(t, use.Spec.Suspend)
		assert.Empty(t, use.Spec.Selector.IncludedNamespaces)
	})

	t.Run("mistakes are told before anything is sent, and what the webhook says comes through", func(t *testing.T) {
		for says, args := range map[string][]string{
			"HookTemplate own needs params: write\n  --param user=VALUE":                            {"--as", "x"},
			`there is no param of HookTemplate own "usr": did you mean "user"?`:                     {"--as", "x", "--param", "usr=a"},
			"write --as with the name that the policy is to have":                                   {"--param", "user=a"},
			"a HookPolicy is in no namespace: for the pods of namespace shop write --namespaced":    {"--as", "x", "--param", "user=a", "-n", "shop"},
			`--dry-run "maybe": write none, client or server`:                                       {"--as", "x", "--param", "user=a", "--dry-run=maybe"},
			`HookPolicy "x" could not be used: spec.selector.containerImages[0]: `:                  {"--as", "x", "--param", "user=a", "--image", "(?!a)"},
			`-l "a=b=c": write labels such as`:                                                      {"--as", "x", "--param", "user=a", "-l", "a=b=c"},
			`--velero-mode "Maybe": write Stamp or Session`:                                         {"--as", "x", "--param", "user=a", "--velero-mode", "Maybe"},
			"write the name of a namespace, or a glob in which * stands for any characters and ? f": {"--as", "x", "--param", "user=a", "--include-namespace", "Shop"},
		} {
			told := ada.quiesce(t, "", append([]string{"templates", "use", "own"}, args...)...)
			assert.NotZero(t, told.code)
			assert.Contains(t, told.err, says, "%v", args)
		}
		assert.Contains(t, ada.fails(t, 1, "", "templates", "use", "cockroachdb", "--as", "x", "--param", "collection=external://a' WITH detached; --"),
			"spec.template.params[collection].value: ")
		require.True(t, isGone(t, policyNamed("x")))
	})
}

func unique(lines []string) map[string]bool {
	all := map[string]bool{}
	for _, line := range lines {
		all[line] = true
	}
	return all
}

// waitCarries waits until a pod carries hooks.
func waitCarries(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	waitAnnotations(t, pod, func(c *assert.CollectT, annotations map[string]string) {
		assert.NotEmpty(c, annotations[v1alpha1.StampAnnotation])
	})
}

func testPoliciesAtHand(t *testing.T, ada person) {
	namespace := optedIn(t, nil)
	create(t, flushPolicy("twin"))
	create(t, namespaced(flushPolicy("twin"), namespace))
	create(t, flushPolicy("alone"))
	pod := appPod(namespace, "twin")
	create(t, pod)
	waitCarries(t, pod)

	require.EventuallyWithT(t, func(c *assert.CollectT) {
		listed := ada.quiesce(t, "", "policies", "list", "-n", namespace).out
		assert.Regexp(c, `(?m)^alone +HookPolicy +<none> +\d+ +\d+ +false +True +\S+$`, listed)
		assert.Regexp(c, `(?m)^twin +NamespacedHookPolicy +<none> +1 +1 +false +True +\S+$`, listed)
	}, patience, tick)
	assert.NotContains(t, ada.does(t, "", "policies", "list", "-n", "default").out, "NamespacedHookPolicy")
	assert.Regexp(t, `(?m)^`+namespace+` +twin +NamespacedHookPolicy `, ada.does(t, "", "policies", "list", "-A").out)
	assert.Contains(t, ada.does(t, "", "policies", "list", "-A", "-o", "name").out, "namespacedhookpolicy.quiesce.io/twin\n")

	assert.Contains(t, ada.fails(t, 1, "", "policies", "suspend", "-n", namespace, "twin"),
		`there is a HookPolicy "twin", and a NamespacedHookPolicy "twin" in namespace `+namespace+`: write hp/twin or nhp/twin`)
	assert.Contains(t, ada.fails(t, 1, "", "policies", "suspend", "twim"), `did you mean "twin"?`)
	told := ada.does(t, "", "policies", "suspend", "-n", namespace, "nhp/twin")
	assert.Equal(t, "namespacedhookpolicy.quiesce.io/twin in namespace "+namespace+" suspended: its hooks are taken off 1 pod, of 1 that it matches\n", told.out)
	assert.Empty(t, told.err)
	assert.Equal(t, "namespacedhookpolicy.quiesce.io/twin in namespace "+namespace+" is suspended already\n",
		ada.does(t, "", "policies", "suspend", "-n", namespace, "twin", "--namespaced").out)
	assert.Contains(t, ada.does(t, "", "policies", "resume", "-n", namespace, "nhp/twin").out, " resumed: see which pods it matches by kubectl quiesce policies list -n "+namespace)

	t.Run("all are switched once somebody says so", func(t *testing.T) {
		assert.Contains(t, ada.fails(t, 2, "", "policies", "suspend", "--all", "-A"), "write --yes")
		assert.Contains(t, ada.fails(t, 2, "", "policies", "suspend"), "write names of policies, or --selector, or --all")
		assert.Contains(t, ada.fails(t, 2, "", "policies", "suspend", "--all", "twin"), "one of the three")
		all := strings.Count(ada.does(t, "", "policies", "list", "-A", "-o", "name").out, "\n")
		told := ada.does(t, "", "policies", "suspend", "--all", "-A", "--yes")
		assert.Equal(t, all, strings.Count(told.out, " suspended: its hooks are taken off "), told.out)
		waitExactly(t, pod, nil)
		assert.Equal(t, all, strings.Count(ada.does(t, "", "policies", "suspend", "--all", "-A", "--yes").out, " is suspended already"))
		assert.Equal(t, all, strings.Count(ada.does(t, "", "policies", "resume", "--all", "-A", "--yes").out, " resumed: "))
		waitCarries(t, pod)
	})
}

// testTeamAtHand is what somebody sees who has edit in one namespace.
func testTeamAtHand(t *testing.T) {
	namespace := optedIn(t, nil)
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "team", Namespace: namespace}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{"quiesce.io"}, Resources: []string{"namespacedhookpolicies", "hooksessions", "hookruns"}, Verbs: []string{"*"}}}}
	bob := person(kubeconfig(t, "bob", role))
	create(t, flushPolicy("team"))
	create(t, namespaced(flushPolicy("team"), namespace))

	told := bob.does(t, "", "policies", "list", "-n", namespace)
	assert.Contains(t, told.out, "NamespacedHookPolicy")
	assert.Contains(t, told.err, "HookPolicies are left out, which are for pods of the whole cluster: you may not list them")
	assert.Contains(t, bob.does(t, "", "policies", "suspend", "-n", namespace, "team").out, "namespacedhookpolicy.quiesce.io/team", "he cannot mean the other one")
	assert.Contains(t, bob.does(t, "", "policies", "suspend", "-n", namespace, "--all", "--yes").out, "is suspended already")
	assert.Contains(t, bob.fails(t, 1, "", "policies", "suspend", "hp/team"), "The ClusterRole quiesce-view has that right")
	assert.Contains(t, bob.fails(t, 1, "#!/bin/sh\n", "scripts", "add", "x", "-f", "-"), "The ClusterRole quiesce-admin has that right: ask an administrator to bind it to you")
	assert.Contains(t, bob.fails(t, 1, "", "scripts", "list"), "The ClusterRole quiesce-view has that right")
}

// complete asks for what may follow, as a shell does.
func (p person) complete(t *testing.T, program string, args ...string) []string {
	t.Helper()
	c := exec.CommandContext(t.Context(), program, args...)
	c.Env = p.environment()
	output, err := c.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Log(string(exit.Stderr))
	}
	require.NoError(t, err)
	return strings.Split(strings.TrimSpace(string(output)), "\n")
}

func testCompletion(t *testing.T, ada person) {
	namespace := optedIn(t, nil)
	create(t, appPod(namespace, "completed"))
	create(t, flushPolicy("complete-a"))
	create(t, flushPolicy("complete-b"))
	create(t, namespaced(flushPolicy("complete-b"), namespace))
	for _, name := range []string{"complete-one", "complete-two"} {
		keepInLibrary(t, newScript(name))
		keepInLibrary(t, newTemplate(name, scriptHook("flush", "complete-one", v1alpha1.PreSnapshot)))
	}
	plugin := filepath.Join(binaries, "kubectl-quiesce")
	for line, want := range map[string][]string{
		"scripts show complete-":                           {"complete-one", "complete-two", ":4"},
		"scripts show complete-one complete-":              {":4"},
		"scripts delete complete-one complete-":            {"complete-two", ":4"},
		"templates use complete-t":                         {"complete-two", ":4"},
		"templates use complete-one --param u":             {"user=", ":6"},
		"policies suspend -n " + namespace + " complete":   {"complete-a", ":4"},
		"policies suspend -n " + namespace + " nhp/":       {"nhp/complete-b", ":4"},
		"policies suspend -n " + namespace + " h":          {"hp/complete-b", ":4"},
		"policies list --context ":                         {"x", ":4"},
		"policies list --kubeconfig /none -n " + namespace: {":4"},
	} {
		got := ada.complete(t, plugin, append([]string{"__complete"}, strings.Split(line, " ")...)...)
		for i := range got {
			got[i], _, _ = strings.Cut(got[i], "\t")
		}
		assert.Equal(t, want, got, line)
	}

	shim := ada.does(t, "", "completion", "kubectl").out
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "kubectl_complete-quiesce"), []byte(shim), 0o755))
	c := exec.CommandContext(t.Context(), filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"), "__complete", "quiesce", "scripts", "show", "complete-")
	c.Env = append(ada.environment(), "PATH="+folder+":"+binaries+":"+os.Getenv("PATH"))
	output, err := c.Output()
	require.NoError(t, err)
	assert.Equal(t, "complete-one\ncomplete-two\n:4\n", string(output), "by kubectl itself")
}
