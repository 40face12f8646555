package keeper

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// What came of a patch, as the label "result".
const (
	resultPatched  = "patched"
	resultGone     = "gone"     // the pod was deleted in between
	resultConflict = "conflict" // it was changed in between; we look at it again
	resultRejected = "rejected" // the API server does not take it; told in the policies' status, and tried again
	resultError    = "error"    // the API server did not answer as it should; tried again
)

var (
	pods = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "quiesce_pods",
		Help: "Running and pending pods by state: stamped (carrying our annotations), pending (to be changed).",
	}, []string{"state"})
	patches = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "quiesce_pod_patches_total",
		Help: "Patches of running pods by result (patched, gone, conflict, rejected, error).",
	}, []string{"result"})
	surveys = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "quiesce_survey_duration_seconds",
		Help:    "Time that a look at all pods took.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	})
)

func init() {
	metrics.Registry.MustRegister(pods, patches, surveys)
	for _, result := range []string{resultPatched, resultGone, resultConflict, resultRejected, resultError} {
		patches.WithLabelValues(result)
	}
}

func count(survey *Survey) {
	var stamped, pending float64
	for i := range survey.Pods {
		if survey.Pods[i].Stamped {
			stamped++
		}
		if survey.Pods[i].Pending {
			pending++
		}
	}
	pods.WithLabelValues("stamped").Set(stamped)
	pods.WithLabelValues("pending").Set(pending)
}
