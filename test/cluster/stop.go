package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// stopPatience is how long a part may take to end by itself: as long as a pod has by default.
const stopPatience = 30 * time.Second

// stop ends one part and nothing else; without patience it is killed. The next `up` starts it again.
func stop(l layout, name string, patience time.Duration) error {
	if !slices.Contains(partNames, name) {
		return fmt.Errorf("no part %q; there are %s", name, strings.Join(partNames, ", "))
	}
	if os.Geteuid() != 0 {
		return errors.New("stop needs root, as up does")
	}
	release, err := lock(l.cluster+".lock", "the cluster")
	if err != nil {
		return err
	}
	defer release()
	if _, err := l.readChoices(); err != nil {
		return err
	}
	return l.stopPart(name, patience)
}

// stopPart ends the process that the pid file names, then what that process has left behind, such as Velero's plugins:
// in a container they would have ended with it. Only containerd's shims stay, since containers outlive containerd.
func (l layout) stopPart(name string, patience time.Duration) error {
	state, id := l.state(name)
	var remaining []identity
	if state == running {
		remaining = end([]identity{id}, patience)
	}
	if name != "containerd" {
		remaining = append(remaining, end(l.markedAs(name), 0)...)
	}
	if len(remaining) > 0 {
		return errors.New(describeRemaining(remaining))
	}
	if err := os.Remove(l.pid(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if state == running {
		say("stopped %s (pid %d); `up` starts it again", name, id.PID)
	} else {
		say("%s does not run", name)
	}
	return nil
}
