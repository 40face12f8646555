// Command quiesce-controller accompanies the webhook: it keeps the stamps of running pods, the status of
// policies, the CA and the caBundle. With uninstall as its first argument it undoes what Quiesce has done to the cluster.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

func main() {
	if err := run(); err != nil {
		ctrl.Log.Error(err, "quiesce-controller has ended")
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) > 1 && os.Args[1] == "uninstall" {
		return uninstall(os.Args[2:])
	}
	var (
		options options
		logging zap.Options
	)
	flag.StringVar(&options.metricsBindAddress, "metrics-bind-address", ":8080", "host:port of /metrics; 0 for none")
	flag.StringVar(&options.healthProbeBindAddress, "health-probe-bind-address", ":8081", "host:port of /healthz and /readyz; 0 for none")
	flag.BoolVar(&options.leaderElect, "leader-elect", true, "let only one of several replicas act")
	flag.StringVar(&options.scope.Own, "namespace", "quiesce-system", "namespace in which Quiesce runs; it never takes part")
	flag.Func("excluded-namespaces", "further namespaces that never take part, separated by commas", options.scope.Exclude)
	options.policies.BindFlags(flag.CommandLine)
	flag.IntVar(&options.stampsPerSecond, "stamps-per-second", 50, "how many running pods may be patched in a second")
	options.sessions.bindFlags(flag.CommandLine)
	options.signals.bindFlags(flag.CommandLine)
	flag.BoolVar(&options.deliverTemplates, "deliver-templates", true,
		"keep the HookTemplates of the application library in the cluster; false takes away those that nobody uses")
	flag.StringVar(&options.caSecretName, "ca-secret-name", "quiesce-webhook-ca", "Secret in which to keep the CA")
	flag.StringVar(&options.webhookConfigurationName, "webhook-configuration-name", "quiesce-webhook",
		"MutatingWebhookConfiguration and ValidatingWebhookConfiguration into which to write the CA")
	logging.BindFlags(flag.CommandLine)
	flag.Parse()
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&logging)))
	if options.stampsPerSecond < 1 {
		return fmt.Errorf("--stamps-per-second: got %d, write 1 or more", options.stampsPerSecond)
	}
	if err := errors.Join(options.sessions.check(), options.signals.check()); err != nil {
		return err
	}

	// Most of the heap is the cache of pods, which stays: room for half of it as garbage is enough.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	mgr, sessions, err := newManager(config, options)
	if err != nil {
		return err
	}
	return mgr.Start(handedOver(ctrl.SetupSignalHandler(), sessions, options.sessions.handoverLimit))
}
