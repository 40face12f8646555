package convert

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// FuzzTexts has every text that a user may write be anything at all, where mutations of YAML would rarely come.
func FuzzTexts(f *testing.F) {
	f.Add("shop", "data", "sync", "30s", "app")
	f.Add("shop-*", "a: b", "[\"sync\"]", "90", "yes")
	f.Add("b{a,b}", "#x\n---\n", "line\n more\n\n", "-1h", "")
	f.Add("*", "\u2028\x85", " - [x]: {y} # z", "1e3", "1:30")
	f.Add("?", "null", "[\"a\\nb\", \"c \\n\"]", "9000h", "0x1")
	f.Fuzz(func(t *testing.T, namespace, name, command, duration, label string) {
		type object = map[string]any
		metadata := object{"name": name, "namespace": namespace, "labels": object{"app": label, label: "x"}, "annotations": object{
			"pre.hook.backup.velero.io/command": command, "pre.hook.backup.velero.io/timeout": duration, "pre.hook.backup.velero.io/" + name: label,
			"post.hook.backup.velero.io/command": "[" + command, "post.hook.restore.velero.io/command": command, "post.hook.restore.velero.io/wait-timeout": duration,
			"init.hook.restore.velero.io/container-image": "busybox", "init.hook.restore.velero.io/command": command, "init.hook.restore.velero.io/container-name": name,
		}}
		exec := object{"command": []string{command, name}, "onError": label, "container": name}
		entry := object{
			"name": name, "includedNamespaces": []string{namespace}, "excludedNamespaces": []string{label}, "labelSelector": object{"matchLabels": object{"app": label}},
			"pre": []object{{"exec": exec}, {"exec": object{"command": []string{"sh", "-c", command}}}}, "post": []object{{"exec": object{"command": []string{name}}}},
		}
		input, err := json.Marshal(object{"apiVersion": "v1", "kind": "List", "items": []object{
			{"apiVersion": "v1", "kind": "Pod", "metadata": metadata},
			{"apiVersion": "batch/v1", "kind": "Job", "metadata": object{"name": name}, "spec": object{"template": object{"metadata": metadata}}},
			{"apiVersion": "velero.io/v1", "kind": "Backup", "metadata": object{"name": name}, "spec": object{
				"includedNamespaces": []string{label, namespace}, "orLabelSelectors": []object{{"matchLabels": object{"app": label}}}, "hooks": object{"resources": []object{entry, entry}},
			}},
		}})
		require.NoError(t, err)
		result, err := Convert(input, Options{})
		require.NoError(t, err)
		checkDocuments(t, &result, result.YAML())
	})
}

// FuzzTextsOfOtherTools is the same for the texts in hooks of other tools than Velero.
func FuzzTextsOfOtherTools(f *testing.F) {
	f.Add("shop", "pre-hook", "#!/bin/sh\n\tsync\n", "^db$", "app=shop", int64(10))
	f.Add("", "POST", "no interpreter\r\n\r\n", "(a|b)", "app in (a, b)", int64(-1))
	f.Add("b", "", "#!", ".*a.+", "=", int64(1<<40))
	f.Add("b", "x", "${DB_NAME} $(x) $$(y) ${WAIT_CMD}", `\bx\b`, "a=b,c", int64(0))
	f.Add("b", "x", "{{ .Name }} '${DB_NAME:=a}' \t\n \n", `a\*b`, "!a", int64(25))
	f.Fuzz(func(t *testing.T, namespace, name, text, expression, selector string, number int64) {
		type object = map[string]any
		metadata := object{"name": name, "namespace": namespace}
		of := func(group, kind string, spec any) object {
			return object{"apiVersion": group, "kind": kind, "metadata": metadata, "spec": spec}
		}
		const netapp, stash, stork = "protect.trident.netapp.io/v1", "core.kubestash.com/v1alpha1", "stork.libopenstorage.org/v1alpha1"
		exec := func(stage, action string, criteria ...object) object {
			return of(netapp, "ExecHook", object{"applicationRef": name, "stage": stage, "action": action, "hookSource": base64.StdEncoding.EncodeToString([]byte(text)),
				"arguments": []string{expression}, "timeout": number, "matchingCriteria": criteria})
		}
		criteria := []object{{"type": "containerImage", "value": expression}, {"type": "containerName", "value": expression}, {"type": "podLabel", "value": selector}, {"type": name, "value": text}}
		hook := object{"name": name, "hookTemplate": object{"name": name}, "params": object{"DB_NAME": expression, name: number}, "maxRetry": int32(number), "executionPolicy": expression,
			"variables": []object{{"name": "x", "value": text}}}
		executor := object{"type": "Pod", "pod": object{"selector": selector}}
		items := []object{
			exec("pre", "Snapshot", criteria...), exec("Post", "snapshot", criteria...), exec("Post", "Backup", object{"type": "namespaceName", "value": expression}), exec(name, expression),
			{"type": "application/astra-executionHook", "name": name, "stage": "pre", "action": "backup", "hookSourceID": text, "appID": expression},
			{"type": "application/astra-hookSource", "name": name, "id": text, "source": base64.StdEncoding.EncodeToString([]byte(text))},
			of(stash, "HookTemplate", object{"params": []object{{"name": "DB_NAME", "required": number > 0, "default": selector}, {"name": name}},
				"action": object{"exec": object{"command": []string{"sh", "-c", text, expression}}, "containerName": expression}, "executor": executor}),
			of(stash, "BackupConfiguration", object{"sessions": []object{{"name": name, "hooks": object{"preBackup": []object{hook}}}, {"hooks": object{"postBackup": []object{hook, hook}}}}}),
			of(stash, "RestoreSession", object{"hooks": object{"postRestore": []object{hook}}}),
			{"apiVersion": stash, "kind": "HookTemplate", "metadata": object{"name": name + "-2", "namespace": namespace}, "spec": object{
				"action":   object{"httpPost": object{"host": expression, "path": text, "port": selector, "body": text, "scheme": "http", "httpHeaders": []object{{"name": "X-A", "value": text}}}},
				"executor": object{"type": "Operator"}}},
			{"apiVersion": stork, "kind": "Rule", "metadata": metadata, "rules": []object{
				{"podSelector": object{"app": expression, selector: name}, "actions": []object{{"type": "command", "value": text, "background": number > 5, "runInSinglePod": number > 0}}},
				{"container": expression, "actions": []object{{"type": "command", "value": text}, {"type": expression, "value": text}}}}},
			of(stork, "ApplicationBackup", object{"namespaces": []string{expression}, "namespaceSelector": selector, "preExecRule": name, "postExecRule": expression}),
		}
		input, err := json.Marshal(object{"apiVersion": "v1", "kind": "List", "items": items})
		require.NoError(t, err)
		for _, options := range []Options{{}, {Namespaced: true, Stage: v1alpha1.PostBackup}} {
			result, err := Convert(input, options)
			require.NoError(t, err)
			checkDocuments(t, &result, result.YAML())
			again, err := Convert(input, options)
			require.NoError(t, err)
			require.Equal(t, string(result.YAML()), string(again.YAML()), "the same input gives the same output")
		}
	})
}

func TestRegularExpressionsThatAreTexts(t *testing.T) {
	for expression, want := range map[string]struct {
		text  string
		whole bool
	}{
		"mysql":           {"mysql", false},
		"^mysql$":         {"mysql", true},
		"^mysql":          {"mysql", false},
		"helm.sh/chart=a": {"helm.sh/chart=a", false},
		`chart=1\.0`:      {"chart=1.0", false},
		"^shop-.*$":       {},
		"(a|b)":           {},
		`\bmysql\b`:       {},
		"(?i)mysql":       {},
		"(^|/)postgres":   {},
		"[":               {},
		"":                {},
	} {
		t.Run(expression, func(t *testing.T) {
			text, whole := literal(expression)
			assert.Equal(t, want.text, text)
			assert.Equal(t, want.whole, whole)
		})
	}
}
