package version

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
)

// Versions are those of this program and of Quiesce in the cluster.
type Versions struct {
	Client Build   `json:"clientVersion"`
	Server *Server `json:"serverVersion,omitempty"`
}

// Server is the version of Quiesce in the cluster.
type Server struct {
	// Version of the release, such as v0.1.0.
	Version string `json:"version"`
	// Namespace in which it runs.
	Namespace string `json:"namespace"`
	// Images of the programs, by their Deployments.
	Images map[string]string `json:"images"`
}

type options struct {
	*command.Frame
	clientOnly bool
	output     string
}

// New returns the command version.
func New(frame *command.Frame) *cobra.Command {
	o := &options{Frame: frame}
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of the plugin and of Quiesce in the cluster",
		Long: `Print the versions of the plugin and of Quiesce in the cluster.

That of Quiesce is read from its Deployments, which takes the right to list Deployments.`,
		Example: `  # Print both versions
  kubectl quiesce version

  # Print that of the plugin, without a cluster
  kubectl quiesce version --client`,
		Args:              command.None(""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	c.Flags().BoolVar(&o.clientOnly, "client", false, "If true, show the version of the plugin only (no cluster required).")
	command.Choice(c, &o.output, "output", "o", "Output format.", "json", "yaml")
	return c
}

func (o *options) run(ctx context.Context) error {
	versions := Versions{Client: Client()}
	var failed error
	if !o.clientOnly {
		versions.Server, failed = o.server(ctx)
	}
	// What is known is said, whatever became of the rest.
	if err := write(o.Out, o.output, versions); err != nil {
		return err
	}
	return failed
}

// server finds the Deployments of Quiesce, wherever they are.
func (o *options) server(ctx context.Context) (*Server, error) {
	cluster, err := o.Client()
	if err != nil {
		return nil, err
	}
	var deployments appsv1.DeploymentList
	err = cluster.List(ctx, &deployments, client.MatchingLabels{"app.kubernetes.io/name": "quiesce"})
	if apierrors.IsForbidden(err) { // where it is when it was installed as the docs have it
		err = cluster.List(ctx, &deployments, client.MatchingLabels{"app.kubernetes.io/name": "quiesce"}, client.InNamespace("quiesce-system"))
	}
	if err != nil {
		return nil, err
	}
	server := serverOf(deployments.Items)
	if server == nil {
		return nil, errors.New("this cluster has no Deployment of Quiesce: it is not installed. " +
			"Install it: helm install quiesce charts/quiesce -n quiesce-system --create-namespace")
	}
	return server, nil
}

// serverOf is what the Deployments say; nil where there are none.
func serverOf(deployments []appsv1.Deployment) *Server {
	var server *Server
	for i := range deployments {
		d := &deployments[i]
		if len(d.Spec.Template.Spec.Containers) == 0 {
			continue
		}
		if server == nil {
			server = &Server{Namespace: d.Namespace, Images: map[string]string{}}
		}
		if label := d.Labels["app.kubernetes.io/version"]; label != "" && server.Version == "" {
			server.Version = "v" + strings.TrimPrefix(label, "v") // a chart's appVersion has no v
		}
		server.Images[d.Name] = d.Spec.Template.Spec.Containers[0].Image
	}
	return server
}

func write(to io.Writer, format string, versions Versions) error {
	switch format {
	case "json":
		encoder := json.NewEncoder(to)
		encoder.SetIndent("", "  ")
		return encoder.Encode(versions)
	case "yaml":
		text, err := yaml.Marshal(versions)
		if err != nil {
			return err
		}
		_, err = to.Write(text)
		return err
	}
	built := versions.Client.Version
	if versions.Client.Commit != "" {
		built += " (commit " + versions.Client.Commit[:min(12, len(versions.Client.Commit))] + ")"
	}
	fmt.Fprintf(to, "Client Version: %s\n", built)
	if server := versions.Server; server != nil {
		var images []string
		for _, name := range slices.Sorted(maps.Keys(server.Images)) {
			images = append(images, name+" "+server.Images[name])
		}
		fmt.Fprintf(to, "Server Version: %s (namespace %s: %s)\n", server.Version, server.Namespace, strings.Join(images, ", "))
	}
	return nil
}
