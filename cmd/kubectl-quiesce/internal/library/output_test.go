package library

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/quiesce-io/quiesce/config/templates"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func hoursOld(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(time.Now().Add(-5*time.Hour - time.Minute))}
}

func inUse(status metav1.ConditionStatus, reason, message string) []metav1.Condition {
	return []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: status, Reason: reason, Message: message}}
}

func someScripts() []v1alpha1.HookScript {
	return []v1alpha1.HookScript{
		{ObjectMeta: hoursOld("large"), Spec: v1alpha1.HookScriptSpec{Script: "#!/usr/bin/env python3\n" + strings.Repeat("#", 20_000)}},
		{
			ObjectMeta: hoursOld("verify-db"),
			Spec:       v1alpha1.HookScriptSpec{Script: "#!/bin/sh -e\nsync\n", Notes: "Looked after by\nthe storage team.\x1b[2J"},
			Status: v1alpha1.HookScriptStatus{
				Usage:      v1alpha1.Usage{Uses: 2, Users: "HookPolicy/postgres, NamespacedHookPolicy/shop/db"},
				Conditions: inUse(metav1.ConditionTrue, v1alpha1.ReasonUsable, ""),
			},
		},
		{ObjectMeta: hoursOld("wrong"), Spec: v1alpha1.HookScriptSpec{Script: "sync"}},
	}
}

func somePolicies() []policy {
	postgres := &v1alpha1.HookPolicy{
		ObjectMeta: hoursOld("postgres"),
		Spec:       v1alpha1.HookPolicySpec{Priority: 100, Template: &v1alpha1.TemplateUse{Name: "postgresql"}},
		Status: v1alpha1.HookPolicyStatus{MatchedPods: 12, StampedPods: 11,
			Conditions: inUse(metav1.ConditionTrue, v1alpha1.ReasonInUse, "In use; 11 of 12 matching pods stamped")},
	}
	team := &v1alpha1.NamespacedHookPolicy{ObjectMeta: hoursOld("db"), Spec: v1alpha1.HookPolicySpec{Suspend: true}}
	team.Namespace = "shop"
	broken := team.DeepCopy()
	broken.Name, broken.Spec.Suspend = "broken", false
	broken.Status.Conditions = inUse(metav1.ConditionFalse, v1alpha1.ReasonScriptNotFound, `there is no HookScript "x"`)
	return []policy{ofCluster(postgres), ofNamespace(broken), ofNamespace(team)}
}

func TestTables(t *testing.T) {
	all, err := templates.All()
	require.NoError(t, err)
	all[0].Status.Users = "HookPolicy/cassandra"
	for name, content := range map[string]table{
		"scripts": scriptsTable(someScripts()), "templates": templatesTable(all[:4], false), "delivered": templatesTable(all[:4], true),
		"policies": policiesTable(somePolicies(), false), "policies-everywhere": policiesTable(somePolicies(), true),
	} {
		for output, file := range map[string]string{"": name + ".txt", "wide": name + ".wide.txt"} {
			t.Run(file, func(t *testing.T) {
				c := &cobra.Command{}
				f := newFormat(c)
				require.NoError(t, c.ParseFlags([]string{"-o", output}))
				require.False(t, f.Objects())
				var out bytes.Buffer
				require.NoError(t, f.print(&out, content))
				golden(t, file, out.String())
			})
		}
	}
}

func TestListsArePrintedAsKubectlPrintsThem(t *testing.T) {
	items := make([]unstructured.Unstructured, 0, 2)
	for _, script := range someScripts()[1:] {
		script.CreationTimestamp = metav1.Time{}
		script.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubectl"}}
		item, err := plainly(&script)
		require.NoError(t, err)
		items = append(items, *item)
	}
	for output, want := range map[string]string{
		"name":                       "hookscript.quiesce.io/verify-db\nhookscript.quiesce.io/wrong\n",
		"jsonpath={..metadata.name}": "verify-db wrong",
		"go-template={{len .items}}": "2",
		"jsonpath={.items[1].kind}":  "HookScript",
	} {
		c := &cobra.Command{}
		f := newFormat(c)
		require.NoError(t, c.ParseFlags([]string{"-o", output}))
		require.True(t, f.Objects())
		var out bytes.Buffer
		require.NoError(t, f.list(&out, items))
		assert.Equal(t, want, out.String(), output)
	}
	c := &cobra.Command{}
	f := newFormat(c)
	require.NoError(t, c.ParseFlags([]string{"-o", "yaml"}))
	var out bytes.Buffer
	require.NoError(t, f.list(&out, items))
	golden(t, "scripts.yaml", out.String())
}

func TestSizesAreForPeople(t *testing.T) {
	for bytes, want := range map[int]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 98304: "96.0 KiB"} {
		assert.Equal(t, want, size(bytes))
	}
}

func TestATemplateIsShownWithItsHooksByTheirStages(t *testing.T) {
	all, err := templates.All()
	require.NoError(t, err)
	shown := map[string]bool{"postgresql": false, "elasticsearch": false, "mysql": false, "jenkins": false, "fsfreeze": true}
	for i := range all {
		scripts, is := shown[all[i].Name]
		if !is {
			continue
		}
		t.Run(all[i].Name, func(t *testing.T) {
			var out bytes.Buffer
			showTemplate(page{&out, 100}, &all[i], scripts, false)
			golden(t, all[i].Name+".show.txt", out.String())
		})
	}
}

func TestEveryActionIsShown(t *testing.T) {
	template := &v1alpha1.HookTemplate{ObjectMeta: metav1.ObjectMeta{Name: "all"}, Spec: readSpec(t, "testdata/all.template.yaml")}
	var out bytes.Buffer
	showTemplate(page{&out, 80}, template, false, false)
	golden(t, "all.show.txt", out.String())
}

func TestATemplateCannotSetTheTerminal(t *testing.T) {
	template := &v1alpha1.HookTemplate{ObjectMeta: metav1.ObjectMeta{Name: "all"}, Spec: readSpec(t, "testdata/all.template.yaml")}
	template.Spec.Application, template.Spec.Description = "a\x1b[31m", "b\x1b[2Jc"
	template.Spec.Hooks[0].Exec.Command = []string{"printf", "\x1b]0;title\a"}
	var out bytes.Buffer
	showTemplate(page{&out, 80}, template, true, true)
	assert.NotContains(t, out.String(), "\x1b")
	assert.NotContains(t, out.String(), "\a")
	assert.Contains(t, out.String(), `b\x1b[2Jc`)
	assert.NotContains(t, out.String(), "Used by", "it is in no cluster")
}
