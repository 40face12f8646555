package walkthrough

import (
	"context"
	"fmt"
	"path/filepath"
)

// Manifests of the walk-through, from the root of the repository.
const (
	manifests = "test/walkthrough/manifests"
	// PolicyManifest is a HookPolicy that freezes and thaws the application.
	PolicyManifest = manifests + "/policy.yaml"
	// ApplicationManifest is the application.
	ApplicationManifest = manifests + "/web.yaml"
)

// The application's parts, as the manifests name them.
const (
	Pod              = "web"
	FreezerContainer = "fsfreeze"
	writerContainer  = "writer"
	claim            = "web"
	timestampsFile   = "/var/www/html/timestamps"
)

// Application is a web server in a namespace of its own, with its data on a disk that hooks may freeze.
type Application struct {
	Terminal  *Terminal
	Disk      Disk
	Namespace string
}

// Create creates the application in its namespace, which must exist, and waits until it is ready.
func (a Application) Create(ctx context.Context) error {
	if err := a.Terminal.Apply(ctx, a.volume()); err != nil {
		return err
	}
	if _, err := a.Terminal.Run(ctx, "kubectl", "create", "-n", a.Namespace, "-f", ApplicationManifest); err != nil {
		return err
	}
	if _, err := a.Terminal.Run(ctx, "kubectl", "wait", "-n", a.Namespace, "--for=condition=Ready", "pod/"+Pod, "--timeout=90s"); err != nil {
		return fmt.Errorf("%w\nexpected the application to be ready: look at `kubectl -n %s describe pod %s`", err, a.Namespace, Pod)
	}
	return nil
}

// Remove removes the application, its namespace and its disk, whatever there is of them. Thawing comes first: a pod on
// a frozen filesystem does not end.
func (a Application) Remove(ctx context.Context) error {
	if err := a.Disk.Thaw(ctx); err != nil {
		return err
	}
	// The pod and its claim first: a namespace that finds objects which take a while looks again only seconds later.
	for _, object := range []string{
		"pod/" + Pod, "persistentvolumeclaim/" + claim, "namespace/" + a.Namespace, "persistentvolume/" + a.volumeName(),
	} {
		_, err := a.Terminal.Run(ctx, "kubectl", "delete", object, "-n", a.Namespace, "--ignore-not-found", "--timeout=120s")
		if err != nil {
			return err
		}
	}
	return a.Disk.Remove(ctx)
}

func (a Application) volumeName() string { return a.Namespace + "-" + claim }

// volume offers the disk to the cluster, for the application's claim alone.
func (a Application) volume() string {
	return fmt.Sprintf(`apiVersion: v1
kind: PersistentVolume
metadata: {name: %s}
spec:
  capacity: {storage: 32Mi}
  accessModes: [ReadWriteOnce]
  claimRef: {namespace: %s, name: %s}
  hostPath: {path: %q}
`, a.volumeName(), a.Namespace, claim, a.Disk.Path())
}

// ReadGap reads from the application when it was frozen, and what the writer did meanwhile.
func (a Application) ReadGap(ctx context.Context) (Gap, error) {
	log, err := a.Terminal.Run(ctx, "kubectl", "logs", "-n", a.Namespace, Pod, "-c", FreezerContainer)
	if err != nil {
		return Gap{}, err
	}
	window, err := ParseWindow(log)
	if err != nil {
		return Gap{}, err
	}
	written, err := a.Terminal.Quietly().Run(ctx, "kubectl", "exec", "-n", a.Namespace, Pod, "-c", writerContainer, "--", "cat", timestampsFile)
	if err != nil {
		return Gap{}, err
	}
	timestamps, err := ParseTimestamps(written)
	if err != nil {
		return Gap{}, fmt.Errorf("%s of container %s: %w", filepath.Base(timestampsFile), writerContainer, err)
	}
	return FindGap(timestamps, window)
}
