package command

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func TestErrorsAreSentences(t *testing.T) {
	away := &url.Error{Op: "Get", URL: "https://10.0.0.1:6443/api", Err: syscall.ECONNREFUSED}
	const cannot = "the cluster cannot be reached at https://10.0.0.1:6443: connection refused. Is it up, and is the context the right one?"
	tests := map[string]struct {
		err  error
		want string
	}{
		"nobody answers":          {fmt.Errorf("cancelling a: %w", away), cannot},
		"a signal ends a request": {&url.Error{Op: "Get", URL: "https://10.0.0.1:6443/api", Err: context.Canceled}, "interrupted before the cluster had answered"},
		"several have failed":     {errors.Join(errors.New("a is not thawed"), away, errors.New("b is not thawed")), "a is not thawed\n" + cannot + "\nb is not thawed"},
		"in an exit code":         {&ExitError{Code: 1, Err: errors.Join(errors.New("one"), errors.Join(errors.New("two")))}, "one\ntwo"},
		"one that is made of two": {fmt.Errorf("%w, since %w", errors.New("it failed"), errors.New("it broke")), "it failed, since it broke"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, Sentence(test.err))
		})
	}
}

func TestEachErrorIsPrintedAsOneAndObeyedByNoTerminal(t *testing.T) {
	streams, _, _, errOut := genericiooptions.NewTestIOStreams()
	root := &cobra.Command{Use: "c", SilenceErrors: true, SilenceUsage: true, RunE: func(*cobra.Command, []string) error {
		return errors.Join(errors.New("one"), errors.New("two \x1b[2J"))
	}}
	assert.Equal(t, ExitFailure, Execute(root, streams, []string{}))
	assert.Equal(t, "error: one\nerror: two \\x1b[2J\n", errOut.String())
}
