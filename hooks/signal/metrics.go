package signal

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// Metrics of Velero's backups.
var (
	backupsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "quiesce_velero_backups_total",
		Help: "Backups of Velero that have ended and had anything to quiesce, by whether they are consistent: True, False, Unknown.",
	}, []string{"consistent"})

	startSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "quiesce_velero_start_seconds",
		Help:    "Time from the moment at which all pods of a Backup were quiesced until Velero was seen to have begun it, in seconds.",
		Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30, 60},
	})

	heldDescription = prometheus.NewDesc("quiesce_velero_held", "Backups and Restores of Velero that are held, by kind.", []string{"kind"}, nil)
	// Since their creation: one that Velero does not begin is let go and held again.
	oldestDescription = prometheus.NewDesc("quiesce_velero_held_oldest_seconds",
		"Age of the oldest Backup and Restore of Velero that is held, in seconds, by kind; 0 where none is.", []string{"kind"}, nil)
)

func init() {
	metrics.Registry.MustRegister(backupsTotal, startSeconds)
	for _, status := range order {
		backupsTotal.WithLabelValues(string(status))
	}
}

var _ prometheus.Collector = (*Controller)(nil)

// Describe implements prometheus.Collector.
func (c *Controller) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- heldDescription
	descriptions <- oldestDescription
}

// Collect implements prometheus.Collector.
func (c *Controller) Collect(collected chan<- prometheus.Metric) {
	for _, kind := range c.kinds {
		held, oldest := 0, time.Duration(0)
		for _, found := range c.watch.List(kind.resource()) {
			if object, ok := found.(object); ok && markOf(object) == v1alpha1.GateHeld && velero.Ahead(object.phase()) {
				held++
				oldest = max(oldest, time.Since(object.meta().CreationTimestamp.Time))
			}
		}
		collected <- prometheus.MustNewConstMetric(heldDescription, prometheus.GaugeValue, float64(held), string(kind.name()))
		collected <- prometheus.MustNewConstMetric(oldestDescription, prometheus.GaugeValue, oldest.Seconds(), string(kind.name()))
	}
}

// observeStart measures how long the pods of an object were quiesced before Velero began.
func (c *Controller) observeStart(object object) {
	sessions, err := c.sessionsOf(context.Background(), keyOfObject(object))
	if err != nil || object.kind() != v1alpha1.VeleroBackup {
		return
	}
	var last *metav1.MicroTime
	current, _ := ofAttempt(ofObject(sessions, object), object, attemptOf(object))
	for _, session := range current {
		if window := session.Status.Window; window != nil && window.QuiescedAt != nil && (last == nil || last.Before(window.QuiescedAt)) {
			last = window.QuiescedAt
		}
	}
	if last != nil {
		startSeconds.Observe(time.Since(last.Time).Seconds())
	}
}
