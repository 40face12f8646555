package sweep

import (
	"context"
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/session/record"
)

// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// result is what came of the sweep of a pod, as the label "result".
type result string

const (
	resultThawed  result = "thawed"
	resultNothing result = "nothing"  // it was not quiesced, or others have thawed it
	resultFailed  result = "failed"   // not all could be thawed; a watchdog goes on trying
	resultGivenUp result = "given_up" // it could not be reached, or not be thawed by us, until its watchdog did
)

var sweeps = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "quiesce_sweeps_total",
	Help: "Stamped pods that were looked into after a Velero Backup that did not end well, by result (thawed, nothing, failed, given_up).",
}, []string{"result"})

func init() {
	metrics.Registry.MustRegister(sweeps)
	for _, result := range []result{resultThawed, resultNothing, resultFailed, resultGivenUp} {
		sweeps.WithLabelValues(string(result))
	}
}

// maxNote is how long a note may be (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/).
const maxNote = 1024

// report tells of a sweep that is over.
func (t *task) report(ctx context.Context, why string, end outcome) {
	sweeps.WithLabelValues(string(end.result)).Inc()
	log := logf.FromContext(ctx).WithValues("namespace", t.pod.Namespace, "pod", t.pod.Name, "why", why)
	switch end.result {
	case resultNothing:
		log.V(1).Info("The pod is not quiesced")
	case resultThawed:
		note := "thawed after " + why
		if end.note != "" {
			note += "; " + end.note
		}
		log.Info("The pod was thawed", "note", end.note)
		t.event(corev1.EventTypeNormal, "Swept", note)
	case resultFailed:
		log.Info("The pod could not be thawed, and its watchdog goes on trying", "note", end.note)
		t.event(corev1.EventTypeWarning, "SweepFailed", fmt.Sprintf("not all could be thawed after %s, and the watchdog goes on trying: %s", why, end.note))
	case resultGivenUp:
		log.Info("The pod is left to its watchdog", "note", end.note)
		t.event(corev1.EventTypeWarning, "SweepGivenUp", fmt.Sprintf("after %s the pod is left to its watchdog, which thaws it at its deadline: %s", why, end.note))
	}
}

func (t *task) event(kind, reason, note string) {
	pod := &corev1.Pod{}
	pod.Namespace, pod.Name, pod.UID = t.pod.Namespace, t.pod.Name, t.uid
	t.Recorder.Eventf(pod, nil, kind, reason, "Sweep", "%s", record.Cut(note, maxNote))
}

// lacking says why there is nothing to thaw with.
func lacking(policies []match.Ref) string {
	names := make([]string, len(policies))
	for i, policy := range policies {
		names[i] = policy.String()
	}
	return "it was quiesced by " + strings.Join(names, " and ") + ", of which there is nothing any more to thaw it with"
}
