package command

import (
	"fmt"

	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// REST is the way to the API server, with the user's own credentials. Warnings of the API server go to standard error.
func (f *Frame) REST() (*rest.Config, error) {
	config, err := f.restConfig()
	if err != nil {
		return nil, err
	}
	config.WarningHandler = f.warningHandler()
	// One person at a terminal: the API server's own fairness is limit enough.
	config.QPS = -1
	return config, nil
}

// Warn prints a warning of the plugin's own as one of the API server's. The same one is printed once, whoever says it first.
func (f *Frame) Warn(text string) {
	const warning = 299 // of HTTP, as the API server sends them
	f.warningHandler().HandleWarningHeader(warning, "", terminal.Line(text))
}

func (f *Frame) warningHandler() rest.WarningHandler {
	if f.warnings == nil {
		f.warnings = rest.NewWarningWriter(f.ErrOut, rest.WarningWriterOptions{Deduplicate: true})
	}
	return f.warnings
}

// Client is for Kubernetes's kinds and ours. It reads from the API server each time.
func (f *Frame) Client() (client.WithWatch, error) {
	config, err := f.REST()
	if err != nil {
		return nil, err
	}
	config.Wrap(newVanguard)
	mapper, err := f.Flags.ToRESTMapper()
	if err != nil {
		return nil, err
	}
	// client-go's own, which is there already: to make another takes some milliseconds.
	scheme := clientgoscheme.Scheme
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("making the scheme: %w", err)
	}
	return client.NewWithWatch(config, client.Options{Scheme: scheme, Mapper: newMapper(mapper)})
}
