//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

// conversation is with an application that answers each line with one.
type conversation struct {
	in  io.Writer
	out *bufio.Scanner
}

// converse begins one with a program in a container of a pod. It ends with the context.
func (s *scene) converse(ctx context.Context, pod *corev1.Pod, container string, command ...string) *conversation {
	s.t.Helper()
	kubectl, err := cluster.Binary(ctx, "kubectl")
	require.NoError(s.t, err)
	kubeconfig, err := cluster.Kubeconfig(ctx)
	require.NoError(s.t, err)
	program := exec.CommandContext(ctx, kubectl, append([]string{"exec", "-i", "-n", s.namespace, pod.Name, "-c", container, "--"}, command...)...)
	program.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	in, err := program.StdinPipe()
	require.NoError(s.t, err)
	out, err := program.StdoutPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, program.Start())
	ended := make(chan struct{})
	go func() { defer close(ended); <-ctx.Done(); _ = program.Wait() }()
	s.t.Cleanup(func() { <-ended })
	return &conversation{in: in, out: bufio.NewScanner(out)}
}

// dial begins one over TCP. It ends with the context.
func dial(ctx context.Context, t *testing.T, address string) *conversation {
	t.Helper()
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	require.NoError(t, err)
	context.AfterFunc(ctx, func() { _ = connection.Close() })
	return &conversation{in: connection, out: bufio.NewScanner(connection)}
}

// say gives a line, and requires an answer.
func (c *conversation) say(want, format string, values ...any) error {
	if _, err := fmt.Fprintf(c.in, format+"\n", values...); err != nil {
		return err
	}
	if !c.out.Scan() {
		return fmt.Errorf("no answer: %w", errors.Join(c.out.Err(), io.ErrUnexpectedEOF))
	}
	if answer := strings.TrimSpace(c.out.Text()); answer != want {
		return fmt.Errorf("answered %q", answer)
	}
	return nil
}

// request asks an application over HTTP, and requires that it went well.
func request(ctx context.Context, url, body string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s", response.Status, answer)
	}
	return string(answer), err
}

// numbers reads the numbers of writes, separated by white space.
func numbers(text string) (all []int, err error) {
	for _, word := range strings.Fields(text) {
		number, err := strconv.Atoi(word)
		if err != nil {
			return nil, fmt.Errorf("a number was expected: %w", err)
		}
		all = append(all, number)
	}
	return all, nil
}
