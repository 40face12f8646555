package command

import (
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// printing is a command that prints a pod, and says whether it came to that.
func printing(own []string, args ...string) (ran bool, code int, out, errOut string) {
	streams, _, outBuffer, errBuffer := genericiooptions.NewTestIOStreams()
	root, frame := NewRoot(streams)
	var printer *Print
	c := &cobra.Command{Use: "list", RunE: func(*cobra.Command, []string) error {
		ran = true
		pod := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Name: "db-0"}}
		if !printer.Objects() {
			return nil
		}
		return printer.Object(frame.Out, pod)
	}}
	printer = NewPrint(c, own...)
	root.AddCommand(c)
	code = Execute(root, streams, append([]string{"list"}, args...))
	return ran, code, outBuffer.String(), errBuffer.String()
}

func TestWhatCannotBePrintedIsRefusedBeforeACommandRuns(t *testing.T) {
	const rest = "json, yaml, kyaml, name, go-template, go-template-file, jsonpath, jsonpath-as-json or jsonpath-file\nSee 'kubectl quiesce list --help'\n"
	for _, test := range []struct {
		own  []string
		args []string
		want string
	}{
		{[]string{"wide"}, []string{"-o", "foo"}, `error: --output "foo": write wide, ` + rest},
		{nil, []string{"-o", "wide"}, `error: --output "wide": write ` + rest},
		{nil, []string{"-o", "jsonpath={.a"}, "error: --output \"jsonpath={.a\": error parsing jsonpath {.a, unclosed action\nSee 'kubectl quiesce list --help'\n"},
	} {
		ran, code, out, errOut := printing(test.own, test.args...)
		assert.False(t, ran)
		assert.Equal(t, ExitUsage, code)
		assert.Equal(t, test.want, errOut)
		assert.Empty(t, out)
	}
}

func TestObjectsArePrintedAsKubectlPrintsThem(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, ""},
		{[]string{"-o", "wide"}, ""},
		{[]string{"-o", "name"}, "pod/db-0\n"},
		{[]string{"-o", "jsonpath={.metadata.name}"}, "db-0"},
		{[]string{"--template", "{{.kind}}"}, "Pod"},
	} {
		ran, code, out, errOut := printing([]string{"wide"}, test.args...)
		require.Equal(t, ExitOK, code, errOut)
		assert.True(t, ran)
		assert.Equal(t, test.want, out, test.args)
	}
}
