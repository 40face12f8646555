package policies

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// States of policies, as the label "state".
const (
	stateReady     = "ready"     // in use
	stateSuspended = "suspended" // by spec.suspend
	stateInvalid   = "invalid"   // with a mistake
)

var (
	known = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "quiesce_policies",
		Help: "Policies compiled, of both kinds, by state (ready, suspended, invalid).",
	}, []string{"state"})
	compilations = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "quiesce_policies_compile_duration_seconds",
		Help:    "Time that it took to compile all policies.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	})
)

func init() {
	metrics.Registry.MustRegister(known, compilations)
}

func observe(set *Set, elapsed time.Duration) {
	counts := map[string]int{stateReady: 0, stateSuspended: 0, stateInvalid: 0}
	for i := range set.Policies {
		counts[set.Policies[i].State()]++
	}
	for state, count := range counts {
		known.WithLabelValues(state).Set(float64(count))
	}
	compilations.Observe(elapsed.Seconds())
}
