package match

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const (
	maxRetries     = 10
	maxWaitTimeout = time.Hour
)

// checkConduct checks how a session is to go about a hook.
func checkConduct(hook *v1alpha1.Hook) error {
	if hook.Init != nil && !plain(hook) {
		return errors.New(": init containers run in every restored pod, once, before anything is ready: " +
			"leave out onlyIf, runOn, maxRetries, ifNotReady and executionPolicy")
	}
	if err := checkRunOn(hook); err != nil {
		return err
	}
	switch {
	case !slices.Contains([]v1alpha1.ExecutionPolicy{"", v1alpha1.Always, v1alpha1.OnSuccess, v1alpha1.OnFailure}, hook.ExecutionPolicy):
		return fmt.Errorf(".executionPolicy: %q is none: write Always, OnSuccess or OnFailure", hook.ExecutionPolicy)
	case cmp.Or(hook.ExecutionPolicy, v1alpha1.Always) != v1alpha1.Always && slices.ContainsFunc(hook.Stages, before):
		return fmt.Errorf(".executionPolicy: %q: before the backup there is no outcome yet: write Always, or only stages of after it", hook.ExecutionPolicy)
	case hook.MaxRetries < 0 || hook.MaxRetries > maxRetries:
		return fmt.Errorf(".maxRetries: %d: write 0 to %d", hook.MaxRetries, maxRetries)
	case !slices.Contains([]v1alpha1.PodState{"", v1alpha1.PodRunning, v1alpha1.PodReady}, hook.WaitFor):
		return fmt.Errorf(".waitFor: %q is none: write Running or Ready", hook.WaitFor)
	case !slices.Contains([]v1alpha1.IfNotReady{"", v1alpha1.FailNotReady, v1alpha1.SkipNotReady, v1alpha1.WaitNotReady}, hook.IfNotReady):
		return fmt.Errorf(".ifNotReady: %q is none: write Fail, Skip or Wait", hook.IfNotReady)
	}
	if err := hook.WaitTimeout.Check(1, maxWaitTimeout); err != nil {
		return fmt.Errorf(".waitTimeout: %w", err)
	}
	if hook.OnlyIf != nil {
		return checkCommand(".onlyIf.command", hook.OnlyIf.Command)
	}
	return nil
}

// checkRunOn checks in how many pods a hook is to run, or that it needs none.
func checkRunOn(hook *v1alpha1.Hook) error {
	inPod := hook.HTTPGet == nil && hook.HTTPPost == nil && hook.TCPSocket == nil && hook.Job == nil
	switch {
	case !slices.Contains([]v1alpha1.RunOn{"", v1alpha1.EachPod, v1alpha1.OnePod, v1alpha1.OncePerSession}, hook.RunOn):
		return fmt.Errorf(".runOn: %q: write EachPod, OnePod or Session", hook.RunOn)
	case hook.RunOn == v1alpha1.OncePerSession && inPod:
		return fmt.Errorf(".runOn: %q: exec, script and hold run in a pod: write EachPod or OnePod", hook.RunOn)
	case hook.RunOn == v1alpha1.OncePerSession && (hook.Container != "" || hook.OnlyIf != nil || hook.IfNotReady != ""):
		return fmt.Errorf(".runOn: %q: there is no pod: leave out container, onlyIf and ifNotReady", hook.RunOn)
	}
	return nil
}

// plain tells whether a hook is run as it would be without a session.
func plain(hook *v1alpha1.Hook) bool {
	return hook.OnlyIf == nil && hook.MaxRetries == 0 && hook.IfNotReady == "" &&
		cmp.Or(hook.RunOn, v1alpha1.EachPod) == v1alpha1.EachPod && cmp.Or(hook.ExecutionPolicy, v1alpha1.Always) == v1alpha1.Always
}

func before(stage v1alpha1.Stage) bool { return strings.HasPrefix(string(stage), "Pre") }
