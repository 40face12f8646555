package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"time"
)

// probe answers health questions. Parts on loopback present certificates that they signed themselves.
var probe = &http.Client{
	Timeout: 2 * time.Second,
	Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // nothing is told to them or believed of them but health
		DisableKeepAlives: true,
	},
}

// answers is ready when the address answers 200.
func answers(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		response, err := probe.Do(request)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		body, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s: %s", url, response.Status, strings.TrimSpace(string(body)))
		}
		return nil
	}
}

// api asks the cluster's API through kubectl: the same way, and the same rights, that users have.
type api struct{ cluster *cluster }

func (a *api) kubectl(ctx context.Context, stdin string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, a.cluster.binaries["kubectl"], append([]string{"--request-timeout=10s"}, args...)...)
	// Its discovery cache goes into the cluster's folder: it is of no use to anyone afterwards.
	cmd.Env = []string{"KUBECONFIG=" + a.cluster.kubeconfig("admin"), "KUBECACHEDIR=" + a.cluster.kubectlCache()}
	cmd.Stdin = strings.NewReader(stdin)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, tail(complaint.String(), 5))
	}
	return out, nil
}

func (a *api) raw(ctx context.Context, path string, into any) error {
	out, err := a.kubectl(ctx, "", "get", "--raw", path)
	if err != nil || into == nil {
		return err
	}
	if err := json.Unmarshal(out, into); err != nil {
		return fmt.Errorf("answer of %s: %w", path, err)
	}
	return nil
}

// apply creates or updates objects given as YAML.
func (a *api) apply(ctx context.Context, manifests string) error {
	_, err := a.kubectl(ctx, manifests, "apply", "--server-side", "--force-conflicts", "--filename=-")
	return err
}

func (a *api) apiserverReady(ctx context.Context) error {
	return answers(a.cluster.apiserver() + "/readyz")(ctx)
}

// object is the part of any object that conditions are read from.
type object struct {
	Status struct {
		Phase      string
		Message    string
		Conditions []condition
	}
}

type condition struct{ Type, Status, Reason, Message string }

// is answers nil when the condition is True.
func (o object) is(kind string) error {
	for _, c := range o.Status.Conditions {
		if c.Type == kind {
			if c.Status == "True" {
				return nil
			}
			return fmt.Errorf("%s is %s: %s: %s", kind, c.Status, c.Reason, c.Message)
		}
	}
	return fmt.Errorf("no condition %s yet", kind)
}
