package walkthrough

import (
	"context"
	"fmt"
)

// Release is the namespace in which Quiesce runs.
const Release = "quiesce-system"

// Install installs the chart with the image that the cluster was given and further values, such as a=b, and waits until
// Quiesce is ready.
//
// What was installed before goes first, without being shown: the image may be another one under the same tag, which
// Helm cannot know, and an install that was interrupted cannot be upgraded.
func Install(ctx context.Context, terminal *Terminal, values ...string) error {
	for _, command := range [][]string{
		{"helm", "uninstall", "quiesce", "-n", Release, "--ignore-not-found", "--wait"},
		// The uninstall takes the controller's rights before its end, so it cannot hand over its lease: the next one would
		// wait for 15 s until that has run out.
		{"kubectl", "delete", "lease", "quiesce-controller", "-n", Release, "--ignore-not-found"},
	} {
		if _, err := terminal.Quietly().Run(ctx, command[0], command[1:]...); err != nil {
			return err
		}
	}
	arguments := []string{"install", "quiesce", "charts/quiesce", "-n", Release, "--create-namespace",
		"--set", "image.repository=quiesce.test/quiesce", "--set", "image.tag=dev", "--wait", "--timeout", "3m", "--hide-notes"}
	for _, value := range values {
		arguments = append(arguments, "--set", value)
	}
	if _, err := terminal.Run(ctx, "helm", arguments...); err != nil {
		return fmt.Errorf("%w\nexpected Quiesce to be ready: look at `kubectl get pods,events -n %s`", err, Release)
	}
	return nil
}
