package walkthrough

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// backupPatience is how long a backup may take that should take two seconds.
const backupPatience = 2 * time.Minute

// veleroNamespace is where Velero and its Backups are.
const veleroNamespace = "velero"

// Backup is how a backup by Velero ended.
type Backup struct {
	Name  string
	Phase string
	// HooksAttempted and HooksFailed are all that Velero tells of hooks.
	HooksAttempted, HooksFailed int64
	// Reason why it failed, as far as Velero gives one.
	Reason string
}

// Connect returns a client that knows the objects of Kubernetes and of Quiesce.
func Connect(ctx context.Context, cluster Cluster) (client.WithWatch, error) {
	return ConnectAs(ctx, cluster, rest.ImpersonationConfig{})
}

// Config is that of a client with the administrator's rights.
func Config(ctx context.Context, cluster Cluster) (*rest.Config, error) {
	kubeconfig, err := cluster.Kubeconfig(ctx)
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	// Tests create pods as fast as they can; the API server looks after itself.
	config.QPS = -1
	return config, nil
}

// ConnectAs returns such a client with the rights of another user.
func ConnectAs(ctx context.Context, cluster Cluster, user rest.ImpersonationConfig) (client.WithWatch, error) {
	config, err := Config(ctx, cluster)
	if err != nil {
		return nil, err
	}
	config.Impersonate = user
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	return client.NewWithWatch(config, client.Options{Scheme: scheme})
}

// TakeBackup has Velero back a namespace up and waits for the end. It tells each phase as it passes, if asked to.
func TakeBackup(ctx context.Context, terminal *Terminal, api client.WithWatch, name, namespace string, passes func(phase string)) (Backup, error) {
	ctx, cancel := context.WithTimeout(ctx, backupPatience)
	defer cancel()
	// The watch comes first, since the early phases last for milliseconds.
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: "velero.io", Version: "v1", Kind: "BackupList"})
	watch, err := api.Watch(ctx, list, client.InNamespace(veleroNamespace), client.MatchingFields{"metadata.name": name})
	if err != nil {
		return Backup{}, fmt.Errorf("watching backups: %w", err)
	}
	defer watch.Stop()
	if _, err := terminal.Run(ctx, "velero", "backup", "create", name, "--include-namespaces", namespace); err != nil {
		return Backup{}, err
	}
	last := Backup{Name: name}
	for event := range watch.ResultChan() {
		object, isBackup := event.Object.(*unstructured.Unstructured)
		if !isBackup {
			return last, fmt.Errorf("watching backup %s: %v", name, event.Object)
		}
		now := describe(object)
		if now.Phase != last.Phase && passes != nil {
			passes(now.Phase)
		}
		last = now
		switch now.Phase {
		case "Completed", "PartiallyFailed", "Failed", "FailedValidation":
			return now, nil
		}
	}
	return last, fmt.Errorf("expected backup %s to end within %s, but its phase is %q: "+
		"look at velero's log, whose path `go run -C test/cluster . status` prints", name, backupPatience, last.Phase)
}

func describe(object *unstructured.Unstructured) Backup {
	// Fields that are absent, or not of their type, are as good as zero: what is expected of them is checked by the caller.
	text := func(fields ...string) string {
		value, _, _ := unstructured.NestedString(object.Object, fields...)
		return value
	}
	number := func(fields ...string) int64 {
		value, _, _ := unstructured.NestedInt64(object.Object, fields...)
		return value
	}
	backup := Backup{
		Name:           object.GetName(),
		Phase:          text("status", "phase"),
		HooksAttempted: number("status", "hookStatus", "hooksAttempted"),
		HooksFailed:    number("status", "hookStatus", "hooksFailed"),
		Reason:         text("status", "failureReason"),
	}
	if invalid, _, _ := unstructured.NestedStringSlice(object.Object, "status", "validationErrors"); len(invalid) > 0 {
		backup.Reason = fmt.Sprint(invalid)
	}
	if backup.Phase == "" {
		backup.Phase = "New" // Velero's name for a Backup that it has not touched yet
	}
	return backup
}

// Check is an error unless the backup has completed with both hooks.
func (b Backup) Check() error {
	if b.Phase == "Completed" && b.HooksAttempted == 2 && b.HooksFailed == 0 {
		return nil
	}
	return fmt.Errorf("expected backup %s to be Completed with 2 hooks attempted and none failed, but it is %s with %d attempted and %d failed (%s): "+
		"look at `velero backup logs %s`", b.Name, b.Phase, b.HooksAttempted, b.HooksFailed, b.Reason, b.Name)
}
