// Package tell tells people and monitoring what sessions do: by events and by metrics.
package tell

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Metrics of sessions. The label policy is the policy's name, or namespace/name.
var (
	hookSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "quiesce_hook_duration_seconds",
		Help:    "Time that a hook took in a pod, its last attempt where it had several, in seconds.",
		Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1500},
	}, []string{"policy", "stage", "outcome"})

	quiescedSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "quiesce_quiesced_seconds",
		Help:    "Time from the first hook of a policy in a stage before the snapshot until the policy's pods were thawed, in seconds.",
		Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 600, 1800, 3600},
	}, []string{"policy", "stage"})

	sessionsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "quiesce_sessions_total",
		Help: "Sessions that have finished, by operation and outcome: complete, failed, cancelled.",
	}, []string{"operation", "outcome"})

	consistentTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "quiesce_sessions_consistent_total",
		Help: "Sessions that have finished, by operation and by what is known of the consistency of their snapshots: true, false, unknown.",
	}, []string{"operation", "consistent"})
)

func init() {
	metrics.Registry.MustRegister(hookSeconds, quiescedSeconds, sessionsTotal, consistentTotal)
	// A counter that only appears with what it counts has not increased yet, as far as Prometheus can tell.
	for _, operation := range []v1alpha1.Operation{
		v1alpha1.OperationSnapshot, v1alpha1.OperationBackup, v1alpha1.OperationRestore, v1alpha1.OperationClone, v1alpha1.OperationReplicate,
	} {
		for _, phase := range []v1alpha1.Phase{v1alpha1.PhaseComplete, v1alpha1.PhaseFailed, v1alpha1.PhaseCancelled} {
			sessionsTotal.WithLabelValues(string(operation), outcomeOf(phase))
		}
		for _, known := range []string{"true", "false", "unknown"} {
			consistentTotal.WithLabelValues(string(operation), known)
		}
	}
}

// outcomeOf is the label of a phase in which a session is over.
func outcomeOf(phase v1alpha1.Phase) string { return strings.ToLower(string(phase)) }

// Open is what the gauges count of a session.
type Open struct {
	Phase v1alpha1.Phase
	// Quiesced is how many of its pods are quiesced, and Overdue how many of those should be thawed by now.
	Quiesced, Overdue int
}

var (
	openDescription     = prometheus.NewDesc("quiesce_sessions_open", "Sessions that are not over, by phase.", []string{"phase"}, nil)
	quiescedDescription = prometheus.NewDesc("quiesce_quiesced_pods", "Pods that are quiesced, or may be.", nil, nil)
	overdueDescription  = prometheus.NewDesc("quiesce_overdue_thaws", "Pods that should be thawed by now and are not.", nil, nil)
)

// Gauges counts sessions whenever it is asked.
type Gauges struct {
	// Sessions are those that are not over, and those that have left a pod unthawed.
	Sessions func() []Open
}

var _ prometheus.Collector = Gauges{}

// Register adds the gauges to the metrics of the program.
func (g Gauges) Register() error { return metrics.Registry.Register(g) }

// Describe implements prometheus.Collector.
func (g Gauges) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- openDescription
	descriptions <- quiescedDescription
	descriptions <- overdueDescription
}

// Collect implements prometheus.Collector.
func (g Gauges) Collect(collected chan<- prometheus.Metric) {
	open := map[v1alpha1.Phase]int{}
	for _, phase := range []v1alpha1.Phase{v1alpha1.PhasePending, v1alpha1.PhaseQuiescing, v1alpha1.PhaseQuiesced, v1alpha1.PhaseThawing,
		v1alpha1.PhaseThawed, v1alpha1.PhaseFinishing} {
		open[phase] = 0
	}
	quiesced, overdue := 0, 0
	for _, session := range g.Sessions() {
		if !session.Phase.Finished() {
			open[session.Phase]++
		}
		quiesced += session.Quiesced
		overdue += session.Overdue
	}
	gauge := func(description *prometheus.Desc, value int, labels ...string) {
		collected <- prometheus.MustNewConstMetric(description, prometheus.GaugeValue, float64(value), labels...)
	}
	for phase, count := range open {
		gauge(openDescription, count, string(phase))
	}
	gauge(quiescedDescription, quiesced)
	gauge(overdueDescription, overdue)
}
