package lint

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/fileflag"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
	"github.com/quiesce-io/quiesce/hooks/manifest"
)

// linted are the lines that are printed for a file.
func linted(t *testing.T, content string) []string {
	t.Helper()
	verdict, err := check(t.Context(), []manifest.File{manifest.Read("f", []byte(content))})
	require.NoError(t, err)
	var out bytes.Buffer
	plain(&out, verdict.findings, terminal.Painter(false))
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

const head = "apiVersion: quiesce.io/v1alpha1\nkind: HookPolicy\nmetadata: {name: a}\n"

func TestEachMistakeIsToldWithItsPlaceAndWhatToWrite(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		want    []string
	}{
		"an unknown field with a suggestion": {
			head + "spec:\n  hooks:\n  - name: flush\n    stages: [PreSnapshot]\n    onErr: Fail\n    exec: {command: [sync]}\n",
			[]string{`f:8:5: error: there is no field "onErr": did you mean "onError"? (spec.hooks[0].onErr)`},
		},
		"an unknown field in the metadata": {
			"apiVersion: quiesce.io/v1alpha1\nkind: HookScript\nmetadata:\n  name: a\n  label: {x: y}\nspec: {script: \"#!/bin/sh\\n\"}\n",
			[]string{`f:5:3: error: there is no field "label": did you mean "labels"? (metadata.label)`},
		},
		"wrong types": {
			head + "spec:\n  priority: high\n  hooks:\n  - name: flush\n    stages: [PreSnapshot]\n    timeout: 30\n    exec: {command: sync}\n",
			[]string{
				`f:5:3: error: it is a string and must be an integer (spec.priority)`,
				`f:9:5: error: it is an integer and must be a string: write it in quotes (spec.hooks[0].timeout)`,
				`f:10:12: error: it is a string and must be a list (spec.hooks[0].exec.command)`,
			},
		},
		"a value that is not known": {
			head + "spec:\n  shell: Bash\n  hooks: [{name: flush, stages: [PreSnapshot], exec: {command: [sync]}}]\n",
			[]string{`f:5:3: error: "Bash" is not known here: write Posix or None (spec.shell)`},
		},
		"a field that is missing": {
			head + "spec:\n  hooks:\n  - name: flush\n    exec: {command: [sync]}\n",
			[]string{`f:6:5: error: there is no stages, which it must have: write it (spec.hooks[0].stages)`},
		},
		"a broken rule": {
			head + "spec:\n  maxQuiesce: \"600\"\n  hooks: [{name: flush, stages: [PreSnapshot], exec: {command: [sync]}}]\n",
			[]string{`f:5:3: error: "600": write a duration with its unit, such as 90s, 10m or 1h (spec.maxQuiesce)`},
		},
		"what only a compilation finds": {
			head + "spec:\n  selector:\n    containerImages:\n    - ok\n    - \"(\"\n  hooks: [{name: flush, stages: [PreSnapshot], exec: {command: [sync]}}]\n",
			[]string{"f:8:7: error: this is no regular expression: missing closing ): `(`: write one in RE2's syntax"},
		},
		"a command that is an option, by the name of its hook": {
			head + "spec:\n  hooks:\n  - name: first\n    stages: [PreSnapshot]\n    exec: {command: [sync]}\n  - name: second\n    stages: [PreSnapshot]\n    exec:\n      command:\n      - -c\n",
			[]string{`f:13:9: error: "-c" is an option and not a program: write the program ahead of it, such as [sh, -c] (spec.hooks[second].exec.command[0])`},
		},
		"advice as a warning": {
			head + "spec:\n  hooks:\n  - name: freeze\n    stages: [PreSnapshot]\n    exec: {command: [fsfreeze, -f, /data]}\n",
			[]string{`f:6:5: warning: hook "freeze": `},
		},
		"a script that is not in the files": {
			head + "spec:\n  hooks:\n  - name: verify\n    stages: [PostRestore]\n    script:\n      name: verify-bd\n---\n" +
				"apiVersion: quiesce.io/v1alpha1\nkind: HookScript\nmetadata: {name: verify-db}\nspec: {script: \"#!/bin/sh\\ntrue\\n\"}\n",
			[]string{`f:9:7: warning: there is no HookScript "verify-bd" in these files: did you mean "verify-db"? (spec.hooks[verify].script.name)`},
		},
		"a template that there is not": {
			head + "spec:\n  template: {name: postgress}\n",
			[]string{`f:5:14: warning: there is no HookTemplate "postgress" in these files: did you mean "postgresql"? (spec.template.name)`},
		},
		"a param that the template does not have": {
			head + "spec:\n  template:\n    name: postgresql\n    params:\n    - name: nosuch\n      value: x\n",
			[]string{`f:8:7: error: HookTemplate "postgresql" has no such param`},
		},
		"a field that a Job does not have": {
			head + "spec:\n  hooks:\n  - name: copy\n    stages: [PostBackup]\n    runOn: Session\n    job:\n      template:\n        spec:\n          template:\n            spec:\n              containers:\n              - name: a\n                image: a\n                comand: [a]\n",
			[]string{`f:17:17: error: there is no field "comand" here: correct or remove it (spec.hooks[0].job.template.spec.template.spec.containers[0].comand)`},
		},
		"a script without an interpreter": {
			"apiVersion: quiesce.io/v1alpha1\nkind: HookScript\nmetadata: {name: a}\nspec:\n  script: |\n    echo\n",
			[]string{`f:5:3: error: "echo\n": write the interpreter in the first line`},
		},
		"a param of a template that no hook has": {
			"apiVersion: quiesce.io/v1alpha1\nkind: HookTemplate\nmetadata: {name: a}\nspec:\n  application: A\n  params:\n  - name: used\n  - name: unused\n" +
				"  hooks: [{name: a, stages: [PreBackup], exec: {command: [a, $(used)]}}]\n",
			[]string{`f:8:5: error: no hook has $(unused)`},
		},
		"a session whose copy has no place": {
			"apiVersion: quiesce.io/v1alpha1\nkind: HookSession\nmetadata: {name: a, namespace: shop}\nspec:\n  operation: Clone\n  destination: {namespace: shop}\n",
			[]string{`f:6:17: error: the copy needs a namespace of its own`},
		},
		"an old version": {
			"kind: HookPolicy\napiVersion: quiesce.io/v1\nmetadata: {name: a}\n",
			[]string{`f:2:1: error: quiesce.io/v1 has no kind HookPolicy: write quiesce.io/v1alpha1 (apiVersion)`},
		},
		"another group": {
			"kind: HookPolicy\napiVersion: quiesce/v1alpha1\nmetadata: {name: a}\n",
			[]string{`f:2:1: error: quiesce/v1alpha1 has no kind HookPolicy: write quiesce.io/v1alpha1 (apiVersion)`},
		},
		"a kind that there is not": {
			"apiVersion: quiesce.io/v1alpha1\nkind: HookPolice\nmetadata: {name: a}\n",
			[]string{`f:2:1: error: there is no kind "HookPolice": did you mean "HookPolicy"? (kind)`},
		},
		"no name": {
			"apiVersion: quiesce.io/v1alpha1\nkind: HookScript\nmetadata: {}\nspec: {script: \"#!/bin/sh\\n\"}\n",
			[]string{"f:3:1: error: there is no name: write it (metadata.name)"},
		},
		"a cluster-wide policy in a namespace": {
			"apiVersion: quiesce.io/v1alpha1\nkind: HookPolicy\nmetadata: {name: a, namespace: shop}\nspec: {hooks: [{name: a, stages: [PreBackup], exec: {command: [a]}}]}\n",
			[]string{"f:3:21: warning: a HookPolicy is for the whole cluster and in no namespace: leave it out, or write kind: NamespacedHookPolicy"},
		},
		"the same object twice": {
			strings.Repeat("---\n"+head+"spec: {hooks: [{name: a, stages: [PreBackup], exec: {command: [a]}}]}\n", 2),
			[]string{`f:9:12: warning: HookPolicy "a" is at f:2:1 as well`},
		},
		"a mistake in an item of a list": {
			"apiVersion: v1\nkind: List\nitems:\n- apiVersion: quiesce.io/v1alpha1\n  kind: HookPolicy\n  metadata: {name: a}\n  spec:\n    hooks: []\n",
			[]string{"f:7:3: error: write at least one hook"},
		},
		"a mistake behind an anchor": {
			head + "spec:\n  hooks:\n  - name: a\n    stages: [PreBackup]\n    exec: &run\n      command: [-a]\n  - name: b\n    stages: [PostBackup]\n    exec: *run\n",
			[]string{`f:9:17: error: "-a" is an option`, `f:9:17: error: "-a" is an option`},
		},
		"a key that is there twice": {
			head + "spec:\n  shell: None\n  shell: Posix\n  hooks: [{name: a, stages: [PreBackup], exec: {command: [a]}}]\n",
			[]string{`f:6:3: error: the key "shell" is there twice`},
		},
		"a tab": {
			"apiVersion: quiesce.io/v1alpha1\nkind: HookPolicy\nmetadata:\n\tname: a\n",
			[]string{"f:4:1: error: the line is indented with a tab, which YAML does not allow: write spaces"},
		},
		"no YAML": {
			"a: b\n---\na: b: c\n",
			[]string{"f:1:1: error: this object has no kind", "f:3:1: error: this is no YAML: mapping values are not allowed in this context"},
		},
		"a chart's template": {
			"apiVersion: quiesce.io/v1alpha1\nkind: HookPolicy\nmetadata:\n  name: {{ .Release.Name }}\n",
			[]string{"f:4:9: error: this is a template that has not been rendered: give its output, such as that of helm template RELEASE CHART"},
		},
		"a chart's template in quotes": {
			"apiVersion: quiesce.io/v1alpha1\nkind: HookScript\nmetadata:\n  name: \"{{ .Release.Name }}\"\nspec: {script: \"#!/bin/sh\\n\"}\n",
			[]string{"f:4:3: error: this is a template that has not been rendered"},
		},
		"Windows line ends and a byte order mark": {
			"\xEF\xBB\xBF" + strings.ReplaceAll(head+"spec:\n  shell: Bash\n  hooks: [{name: a, stages: [PreBackup], exec: {command: [a]}}]\n", "\n", "\r\n"),
			[]string{`f:5:3: error: "Bash" is not known here`},
		},
		"JSON, indented with tabs": {
			"{\n\t\"apiVersion\": \"quiesce.io/v1alpha1\",\n\t\"kind\": \"HookPolicy\",\n\t\"metadata\": {\"name\": \"a\"},\n\t\"spec\": {\n\t\t\"shel\": \"None\", \"hooks\": [{\"name\": \"a\", \"stages\": [\"PreBackup\"], \"exec\": {\"command\": [\"a\"]}}]\n\t}\n}\n",
			[]string{`f:6:3: error: there is no field "shel": did you mean "shell"? (spec.shel)`},
		},
		"UTF-16":                           {"\xFF\xFEa\x00", []string{"f:1:1: error: the file is in UTF-16: save it as UTF-8"}},
		"Latin-1":                          {"a: \xFC\n", []string{"f:1:1: error: the line is not in UTF-8: save the file as UTF-8"}},
		"a list of anything":               {"- a\n", []string{"f:1:1: error: this is no object of Kubernetes"}},
		"empty documents":                  {"---\n\n---\n# nothing\n---\n", []string{""}},
		"a directive":                      {"%YAML 1.1\n---\n" + head + "spec: {hooks: [{name: a, stages: [PreBackup], exec: {command: [a]}}]}\n", []string{""}},
		"objects of others":                {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nnosuch: b\n", []string{""}},
		"a status, which nobody reads":     {head + "spec: {hooks: [{name: a, stages: [PreBackup], exec: {command: [a]}}]}\nstatus: {nosuch: 1}\n", []string{""}},
		"a name that the server completes": {strings.Replace(head, "name: a", "generateName: a-", 1) + "spec: {hooks: [{name: a, stages: [PreBackup], exec: {command: [a]}}]}\n", []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			got := linted(t, test.content)
			require.Len(t, got, len(test.want), strings.Join(got, "\n"))
			for i, want := range test.want {
				if want == "" {
					assert.Empty(t, got[i])
				}
				assert.True(t, strings.HasPrefix(got[i], want), "got  %s\nwant %s", got[i], want)
			}
		})
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		want    []string
	}{
		"of a shape, a rule and what only a compilation finds": {
			head + "spec:\n  selector: {containerImages: [\"(\"]}\n  hooks:\n  - name: a\n    stages: [BeforeSnapshot]\n    exec: {command: [a]}\n    timeout: 1d\n",
			[]string{"f:5:32: error: this is no regular expression", `f:8:14: error: "BeforeSnapshot" is not known here`, `f:10:5: error: "1d": write a duration`},
		},
		"of references, beside a wrong priority": {
			head + "spec:\n  priority: high\n  template: {name: postgress}\n  hooks:\n  - name: a\n    stages: [PreBackup]\n    script: {name: nosuch}\n",
			[]string{"f:5:3: error: it is a string and must be an integer", `f:6:14: warning: there is no HookTemplate "postgress"`, `f:10:14: warning: there is no HookScript "nosuch"`},
		},
		"of hooks, beside one whose shape is wrong": {
			head + "spec:\n  hooks:\n  - {name: a, stages: [PreBackup], hold: {command: [a]}}\n" +
				"  - {name: b, stages: [PreBackup]}\n  - {name: c, stages: [PreBackup], exec: {command: [-c]}}\n  - {name: d, stages: [PreBackup], exec: {command: [-d]}}\n",
			[]string{"f:6:36: error: there is no readyPattern", "f:7:5: error: write exactly one action", `f:8:53: error: "-c" is an option`, `f:9:53: error: "-d" is an option`},
		},
		"of a hold, the stage of which is wrong as well": {
			head + "spec:\n  hooks:\n  - {name: a, stages: [Before], hold: {command: [a], readyPattern: \"(\"}}\n",
			[]string{`f:6:24: error: "Before" is not known here`, "f:6:54: error: this is no regular expression"},
		},
		"and none that follows from an unknown field": {
			head + "spec:\n  hooks:\n  - {name: a, stages: [PreBackup], exce: {command: [a]}}\n",
			[]string{`f:6:36: error: there is no field "exce"`},
		},
		"and none that follows from a field that may have been hooks": {
			head + "spec:\n  hook: []\n", []string{`f:5:3: error: there is no field "hook": did you mean "hooks"?`},
		},
		"and none that follows from a wrong label": {
			head + "spec:\n  selector: {labelSelector: {matchLabels: {a.b/c: y}}}\n  hooks:\n  - {name: a, stages: [PreBackup], exec: {command: [a]}}\n",
			[]string{"f:5:44: error: it is true or false and must be a string"},
		},
		"in the open parts of a Job": {
			head + "spec:\n  hooks:\n  - name: a\n    stages: [PreBackup]\n    runOn: Session\n    job: {template: {spec: {template: {spec: {containers: [{name: a, imag: a, comand: [a]}]}}}}}\n",
			[]string{`f:9:70: error: there is no field "imag"`, `f:9:79: error: there is no field "comand"`},
		},
		"of the params of a template": {
			head + "spec: {template: {name: postgresql, params: [{name: one, value: x}, {name: two, value: x}]}}\n",
			[]string{`f:4:46: error: HookTemplate "postgresql" has no such param`, `f:4:69: error: HookTemplate "postgresql" has no such param`},
		},
		"of an object whose name is none": {
			"apiVersion: quiesce.io/v1alpha1\nkind: HookPolicy\nmetadata: {name: y, labels: [a]}\nspec: {hooks: [{name: a, stages: [PreBackup], exec: {command: [-a]}}]}\n",
			[]string{"f:3:12: error: it is true or false and must be a string: write it in quotes (metadata.name)",
				"f:3:21: error: it is a list and must be a mapping (metadata.labels)", `f:4:64: error: "-a" is an option`},
		},
		"of a template's hooks": {
			"apiVersion: quiesce.io/v1alpha1\nkind: HookTemplate\nmetadata: {name: Bad_Name}\nspec:\n  application: A\n  hooks:\n" +
				"  - {name: a, stages: [PreBackup], exec: {command: [-a]}}\n  - {name: b, stages: [PreBackup], timeout: 1, exec: {command: [b]}}\n  - {name: c, stages: [PreBackup], exec: {command: [-c]}}\n",
			[]string{`f:3:12: error: "Bad_Name": write lower-case letters, digits, hyphens and dots, with a letter or digit at both ends`,
				`f:7:53: error: "-a" is an option`, "f:8:36: error: it is an integer and must be a string", `f:9:53: error: "-c" is an option`},
		},
		"in words of ours": {
			head + "spec:\n  hooks:\n  - {name: a, stages: [PreBackup], exec: {command: [a]}, maxRetries: 99}\n  - {name: b, stages: [PreBackup], hold: {command: [a], readyPattern: \"\"}}\n",
			[]string{"f:6:58: error: write at most 10 (", "f:7:57: error: it is empty: write it, or leave the field out ("},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := linted(t, test.content)
			require.Len(t, got, len(test.want), strings.Join(got, "\n"))
			for i, want := range test.want {
				assert.True(t, strings.HasPrefix(got[i], want), "got  %s\nwant %s", got[i], want)
			}
		})
	}
}

func TestWhatIsNotCheckedForWantOfOthersIsSaid(t *testing.T) {
	_, errOut, _ := run(t, head+"spec: {hooks: [{name: a, stages: [PreBackup], exce: {command: [a]}}]}\n", "-f", "-")
	assert.Equal(t, "1 object in 1 file: 1 error, 0 warnings\nSome checks were skipped because of these errors: run it again once they are corrected.\n", errOut)
}

const repository = "../../../.."

func TestWhatWeDeliverIsClean(t *testing.T) {
	sources := fileflag.Sources{Names: []string{filepath.Join(repository, "config/samples"), filepath.Join(repository, "config/templates")}}
	files, err := sources.Read(nil)
	require.NoError(t, err)
	verdict, err := check(t.Context(), files)
	require.NoError(t, err)
	assert.Greater(t, verdict.objects, 30)
	assert.Empty(t, verdict.findings)
}

func TestTheYAMLOfTheDocumentationIsClean(t *testing.T) {
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```")
	documents, err := filepath.Glob(filepath.Join(repository, "docs/*.md"))
	require.NoError(t, err)
	applications, err := filepath.Glob(filepath.Join(repository, "docs/applications/*.md"))
	require.NoError(t, err)
	checked := 0
	for _, name := range append(append(documents, applications...), filepath.Join(repository, "README.md")) {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, match := range block.FindAllSubmatch(content, -1) {
			if !bytes.Contains(match[1], []byte("apiVersion: quiesce.io/")) {
				continue
			}
			verdict, err := check(t.Context(), []manifest.File{manifest.Read(filepath.Base(name), match[1])})
			require.NoError(t, err)
			checked += verdict.objects
			for _, f := range verdict.findings {
				// Examples refer to scripts and templates of other examples.
				if f.Severity == Error {
					t.Errorf("%s: %s\n%s", name, f.Message, match[1])
				}
			}
		}
	}
	assert.Greater(t, checked, 10)
}

// run is what the command prints, and its exit code.
func run(t *testing.T, stdin string, arguments ...string) (out, errOut string, code int) {
	t.Helper()
	streams, in, stdout, stderr := genericiooptions.NewTestIOStreams()
	in.WriteString(stdin)
	root, frame := command.NewRoot(streams)
	root.AddCommand(New(frame))
	code = command.Execute(root, streams, append([]string{"lint"}, arguments...))
	return stdout.String(), stderr.String(), code
}

func TestTheExitCodeTellsErrorsFromWhatCouldNotBeChecked(t *testing.T) {
	good := head + "spec: {hooks: [{name: a, stages: [PreBackup], exec: {command: [a]}}]}\n"
	warned := head + "spec: {hooks: [{name: a, stages: [PreSnapshot], exec: {command: [fsfreeze, -f, /data]}}]}\n"
	for name, test := range map[string]struct {
		stdin     string
		arguments []string
		code      int
		errOut    string
	}{
		"nothing is wrong":           {good, []string{"-f", "-"}, 0, "1 object in 1 file: 0 errors, 0 warnings\n"},
		"a warning":                  {warned, []string{"-f", "-"}, 0, "1 object in 1 file: 0 errors, 1 warning\n"},
		"a warning that is to fail":  {warned, []string{"-f", "-", "--strict"}, 1, "1 object in 1 file: 0 errors, 1 warning\n"},
		"an error":                   {head, []string{"-f", "-"}, 1, "1 object in 1 file: 1 error, 0 warnings\n"},
		"no files":                   {"", nil, 2, "error: write the files to check, such as -f policy.yaml, or -f - for standard input\nSee 'kubectl quiesce lint --help'\n"},
		"a file that there is not":   {"", []string{"-f", "nosuch.yaml"}, 1, "error: there is no file \"nosuch.yaml\"\n"},
		"a directory without files":  {"", []string{"-f", t.TempDir()}, 1, "error: there are no .yaml, .yml or .json files in "},
		"an address":                 {"", []string{"-f", "https://example.com/a.yaml"}, 2, "error: -f https://example.com/a.yaml: addresses are not read"},
		"nothing of ours":            {"apiVersion: v1\nkind: Pod\n", []string{"-f", "-"}, 1, "error: there are no objects of quiesce.io in the files: nothing was checked\n"},
		"a format that there is not": {good, []string{"-f", "-", "-o", "xml"}, 2, "error: --output \"xml\": write json or github\nSee 'kubectl quiesce lint --help'\n"},
		"standard input, read twice": {good, []string{"-f", "-", "-f", "-"}, 2, "error: -f -: standard input can be read once"},
	} {
		t.Run(name, func(t *testing.T) {
			_, errOut, code := run(t, test.stdin, test.arguments...)
			assert.Equal(t, test.code, code)
			assert.True(t, strings.HasPrefix(errOut, test.errOut), errOut)
		})
	}
}

func TestFindingsForMachines(t *testing.T) {
	bad := head + "spec:\n  shell: \"50%,\"\n  hooks: [{name: a, stages: [PreBackup], exec: {command: [a]}}]\n"
	out, _, _ := run(t, bad, "-f", "-", "-o", "github")
	assert.Equal(t, "::error file=-,line=5,col=3,title=kubectl quiesce lint HookPolicy \"a\"::\"50%25,\" is not known here: write Posix or None (spec.shell)\n", out)
	out, _, _ = run(t, bad, "-f", "-", "-o", "json")
	assert.JSONEq(t, `[{"file":"-","line":5,"column":3,"severity":"error","object":"HookPolicy \"a\"","field":"spec.shell","message":"\"50%,\" is not known here: write Posix or None"}]`, out)
	out, _, _ = run(t, head+"spec: {hooks: [{name: a, stages: [PreBackup], exec: {command: [a]}}]}\n", "-f", "-", "-o", "json")
	assert.Equal(t, "[]\n", out)
}
