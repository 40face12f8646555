// Command driver is a CSI driver for tests. A volume is a file with an ext4 filesystem of its own, so that freezing it freezes
// nothing else; a snapshot is a copy of that file, taken within CreateSnapshot. Whatever is in a folder is all that it knows.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

func main() {
	folder := flag.String("folder", "", "where volumes and snapshots are kept")
	endpoint := flag.String("endpoint", "", "socket on which the driver is called")
	registry := flag.String("registry", "", "kubelet's folder in which it finds drivers")
	node := flag.String("node", "", "name of the node")
	name := flag.String("name", "", "name of the driver")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, &driver{name: *name, node: *node, images: images{*folder}}, *endpoint, *registry)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// driver answers all calls of CSI that it knows.
type driver struct {
	csi.UnimplementedIdentityServer
	csi.UnimplementedControllerServer
	csi.UnimplementedNodeServer
	name, node string
	images     images
	busy       busy
}

// run serves until the context ends, and is then known to kubelet no longer.
func run(ctx context.Context, d *driver, endpoint, registry string) error {
	if err := d.images.prepare(); err != nil {
		return err
	}
	server := grpc.NewServer()
	csi.RegisterIdentityServer(server, d)
	csi.RegisterControllerServer(server, d)
	csi.RegisterNodeServer(server, d)
	registrar := grpc.NewServer()
	registration.RegisterRegistrationServer(registrar, registrant{name: d.name, endpoint: endpoint})

	ended := make(chan error, 2)
	for socket, server := range map[string]*grpc.Server{endpoint: server, filepath.Join(registry, d.name+".sock"): registrar} {
		if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		listener, err := new(net.ListenConfig).Listen(ctx, "unix", socket)
		if err != nil {
			return err
		}
		go func() { ended <- server.Serve(listener) }()
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		registrar.Stop()
		server.Stop()
		return nil
	}
}

// registrant tells kubelet of the driver.
type registrant struct {
	registration.UnimplementedRegistrationServer
	name, endpoint string
}

// GetInfo implements registration.RegistrationServer.
func (r registrant) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return &registration.PluginInfo{Type: registration.CSIPlugin, Name: r.name, Endpoint: r.endpoint, SupportedVersions: []string{"1.0.0"}}, nil
}

// NotifyRegistrationStatus implements registration.RegistrationServer.
func (r registrant) NotifyRegistrationStatus(_ context.Context, status *registration.RegistrationStatus) (*registration.RegistrationStatusResponse, error) {
	if !status.GetPluginRegistered() {
		fmt.Fprintln(os.Stderr, "kubelet does not take the driver:", status.GetError())
	}
	return &registration.RegistrationStatusResponse{}, nil
}
