package doctor

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/version"
)

func webhookDeployment(f *Facts) []Finding {
	return f.deployment(webhookName, f.Webhook, "new pods get no hooks until the controller finds them, restored ones are refused, and policies cannot be written")
}

func controllerDeployment(f *Facts) []Finding {
	return f.deployment(controllerName, f.Controller, "sessions stand still, running pods do not follow changes, and what is quiesced is thawed by its watchdogs alone")
}

// deployment tells whether one of the two programs runs, and what follows where it does not.
func (f *Facts) deployment(name string, fact Fact[*appsv1.Deployment], follows string) []Finding {
	if found, missing := notKnown("whether "+name+" runs", fact); missing {
		return found
	}
	is := fact.Value
	if is == nil {
		return []Finding{fault("there is no Deployment %s in namespace %s: %s", name, f.Release, follows).do("%s", f.upgrade())}
	}
	wanted := int32(1)
	if is.Spec.Replicas != nil {
		wanted = *is.Spec.Replicas
	}
	available := is.Status.AvailableReplicas
	switch {
	case wanted == 0:
		return []Finding{fault("Deployment %s is scaled to 0: %s", name, follows).
			do("kubectl -n %s scale deployment %s --replicas=%d", f.Release, name, map[string]int{webhookName: 2, controllerName: 1}[name])}
	case available == 0:
		return []Finding{fault("no replica of %s is available, of %d: %s%s", name, wanted, follows, f.trouble(is)).
			do("kubectl -n %s describe pods -l %s=%s", f.Release, componentLabel, is.Labels[componentLabel])}
	case available < wanted:
		return []Finding{warning("%d of %d replicas of %s are available%s", available, wanted, name, f.trouble(is)).
			do("kubectl -n %s describe pods -l %s=%s", f.Release, componentLabel, is.Labels[componentLabel])}
	case is.Status.Replicas > is.Status.UpdatedReplicas || is.Status.ObservedGeneration < is.Generation:
		return []Finding{warning("%s is being rolled out: copies of its last template run yet%s", name, f.trouble(is)).
			do("kubectl -n %s rollout status deployment %s", f.Release, name)}
	}
	return []Finding{fine("%s has %d of %d replicas available, of image %s", name, available, wanted, image(is))}
}

func image(deployment *appsv1.Deployment) string {
	if len(deployment.Spec.Template.Spec.Containers) == 0 {
		return ""
	}
	return deployment.Spec.Template.Spec.Containers[0].Image
}

// trouble is what keeps a Deployment's pods from running, to go on a sentence; empty where the pods say nothing.
func (f *Facts) trouble(deployment *appsv1.Deployment) string {
	for i := range f.Pods.Value {
		pod := &f.Pods.Value[i]
		if pod.Labels[componentLabel] != deployment.Labels[componentLabel] || ended(pod) {
			continue
		}
		if why := podTrouble(pod); why != "" {
			return fmt.Sprintf(" (pod %s: %s)", pod.Name, why)
		}
	}
	return ""
}

// podTrouble is what a pod says of its not running; empty where it says nothing.
func podTrouble(pod *corev1.Pod) string {
	for i := range pod.Status.ContainerStatuses {
		status := &pod.Status.ContainerStatuses[i]
		last := status.LastTerminationState.Terminated
		if waiting := status.State.Waiting; waiting != nil && waiting.Reason != "ContainerCreating" && waiting.Reason != "PodInitializing" {
			why := strings.TrimSpace(waiting.Reason + ": " + waiting.Message)
			if last != nil {
				why += fmt.Sprintf("; it ended with exit code %d, %s", last.ExitCode, cmp.Or(strings.TrimSpace(last.Message), last.Reason))
			}
			return strings.TrimSuffix(why, ": ")
		}
		if running := status.State.Running; running != nil && !status.Ready {
			return "it runs, and is not ready"
		}
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return condition.Reason + ": " + condition.Message
		}
	}
	return ""
}

// restartsLately is how long a container is looked askance at for having been restarted.
const restartsLately = time.Hour

func podsRestarting(f *Facts) []Finding {
	if found, missing := notKnown("whether pods of Quiesce restart", f.Pods); missing {
		return found
	}
	var found []Finding
	for i := range f.Pods.Value {
		pod := &f.Pods.Value[i]
		for j := range pod.Status.ContainerStatuses {
			status := &pod.Status.ContainerStatuses[j]
			last := status.LastTerminationState.Terminated
			if status.RestartCount == 0 || last == nil || f.Now.Sub(last.FinishedAt.Time) > restartsLately {
				continue
			}
			found = append(found, warning("pod %s was restarted %s, the last time %s ago, after exit code %d (%s)", pod.Name,
				counted(int(status.RestartCount), "time"), span(f.Now.Sub(last.FinishedAt.Time)), last.ExitCode,
				cmp.Or(strings.TrimSpace(last.Message), last.Reason)).do("kubectl -n %s logs %s --previous", f.Release, pod.Name))
		}
	}
	if len(found) == 0 {
		found = []Finding{fine("no pod of Quiesce was restarted in the last hour")}
	}
	return found
}

func versions(f *Facts) []Finding {
	if found, missing := notKnown("whether the programs are of one version", f.Webhook, f.Controller); missing {
		return found
	}
	webhook, controller := f.Webhook.Value, f.Controller.Value
	if webhook == nil || controller == nil {
		return nil // said already
	}
	if image(webhook) != image(controller) {
		return []Finding{warning("the webhook is of image %s, and the controller of %s: they are only tried as one", image(webhook), image(controller)).
			do("%s", f.upgrade())}
	}
	release := controller.Labels[versionLabel]
	if webhook.Labels[versionLabel] != release {
		return []Finding{warning("the webhook is of version %s, and the controller of %s", webhook.Labels[versionLabel], release).do("%s", f.upgrade())}
	}
	ours, err := version.ParseSemantic(f.Plugin)
	if err != nil || ours.PreRelease() != "" || ours.BuildMetadata() != "" { // built from a working copy
		return []Finding{fine("the webhook and the controller are both of version %s", release)}
	}
	theirs, err := version.ParseSemantic(release)
	if err == nil && (ours.Major() != theirs.Major() || ours.Minor() != theirs.Minor()) {
		return []Finding{warning("this plugin is of version %s, and Quiesce of %s", f.Plugin, release).do("kubectl krew upgrade quiesce")}
	}
	return []Finding{fine("the webhook, the controller and this plugin are of version %s", release)}
}

// longestLease is how long a leader may not be heard of: longer than a lease lasts (15 s).
const longestLease = 30 * time.Second

func controllerLeads(f *Facts) []Finding {
	if found, missing := notKnown("whether a controller leads", f.Lease); missing {
		return found
	}
	logs := fmt.Sprintf("kubectl -n %s logs deployment/%s", f.Release, controllerName)
	lease := f.Lease.Value
	switch {
	case lease == nil:
		return []Finding{fault("no controller has ever led: there is no Lease %s in namespace %s", controllerName, f.Release).do("%s", logs)}
	case lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" || lease.Spec.RenewTime == nil:
		return []Finding{fault("no controller leads: nobody holds the Lease %s, so sessions stand still", controllerName).do("%s", logs)}
	case f.Now.Sub(lease.Spec.RenewTime.Time) > longestLease:
		return []Finding{fault("no controller leads: the Lease %s was renewed %s ago, so sessions stand still", controllerName,
			span(f.Now.Sub(lease.Spec.RenewTime.Time))).do("%s", logs)}
	}
	return []Finding{fine("a controller leads")}
}
