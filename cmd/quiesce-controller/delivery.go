package main

import (
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/quiesce-io/quiesce/config/templates"
	"github.com/quiesce-io/quiesce/hooks/delivery"
)

// addDelivery has the application library brought into the cluster, or taken out of it where it is not wanted.
func addDelivery(mgr manager.Manager, wanted bool) error {
	api, err := client.New(mgr.GetConfig(), client.Options{HTTPClient: mgr.GetHTTPClient(), Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper()})
	if err != nil {
		return err
	}
	library := &delivery.Delivery{API: api}
	if wanted {
		if library.Templates, err = templates.All(); err != nil {
			return fmt.Errorf("reading the application library: %w", err)
		}
	}
	return mgr.Add(library)
}
