package webhook

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// What came of a request, as the label "result" of the metrics below.
const (
	resultStamped   = "stamped"   // annotations were set or removed
	resultUnchanged = "unchanged" // the pod passed as it came
	resultError     = "error"     // the pod passed as it came, with a warning
	resultPanic     = "panic"     // the same, and the log has a stack trace
)

// admissions measures how long a pod waits for us. controller-runtime's own histogram has decades for buckets, in which
// a handler of tens of microseconds and one of milliseconds look alike.
var admissions = prometheus.NewHistogramVec(prometheus.HistogramOpts{
	Name:    "quiesce_admission_duration_seconds",
	Help:    "Time from a pod's admission request to its answer, by result (stamped, unchanged, error, panic).",
	Buckets: []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 3},
}, []string{"result"})

func init() {
	metrics.Registry.MustRegister(admissions)
}

func observe(result string, elapsed time.Duration) {
	admissions.WithLabelValues(result).Observe(elapsed.Seconds())
}
