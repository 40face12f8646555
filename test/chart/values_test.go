package chart_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/restore"
)

func TestWrongValuesAreRefusedByName(t *testing.T) {
	tests := map[string]struct {
		set  string
		says string
	}{
		"a typo in a group":             {`webhooks.replicas=2`, `additional properties 'webhooks' not allowed`},
		"a typo in a value":             {`webhook.replica=2`, `at '/webhook': additional properties 'replica' not allowed`},
		"a value of the other half":     {`controller.failurePolicy=Fail`, `at '/controller': additional properties 'failurePolicy' not allowed`},
		"no replicas":                   {`webhook.replicas=0`, `at '/webhook/replicas'`},
		"replicas in words":             {`webhook.replicas=two`, `at '/webhook/replicas': got string, want integer`},
		"no controller":                 {`controller.replicas=0`, `at '/controller/replicas'`},
		"a policy that does not exist":  {`webhook.failurePolicy=Maybe`, `at '/webhook/failurePolicy': value must be one of 'Ignore', 'Fail'`},
		"a timeout beyond Kubernetes'":  {`webhook.timeoutSeconds=31`, `at '/webhook/timeoutSeconds'`},
		"a timeout of nothing":          {`webhook.timeoutSeconds=0`, `at '/webhook/timeoutSeconds'`},
		"a delay without a unit":        {`webhook.shutdownDelay=5`, `at '/webhook/shutdownDelay'`},
		"a delay that is too long":      {`webhook.shutdownDelay=61s`, `at '/webhook/shutdownDelay'`},
		"a namespace with a capital":    {`webhook.excludedNamespaces={Shop}`, `at '/webhook/excludedNamespaces/0'`},
		"a namespace as a glob":         {`webhook.excludedNamespaces={shop-*}`, `at '/webhook/excludedNamespaces/0'`},
		"one namespace, not a list":     {`webhook.excludedNamespaces=shop`, `at '/webhook/excludedNamespaces': got string, want array`},
		"an affinity that is not known": {`webhook.podAntiAffinity=hard`, `at '/webhook/podAntiAffinity'`},
		"a log level that is not known": {`controller.logLevel=loud`, `at '/controller/logLevel'`},
		"an argument that is no flag":   {`webhook.extraArgs={v=2}`, `at '/webhook/extraArgs/0'`},
		"a digest without its kind":     {`image.digest=0123456789abcdef`, `at '/image/digest'`},
		"an empty repository":           {`image.repository=`, `at '/image/repository'`},
		"a pull policy in small print":  {`image.pullPolicy=always`, `at '/image/pullPolicy'`},
		"a secret by name alone":        {`imagePullSecrets={registry}`, `at '/imagePullSecrets/0': got string, want object`},
		"keep in words":                 {`crds.keep=yes`, `at '/crds/keep': got string, want boolean`},
		"resources by another name":     {`webhook.resources.limit.memory=1Gi`, `at '/webhook/resources': additional properties 'limit' not allowed`},
		"Velero's sidecars in words":    {`velero.nativeSidecars=yes`, `at '/velero/nativeSidecars': got string, want boolean`},
		"another way with its hooks":    {`velero.backupHooks=Merge`, `at '/velero/backupHooks': value must be one of 'Yield', 'Override'`},
		"the gate as a switch":          {`velero.gate=false`, `at '/velero/gate': got boolean, want object`},
		"no backup at once":             {`velero.gate.concurrentBackups=0`, `at '/velero/gate/concurrentBackups'`},
		"a grace in no time":            {`velero.gate.startGrace=0s`, `at '/velero/gate/startGrace'`},
		"a group with a quote":          {`velero.gate.breakGlassGroups={a'b}`, `at '/velero/gate/breakGlassGroups/0'`},
		"a controller gone at once":     {`velero.gate.controllerGone.after=29s`, `at '/velero/gate/controllerGone/after'`},
		"another way out":               {`velero.gate.controllerGone.action=Wait`, `at '/velero/gate/controllerGone/action': value must be one of 'Open', 'Refuse'`},
		"a restore of another sort":     {`restore.failurePolicy=Warn`, `at '/restore/failurePolicy': value must be one of 'Fail', 'Ignore'`},
		"a restore without end":         {`restore.timeoutSeconds=31`, `at '/restore/timeoutSeconds'`},
		"a restore in no time":          {`restore.timeoutSeconds=0`, `at '/restore/timeoutSeconds'`},
		"a restore with a unit":         {`restore.timeoutSeconds=10s`, `at '/restore/timeoutSeconds': got string, want integer`},
		"a typo of restores":            {`restore.label={a}`, `at '/restore': additional properties 'label' not allowed`},
		"one label, not a list":         {`restore.labels=a`, `at '/restore/labels': got string, want array`},
		"a label with its value":        {`restore.labels={a=b}`, `at '/restore/labels/0'`},
		"an empty label":                {`restore.labels={a,}`, `at '/restore/labels/1'`},
		"two labels in one":             {`restore.labels={a\,b}`, `at '/restore/labels/0'`},
		"a label with a quote":          {`restore.labels={a"b}`, `at '/restore/labels/0'`},
		"a label of two slashes":        {`restore.labels={a/b/c}`, `at '/restore/labels/0'`},
		"a label with an end":           {`restore.labels={a-}`, `at '/restore/labels/0'`},
		"a label of a wrong domain":     {`restore.labels={Example.com/a}`, `at '/restore/labels/0'`},
		"a label of a domain, in part":  {`restore.labels={a..b/c}`, `at '/restore/labels/0'`},
		"a label that is too long":      {`restore.labels={` + strings.Repeat("x", 64) + `}`, `at '/restore/labels/0'`},
		"too many labels":               {`restore.labels={` + strings.Repeat("x,", 16) + `x}`, `at '/restore/labels': maxItems: got 17, want 16`},
		"an annotation with a space":    {`restore.annotations={a b}`, `at '/restore/annotations/0'`},
		"too many annotations":          {`restore.annotations={` + strings.Repeat("x,", 16) + `x}`, `at '/restore/annotations': maxItems: got 17, want 16`},
		"no hooks at all":               {`sessions.hooksAtOnce=0`, `at '/sessions/hooksAtOnce'`},
		"a limit without a unit":        {`sessions.handoverLimit=60`, `at '/sessions/handoverLimit'`},
		"a time that is none":           {`sessions.ttl=forever`, `at '/sessions/ttl'`},
		"no stamps at all":              {`controller.stampsPerSecond=0`, `at '/controller/stampsPerSecond'`},
		"stamps in words":               {`controller.stampsPerSecond=many`, `at '/controller/stampsPerSecond': got string, want integer`},
		"an uninstall without a unit":   {`uninstall.timeout=300`, `at '/uninstall/timeout'`},
		"an uninstall in two units":     {`uninstall.timeout=1m30s`, `at '/uninstall/timeout'`},
		"an uninstall in no time":       {`uninstall.timeout=0s`, `at '/uninstall/timeout'`},
		"authorship as a switch":        {`authorship=false`, `at '/authorship': got boolean, want object`},
		"a scrape without a unit":       {`metrics.serviceMonitor.interval=30`, `at '/metrics/serviceMonitor/interval'`},
		"a monitor without metrics":     {`metrics.enabled=false,metrics.serviceMonitor.enabled=true`, `metrics.serviceMonitor.enabled needs metrics.enabled`},
		"metrics as a switch":           {`metrics=true`, `at '/metrics': got boolean, want object`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := helm(t, "template", "quiesce", chart, "--kube-version", kubeVersion, "--set", test.set)
			assert.ErrorContains(t, err, test.says)
		})
	}
}

// A key that only the chart takes would keep the webhook from starting.
func TestTheChartTakesThoseKeysOfRestoredPodsThatTheWebhookTakes(t *testing.T) {
	long := strings.Repeat("x", 63)
	good := []string{"a", "A", "0", "a_b.c-D", "example.com/a", "a/b", "a-b.c--d.e0/F_g", "0.1/2", long, long + ".example.com/" + long}
	bad := []string{"a..b/c", ".a/b", "a./b", "a.-b/c", "a-.b/c", "A/b", "/a", "a/", "a/b/c", "-a", "a.", "_", "ä", "a b", "a:b", "a/x" + long}
	for _, list := range []string{"labels", "annotations"} {
		t.Run(list, func(t *testing.T) {
			template := func(keys []string) error {
				content, err := json.Marshal(keys)
				require.NoError(t, err)
				_, err = helm(t, "template", "quiesce", chart, "--kube-version", kubeVersion, "--set-json", "restore."+list+"="+string(content))
				return err
			}
			add := map[string]func(*restore.Markers, string) error{
				"labels": (*restore.Markers).AddLabels, "annotations": (*restore.Markers).AddAnnotations,
			}[list]
			require.NoError(t, template(good))
			for _, key := range good {
				assert.NoError(t, add(&restore.Markers{}, key))
			}
			err := template(bad)
			for i, key := range bad {
				assert.ErrorContains(t, err, fmt.Sprintf("at '/restore/%s/%d'", list, i), key)
				assert.Error(t, add(&restore.Markers{}, key))
			}
		})
	}
}

func TestAnOldClusterIsRefused(t *testing.T) {
	_, err := helm(t, "template", "quiesce", chart, "--kube-version", "1.29.9")
	assert.ErrorContains(t, err, "chart requires kubeVersion: >=1.30.0-0")
}

func TestLint(t *testing.T) {
	for _, values := range valueFiles(t) {
		_, err := helm(t, "lint", "--strict", chart, "--values", filepath.Join("testdata", values))
		assert.NoError(t, err, values)
	}
}

// schema is as much of a JSON schema as the test below reads.
type schema struct {
	Ref                  string            `json:"$ref"`
	Description          string            `json:"description"`
	AdditionalProperties any               `json:"additionalProperties"`
	Properties           map[string]schema `json:"properties"`
	Defs                 map[string]schema `json:"$defs"`
}

func TestEveryValueIsDescribed(t *testing.T) {
	var values map[string]any
	content, err := os.ReadFile(filepath.Join(chart, "values.yaml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(content, &values))

	var root schema
	content, err = os.ReadFile(filepath.Join(chart, "values.schema.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(content, &root))

	content, err = os.ReadFile(filepath.Join(chart, "README.md"))
	require.NoError(t, err)
	readme := string(content)

	var walk func(path string, at schema, values map[string]any)
	walk = func(path string, at schema, values map[string]any) {
		for key, value := range values {
			name := strings.TrimPrefix(path+"."+key, ".")
			property, known := at.Properties[key]
			if reference, isRef := strings.CutPrefix(property.Ref, "#/$defs/"); isRef {
				property = root.Defs[reference]
			}
			assert.True(t, known, "%s is not in values.schema.json", name)
			assert.NotEmpty(t, property.Description, "%s has no description in values.schema.json", name)

			// The resources are one value to whoever reads about them.
			if group, isGroup := value.(map[string]any); isGroup && len(group) > 0 && key != "resources" {
				assert.Equal(t, false, property.AdditionalProperties, "%s lets typos pass", name)
				walk(name, property, group)
				continue
			}
			assert.Contains(t, readme, "`"+name+"`", "the README's table lacks a value")
		}
	}
	walk("", root, values)
}
