package webhook

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/quiesce-io/quiesce/hooks/restore"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// What came of a request, as the label "result" of the metrics below.
const (
	resultStamped   = "stamped"   // a pod without a stamp got one
	resultRefreshed = "refreshed" // the stamp that a pod came with was brought up to date, or taken off
	resultUnchanged = "unchanged" // the pod came with the right stamp
	resultSkipped   = "skipped"   // the pod gets none: see the reason
	resultError     = "error"     // the pod passed as it came, with a warning
	resultPanic     = "panic"     // the same, and the log has a stack trace
)

// reasonNoPolicy goes with skipped where no policy applies; the others are those of stamp.Obstacle.
const reasonNoPolicy = "NoPolicy"

// admissionBuckets are in seconds.
var admissionBuckets = []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 3}

var (
	// admissions measures how long a pod waits for us. controller-runtime's own histogram has decades for buckets, in which
	// a handler of tens of microseconds and one of milliseconds look alike.
	admissions = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "quiesce_admission_duration_seconds",
		Help:    "Time from a pod's admission request to its answer, by result (stamped, refreshed, unchanged, skipped, error, panic).",
		Buckets: admissionBuckets,
	}, []string{"result"})
	decisions = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "quiesce_admission_decisions_total",
		Help: "Decisions about pods being created, by result (stamped, refreshed, unchanged, skipped, error, panic), " +
			"and for skipped by the reason: of several policies, that of the first.",
	}, []string{"result", "reason"})
)

// What came of a restored pod, beside error and panic; here those leave the decision to the webhook's failurePolicy.
const (
	resultPrepared = "prepared" // it got init containers, or today's in place of earlier ones
	resultInPart   = "in-part"  // some, or all, were left out
	resultCleaned  = "cleaned"  // earlier ones were taken off, which no policy wants any longer
	resultRefused  = "refused"  // it could not be prepared, and must not start without
)

var (
	restoredPods = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "quiesce_restored_pods_total",
		Help: "Restored pods being created, by result (prepared, in-part, unchanged, cleaned, skipped, refused, error, panic). " +
			"A pod may come by more than once.",
	}, []string{"result"})
	restoreAdmissions = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "quiesce_restore_admission_duration_seconds",
		Help:    "Time from a restored pod's admission request to its answer.",
		Buckets: admissionBuckets,
	})
)

// resultHeld is what came of a Backup or Restore of Velero that waits, beside unchanged, skipped, error and panic.
const resultHeld = "held"

var gateDecisions = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "quiesce_gate_decisions_total",
	Help: "Decisions about Backups and Restores of Velero being created, by resource (backups, restores) and result: held, unchanged " +
		"(it need not wait), skipped (Velero has done something with it already), error and panic (it passes, with a warning).",
}, []string{"resource", "result"})

var released = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "quiesce_gate_released_total",
	Help: "Backups and Restores of Velero that this replica has let go, since no controller led, by result: opened (they went on unquiesced), failed.",
}, []string{"result"})

func init() {
	metrics.Registry.MustRegister(admissions, decisions, restoredPods, restoreAdmissions, gateDecisions, released)
}

func observeGate(resource, result string) { gateDecisions.WithLabelValues(resource, result).Inc() }

// judgeRestore says what came of a decision about a restored pod.
func judgeRestore(decision restore.Decision) string {
	switch prepared, changed := len(decision.Prepared) > 0, len(decision.Edits) > 0; {
	case len(decision.Refusals()) > 0:
		return resultRefused
	case len(decision.LeftOut()) > 0:
		return resultInPart
	case prepared && changed:
		return resultPrepared
	case prepared:
		return resultUnchanged
	case changed:
		return resultCleaned
	}
	return resultSkipped
}

func observeRestore(result string, elapsed time.Duration) {
	restoredPods.WithLabelValues(result).Inc()
	restoreAdmissions.Observe(elapsed.Seconds())
}

// verdict is what came of a request.
type verdict struct {
	result, reason string
}

// judge says what came of a decision about a pod with these annotations.
func judge(decision stamp.Decision, annotations map[string]string) verdict {
	_, carried := annotations[v1alpha1.StampAnnotation]
	switch changed := len(decision.Set)+len(decision.Remove) > 0; {
	case changed && carried:
		return verdict{result: resultRefreshed}
	case changed:
		return verdict{result: resultStamped}
	}
	for i := range decision.Outcomes {
		if decision.Outcomes[i].Stamped() {
			return verdict{result: resultUnchanged}
		}
	}
	for i := range decision.Outcomes {
		if obstacles := decision.Outcomes[i].Obstacles; len(obstacles) > 0 {
			return verdict{resultSkipped, obstacles[0].Reason}
		}
	}
	return verdict{resultSkipped, reasonNoPolicy}
}

func (v verdict) observe(elapsed time.Duration) {
	admissions.WithLabelValues(v.result).Observe(elapsed.Seconds())
	decisions.WithLabelValues(v.result, v.reason).Inc()
}
