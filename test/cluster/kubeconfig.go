package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"os"
)

// kubeconfig renders a file that holds everything it needs, so that it can be copied anywhere on this machine.
func kubeconfig(server string, ca, certificate, key []byte) []byte {
	encode := base64.StdEncoding.EncodeToString
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: quiesce
clusters:
- name: quiesce
  cluster: {server: %q, certificate-authority-data: %s}
users:
- name: quiesce
  user: {client-certificate-data: %s, client-key-data: %s}
contexts:
- name: quiesce
  context: {cluster: quiesce, user: quiesce, namespace: default}
`, server, encode(ca), encode(certificate), encode(key))
}

func printKubeconfig(out io.Writer, l layout) error {
	path := l.kubeconfig("admin")
	if _, err := os.Stat(path); err != nil {
		return errNoCluster
	}
	_, err := fmt.Fprintln(out, path)
	return err
}
