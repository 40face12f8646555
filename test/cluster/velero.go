package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const (
	bucket   = "velero"
	s3Key    = "quiesce"
	s3Secret = "quiesce-secret" //nolint:gosec // of a server that this machine alone reaches
)

// s3 is an S3 server on a folder; each bucket is a folder in it. It listens on the bridge, so that pods (Velero's
// node-agent) reach it too.
func (c *cluster) s3() part {
	folder := c.part("s3")
	buckets, sidecar := filepath.Join(folder, "buckets"), filepath.Join(folder, "sidecar")
	address := c.address(bridgeAddress, "s3")
	return part{
		name: "s3", wave: 3, binary: c.binaries["versitygw"], address: "http://" + address,
		args: []string{"--port", address, "--health", "/health", "posix", "--sidecar", sidecar, buckets},
		env:  []string{"ROOT_ACCESS_KEY=" + s3Key, "ROOT_SECRET_KEY=" + s3Secret},
		prepare: func(context.Context) error {
			return errors.Join(os.MkdirAll(filepath.Join(buckets, bucket), 0o755), os.MkdirAll(sidecar, 0o755))
		},
		ready: answers("http://" + address + "/health"),
	}
}

// veleroPort is bound by Velero's server whatever its flags say.
const veleroPort = 8080

func (l layout) veleroTemp() string        { return filepath.Join(l.part("velero"), "tmp") }
func (l layout) veleroCredentials() string { return filepath.Join(l.part("velero"), "credentials") }

// velero runs Velero's server on the machine itself, as the ServiceAccount of a real installation, with intervals short
// enough for tests.
func (c *cluster) velero(api *api) part {
	folder := c.part("velero")
	plugins, credentials := filepath.Join(folder, "plugins"), c.veleroCredentials()
	features := ""
	if c.CSI {
		features = "EnableCSI"
	}
	return part{
		name: "velero", wave: 4, binary: c.binaries["velero"], address: c.address(loopback, "velero-metrics"),
		args: []string{
			"server", "--features=" + features, "--namespace=velero", "--plugin-dir=" + plugins,
			"--metrics-address=" + c.address(loopback, "velero-metrics"), "--profiler-address=" + c.address(loopback, "velero-profiler"),
			"--backup-sync-period=5s", "--store-validation-frequency=10s", "--item-operation-sync-frequency=1s",
			"--client-qps=200", "--client-burst=400", "--terminating-resource-timeout=30s", "--resource-timeout=1m",
			// Upkeep of repositories would run as Jobs with the credentials of the Deployment below, which has none.
			"--default-repo-maintain-frequency=8760h",
		},
		// Its plugins' sockets and copies of Secrets go to TMPDIR, and so with the cluster's folder.
		env: []string{"KUBECONFIG=" + c.kubeconfig("velero"), "AWS_SHARED_CREDENTIALS_FILE=" + credentials,
			"VELERO_NAMESPACE=velero", "VELERO_SCRATCH_DIR=" + filepath.Join(folder, "scratch"), "TMPDIR=" + c.veleroTemp()},
		prepare: func(ctx context.Context) error {
			if !portFree(ctx, "", veleroPort) {
				return fmt.Errorf("port %d is taken, and Velero's server binds it whatever its flags say: find who has it with `ss -ltnp 'sport = :%d'` and end that",
					veleroPort, veleroPort)
			}
			for _, needed := range []string{filepath.Join(folder, "scratch"), c.veleroTemp(), plugins} {
				if err := os.MkdirAll(needed, 0o755); err != nil {
					return err
				}
			}
			if err := replaceLink(c.binaries["velero-plugin-for-aws"], filepath.Join(plugins, "velero-plugin-for-aws")); err != nil {
				return err
			}
			secret := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", s3Key, s3Secret)
			if err := writeWhole(credentials, []byte(secret), 0o600); err != nil {
				return err
			}
			return c.installVelero(ctx, api)
		},
		ready: func(ctx context.Context) error {
			var location object
			if err := api.raw(ctx, "/apis/velero.io/v1/namespaces/velero/backupstoragelocations/default", &location); err != nil {
				return err
			}
			if location.Status.Phase != "Available" {
				return fmt.Errorf("BackupStorageLocation default is %q: %s", location.Status.Phase, location.Status.Message)
			}
			return nil
		},
	}
}

// installVelero creates what the server looks for when it starts: every CRD, its namespace, its rights, a place for
// backups, and the Deployment that restores ask for the server's image.
func (c *cluster) installVelero(ctx context.Context, api *api) error {
	crds, err := c.veleroCRDs(ctx)
	if err != nil {
		return err
	}
	say("installing Velero's CRDs")
	if err := api.apply(ctx, crds); err != nil {
		return err
	}
	if _, err := api.kubectl(ctx, crds, "wait", "--for=condition=Established", "--timeout=20s", "--filename=-"); err != nil {
		return err
	}
	if err := api.apply(ctx, c.veleroObjects()); err != nil {
		return err
	}
	// What an earlier server found must not pass for the word of the one that starts now.
	_, err = api.kubectl(ctx, "", "patch", "--namespace=velero", "backupstoragelocation/default", "--type=merge", `--patch={"status":null}`)
	return err
}

// veleroCRDs reads the CRDs of the very module that the server is built from.
func (c *cluster) veleroCRDs(ctx context.Context) (string, error) {
	module, err := c.moduleSource(ctx, "velero", veleroModule)
	if err != nil {
		return "", err
	}
	return joinManifests(filepath.Join(module, "config", "crd", "*", "bases", "*.yaml"))
}

func (c *cluster) veleroObjects() string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Namespace
metadata: {name: velero}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: velero, namespace: velero}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: velero}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: velero, namespace: velero}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: velero, namespace: velero, labels: {component: velero}}
spec:
  replicas: 0
  selector: {matchLabels: {deploy: velero}}
  template:
    metadata: {labels: {deploy: velero, component: velero}}
    spec:
      serviceAccountName: velero
      containers: [{name: velero, image: %q, imagePullPolicy: IfNotPresent, command: [/velero], args: [server]}]
---
apiVersion: velero.io/v1
kind: BackupStorageLocation
metadata: {name: default, namespace: velero}
spec:
  provider: aws
  default: true
  objectStorage: {bucket: %s}
  config: {region: us-east-1, s3ForcePathStyle: "true", s3Url: "http://%s"}
`, veleroImage, bucket, c.address(bridgeAddress, "s3"))
}
