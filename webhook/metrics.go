package webhook

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

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

var (
	// admissions measures how long a pod waits for us. controller-runtime's own histogram has decades for buckets, in which
	// a handler of tens of microseconds and one of milliseconds look alike.
	admissions = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "quiesce_admission_duration_seconds",
		Help:    "Time from a pod's admission request to its answer, by result (stamped, refreshed, unchanged, skipped, error, panic).",
		Buckets: []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 3},
	}, []string{"result"})
	decisions = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "quiesce_admission_decisions_total",
		Help: "Decisions about pods being created, by result (stamped, refreshed, unchanged, skipped, error, panic), " +
			"and for skipped by the reason: of several policies, that of the first.",
	}, []string{"result", "reason"})
)

func init() {
	metrics.Registry.MustRegister(admissions, decisions)
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
