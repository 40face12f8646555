package command

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Namespace is that of --namespace, or of the kubeconfig's context.
func (f *Frame) Namespace() (string, error) {
	namespace, _, err := f.Flags.ToRawKubeConfigLoader().Namespace()
	return namespace, f.kubeconfigError(err)
}

// restConfig is what the kubeconfig says of the cluster. Where it says nothing, as where there is none, client-go would ask
// localhost:8080, which is nobody's cluster (client-go: tools/clientcmd/client_config.go).
func (f *Frame) restConfig() (*rest.Config, error) {
	config, err := f.Flags.ToRESTConfig()
	if err != nil {
		return nil, f.kubeconfigError(err)
	}
	if assumed := clientcmd.ClusterDefaults.Server; config.Host == assumed && assumed == "http://localhost:8080" {
		raw, err := f.Flags.ToRawKubeConfigLoader().RawConfig()
		if err != nil {
			return nil, f.kubeconfigError(err)
		}
		if _, current := raw.Contexts[raw.CurrentContext]; !current && *f.Flags.APIServer == "" && *f.Flags.ClusterName == "" {
			return nil, clientcmd.ErrEmptyConfig
		}
	}
	return config, nil
}

// kubeconfigError says of a context that there is not which ones there are, and of a file that cannot be read what to do.
func (f *Frame) kubeconfigError(err error) error {
	var file *fs.PathError
	switch {
	case clientcmd.IsContextNotFound(err):
		raw, rawErr := f.Flags.ToRawKubeConfigLoader().RawConfig()
		if rawErr != nil {
			return err
		}
		wanted := raw.CurrentContext
		if *f.Flags.Context != "" {
			wanted = *f.Flags.Context
		}
		return fmt.Errorf("the kubeconfig: %w", Unknown("context", wanted, slices.Collect(maps.Keys(raw.Contexts))))
	case errors.As(err, &file):
		return fmt.Errorf("the kubeconfig cannot be read: %w: write --kubeconfig with the path of one, or set KUBECONFIG", file)
	}
	return err
}
