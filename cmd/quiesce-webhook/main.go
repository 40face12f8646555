// Command quiesce-webhook answers the API server's admission requests: it stamps backup hooks on pods, and has
// Velero's Backups wait.
package main

import (
	"flag"
	"os"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/quiesce-io/quiesce/webhook"
)

func main() {
	if err := run(); err != nil {
		ctrl.Log.Error(err, "quiesce-webhook has ended")
		os.Exit(1)
	}
}

func run() error {
	var (
		options webhook.Options
		logging zap.Options
	)
	flag.StringVar(&options.Host, "webhook-host", "", "address to listen on for the API server; empty for all")
	flag.IntVar(&options.Port, "webhook-port", 9443, "port to listen on for the API server")
	flag.StringVar(&options.MetricsBindAddress, "metrics-bind-address", ":8080", "host:port of /metrics; 0 for none")
	flag.StringVar(&options.HealthProbeBindAddress, "health-probe-bind-address", ":8081", "host:port of /healthz and /readyz; 0 for none")
	flag.StringVar(&options.Scope.Own, "namespace", "quiesce-system", "namespace in which Quiesce runs; it never takes part")
	flag.Func("excluded-namespaces", "further namespaces that never take part, separated by commas", options.Scope.Exclude)
	options.Policies.BindFlags(flag.CommandLine)
	flag.Func("restore-labels", "keys of labels by which restored pods are known, beside velero.io/restore-name and quiesce.io/restored, separated by commas",
		options.Markers.AddLabels)
	flag.Func("restore-annotations", "keys of annotations by which restored pods are known, beside quiesce.io/restored, separated by commas",
		options.Markers.AddAnnotations)
	options.Gate.BindFlags(flag.CommandLine)
	flag.StringVar(&options.ServiceName, "service-name", "quiesce-webhook", "Service by which the API server reaches this webhook")
	flag.StringVar(&options.CASecretName, "ca-secret-name", "quiesce-webhook-ca", "Secret that holds the CA; quiesce-controller makes it")
	flag.DurationVar(&options.ShutdownDelay, "shutdown-delay", 5*time.Second, "time to go on serving after SIGTERM, while endpoints are updated")
	logging.BindFlags(flag.CommandLine)
	flag.Parse()
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&logging)))

	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	return webhook.Run(ctrl.SetupSignalHandler(), config, options)
}
