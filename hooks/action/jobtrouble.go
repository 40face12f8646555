package action

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
)

// trouble is why a Job has failed, or has not come to its end.
type trouble struct {
	// reason is empty where the Job's own says as much.
	reason  Reason
	code    *int
	message string
	// pod and container are those whose output tells more, if there is one. Of a container that was started again, the
	// output of before does.
	pod, container string
	previous       bool
}

// trouble asks the pods, the newest first, and then the events. It is nil where nothing is known.
func (r *jobRun) trouble(ctx context.Context, pods []*corev1.Pod) *trouble {
	pods = slices.Clone(pods)
	slices.SortStableFunc(pods, func(a, b *corev1.Pod) int { return b.CreationTimestamp.Compare(a.CreationTimestamp.Time) })
	for _, ask := range []func(*corev1.Pod) *trouble{failedContainer, failedPod, waitingContainer, unscheduled} {
		for _, pod := range pods {
			if found := ask(pod); found != nil {
				return found
			}
		}
	}
	if len(pods) == 0 {
		if note := r.warning(ctx, r.job.UID); note != "" {
			return &trouble{message: "no pod could be created for it: " + note}
		}
		return nil
	}
	pod := pods[0]
	if running := runningContainer(pod); running != nil {
		return running
	}
	if note := r.warning(ctx, pod.UID); note != "" {
		return &trouble{message: fmt.Sprintf("pod %s does not start: %s", pod.Name, note)}
	}
	return &trouble{message: fmt.Sprintf("pod %s is %s%s", pod.Name, pod.Status.Phase, whatWaits(pod))}
}

// statuses are those of a pod's containers, in the order in which they run.
func statuses(pod *corev1.Pod) []corev1.ContainerStatus {
	return slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses)
}

// failedContainer is the first container of a pod that ended with another code than 0, or did so last when it was started again.
func failedContainer(pod *corev1.Pod) *trouble {
	var first *corev1.ContainerStatus
	var ended *corev1.ContainerStateTerminated
	for _, status := range statuses(pod) {
		terminated := failedState(&status)
		if terminated != nil && (ended == nil || terminated.FinishedAt.Before(&ended.FinishedAt)) {
			first, ended = &status, terminated
		}
	}
	if first == nil {
		return nil
	}
	code := int(ended.ExitCode)
	found := &trouble{reason: ExitCode, code: &code, pod: pod.Name, container: first.Name, previous: first.State.Running != nil}
	of := fmt.Sprintf("container %s of pod %s", first.Name, pod.Name)
	switch ended.Reason {
	case "OOMKilled":
		found.message = fmt.Sprintf("%s was ended for want of memory (OOMKilled, code %d): raise its resources.limits.memory", of, code)
	case "StartError", "ContainerCannotRun", "CreateContainerError", "RunContainerError":
		found.reason, found.code = NotStarted, nil
		found.message = fmt.Sprintf("%s could not be started (%s): %s", of, ended.Reason, ended.Message)
	default:
		found.message = fmt.Sprintf("%s ended with code %d", of, code)
		if pod.Status.Reason != "" { // such as Evicted
			found.message += fmt.Sprintf(" (%s: %s)", pod.Status.Reason, pod.Status.Message)
		}
	}
	return found
}

func failedState(status *corev1.ContainerStatus) *corev1.ContainerStateTerminated {
	for _, state := range []corev1.ContainerState{status.State, status.LastTerminationState} {
		if state.Terminated != nil && state.Terminated.ExitCode != 0 {
			return state.Terminated
		}
	}
	return nil
}

// failedPod is a pod that failed as a whole, such as one that was evicted.
func failedPod(pod *corev1.Pod) *trouble {
	if pod.Status.Phase != corev1.PodFailed {
		return nil
	}
	reason := Reason("")
	if pod.Status.Reason == "DeadlineExceeded" {
		reason = TimedOut
	}
	return &trouble{reason: reason, message: fmt.Sprintf("pod %s failed: %s: %s", pod.Name, cmp.Or(pod.Status.Reason, "no reason is given"), pod.Status.Message)}
}

// onItsWay are the reasons for which every container waits for a while.
var onItsWay = []string{"", "ContainerCreating", "PodInitializing"}

// waitingContainer is the first container of a pod that the kubelet cannot start.
func waitingContainer(pod *corev1.Pod) *trouble {
	for _, status := range statuses(pod) {
		waiting := status.State.Waiting
		if waiting == nil || slices.Contains(onItsWay, waiting.Reason) {
			continue
		}
		return &trouble{message: fmt.Sprintf("container %s of pod %s, image %q, cannot be started: %s: %s",
			status.Name, pod.Name, imageOf(pod, status.Name), waiting.Reason, waiting.Message)}
	}
	return nil
}

func imageOf(pod *corev1.Pod, container string) string {
	for _, other := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if other.Name == container {
			return other.Image
		}
	}
	return ""
}

// unscheduled is a pod for which there is no node.
func unscheduled(pod *corev1.Pod) *trouble {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return &trouble{message: fmt.Sprintf("no node takes pod %s: %s: %s", pod.Name, condition.Reason, condition.Message)}
		}
	}
	return nil
}

func runningContainer(pod *corev1.Pod) *trouble {
	for _, status := range statuses(pod) {
		if status.State.Running != nil {
			return &trouble{message: fmt.Sprintf("container %s of pod %s still ran", status.Name, pod.Name), pod: pod.Name, container: status.Name}
		}
	}
	return nil
}

// whatWaits names the first container that has not begun.
func whatWaits(pod *corev1.Pod) string {
	for _, status := range statuses(pod) {
		if waiting := status.State.Waiting; waiting != nil && waiting.Reason != "" {
			return fmt.Sprintf(", container %s waits (%s)", status.Name, waiting.Reason)
		}
	}
	return ""
}

// warning is what the newest event says that warns of an object.
func (r *jobRun) warning(ctx context.Context, of types.UID) string {
	list, err := r.core.Events(r.request.Namespace).List(ctx, metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("involvedObject.uid", string(of)).String()})
	if err != nil {
		return ""
	}
	note, last := "", metav1.Time{}
	for _, event := range list.Items {
		if at := toldAt(&event); event.InvolvedObject.UID == of && event.Type == corev1.EventTypeWarning && !at.Before(&last) {
			note, last = event.Reason+": "+event.Message, at
		}
	}
	return note
}

// toldAt is when an event was told last: whoever uses the newer API leaves lastTimestamp out.
func toldAt(event *corev1.Event) metav1.Time {
	if event.LastTimestamp.IsZero() {
		return metav1.Time{Time: event.EventTime.Time}
	}
	return event.LastTimestamp
}

const (
	// logLines and logBytes bound what is read of a log to find its end.
	logLines = 200
	logBytes = 1 << 20
)

// logs is the end of what a container wrote, or empty where that cannot be had.
func (r *jobRun) logs(ctx context.Context, of *trouble) string {
	if of == nil || of.container == "" {
		return ""
	}
	stream, err := r.core.Pods(r.request.Namespace).GetLogs(of.pod, &corev1.PodLogOptions{
		Container: of.container, Previous: of.previous, TailLines: new(int64(logLines)), LimitBytes: new(int64(logBytes)),
	}).Stream(ctx)
	if err != nil {
		return ""
	}
	defer stream.Close()
	end := newOutput("", nil)
	_, _ = io.Copy(end, io.LimitReader(stream, logBytes)) // what has come until it broke tells something too
	if text := end.tail(); !strings.HasPrefix(text, logsGone) {
		return text
	}
	return ""
}

// logsGone is what the kubelet writes in the place of the logs of a container that has been removed by then (k8s.io/kubernetes,
// pkg/kubelet/kuberuntime/kuberuntime_container.go, GetContainerLogs).
const logsGone = "unable to retrieve container logs for "
