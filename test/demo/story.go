package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/test/walkthrough"
)

const (
	diskName  = "demo"
	namespace = "shop"
)

// demo is what the steps of the story share.
type demo struct {
	cluster     walkthrough.Cluster
	terminal    *walkthrough.Terminal
	application walkthrough.Application
	steps       int
}

// tell tells the story from the beginning to the end, whatever an earlier run has left.
func tell(ctx context.Context) error {
	log.SetLogger(logr.Discard())
	repository, err := walkthrough.Repository()
	if err != nil {
		return err
	}
	d := &demo{cluster: walkthrough.Cluster{Repository: repository, Progress: os.Stderr}}
	for _, step := range []func(context.Context) error{
		d.startCluster, d.removeEarlierRun, d.install, d.optIn, d.writePolicy, d.createPod, d.backUp, d.explore,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) heading(text string) {
	d.steps++
	say("\n%d. %s\n", d.steps, text)
}

func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

func (d *demo) startCluster(ctx context.Context) error {
	d.heading("A cluster: real Kubernetes on this machine, with Velero")
	if err := d.cluster.Up(ctx); err != nil {
		return err
	}
	if err := d.cluster.Load(ctx, "nginx", "quiesce"); err != nil {
		return err
	}
	var err error
	if d.terminal, err = walkthrough.OpenTerminal(ctx, d.cluster, os.Stdout); err != nil {
		return err
	}
	disk, err := walkthrough.NewDisk(diskName)
	if err != nil {
		return err
	}
	d.application = walkthrough.Application{Terminal: d.terminal, Disk: disk, Namespace: namespace}
	_, err = d.terminal.Run(ctx, "kubectl", "get", "nodes")
	return err
}

// removeEarlierRun makes every run tell the same story.
func (d *demo) removeEarlierRun(ctx context.Context) error {
	quiet := d.application
	quiet.Terminal = d.terminal.Quietly()
	err := quiet.Remove(ctx)
	if err == nil {
		// By the file it would be an error where there is no such kind yet.
		_, err = quiet.Terminal.Run(ctx, "kubectl", "delete", "crd", "hookpolicies.quiesce.io", "namespacedhookpolicies.quiesce.io", "--ignore-not-found")
	}
	if err != nil {
		return fmt.Errorf("removing what an earlier run has left: %w", err)
	}
	return nil
}

func (d *demo) install(ctx context.Context) error {
	d.heading("Quiesce, by its Helm chart")
	if err := walkthrough.Install(ctx, d.terminal); err != nil {
		return err
	}
	_, err := d.terminal.Run(ctx, "kubectl", "get", "pods", "-n", walkthrough.Release)
	return err
}

func (d *demo) optIn(ctx context.Context) error {
	d.heading("A namespace opts in")
	if _, err := d.terminal.Run(ctx, "kubectl", "create", "namespace", namespace); err != nil {
		return err
	}
	_, err := d.terminal.Run(ctx, "kubectl", "label", "namespace", namespace, v1alpha1.HooksLabel+"="+v1alpha1.HooksEnabled)
	return err
}

func (d *demo) writePolicy(ctx context.Context) error {
	d.heading("A policy: freeze the filesystem of every nginx before the backup, thaw it afterwards")
	for _, args := range [][]string{
		{"cat", walkthrough.PolicyManifest},
		{"kubectl", "apply", "-f", walkthrough.PolicyManifest},
		{"kubectl", "wait", "--for=condition=Ready", "hookpolicy/nginx", "--timeout=60s"},
	} {
		if _, err := d.terminal.Run(ctx, args[0], args[1:]...); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) createPod(ctx context.Context) error {
	d.heading("A pod: nginx, a writer that appends a timestamp every 50 ms, and a container that may freeze")
	if err := d.application.Disk.Create(ctx); err != nil {
		return err
	}
	say("Its volume is a small ext4 filesystem of its own: nothing else on this machine will be frozen.\n")
	if err := d.application.Create(ctx); err != nil {
		return err
	}
	say("\nThe manifest says nothing of hooks. The pod carries them all the same:\n")
	stamped, err := d.terminal.Run(ctx, "kubectl", "get", "pod", "-n", namespace, walkthrough.Pod,
		"-o", `go-template={{range $key, $value := .metadata.annotations}}{{$key}}: {{printf "%.100s" $value}}{{"\n"}}{{end}}`)
	if err != nil {
		return err
	}
	if err := checkStamp(stamped); err != nil {
		return err
	}
	if _, err := d.terminal.Quietly().Run(ctx, "kubectl", "wait", "--for=jsonpath={.status.stampedPods}=1", "hookpolicy/nginx", "--timeout=30s"); err != nil {
		return fmt.Errorf("expected the policy's status to count one stamped pod: %w", err)
	}
	fmt.Println()
	_, err = d.terminal.Run(ctx, "kubectl", "get", "hookpolicies")
	return err
}

func (d *demo) backUp(ctx context.Context) error {
	d.heading("A backup by Velero")
	api, err := walkthrough.Connect(ctx, d.cluster)
	if err != nil {
		return err
	}
	begun := time.Now()
	name := namespace + "-" + begun.Format("20060102-150405")
	backup, err := walkthrough.TakeBackup(ctx, d.terminal, api, name, namespace, func(phase string) {
		say("  %5.2f s  %s", time.Since(begun).Seconds(), phase)
	})
	if err != nil {
		return err
	}
	say("Velero attempted %d hooks, and %d failed.", backup.HooksAttempted, backup.HooksFailed)
	if err := backup.Check(); err != nil {
		return err
	}

	d.heading("What the application saw of it")
	gap, err := d.application.ReadGap(ctx)
	if err != nil {
		return err
	}
	say("\nThe writer's timestamps beside it:\n\n%s\n%s", gap.Timeline(), gap.Summary())
	say("\nPassed: Velero ran both hooks, and nothing was written between the freeze and the thaw.")
	return nil
}

func (d *demo) explore(ctx context.Context) error {
	kubeconfig, err := d.cluster.Kubeconfig(ctx)
	if err != nil {
		return err
	}
	d.heading("Look around")
	say("The cluster stays up until you run `make demo-down`. In a shell of yours:\n")
	say("  export KUBECONFIG=%s", kubeconfig)
	for _, name := range []string{"kubectl", "velero"} {
		path, err := d.cluster.Binary(ctx, name)
		if err != nil {
			return err
		}
		say("  alias %s=%s", name, path)
	}
	say(`
What a policy can say, and what became of this one:
  kubectl explain hookpolicy.spec --recursive
  kubectl get hookpolicy nginx -o yaml

Another backup, while you watch the writer:
  kubectl exec -n %[1]s %[2]s -c writer -- tail -f /var/www/html/timestamps &
  velero backup create again --include-namespaces %[1]s --wait

A pod that the policy selects but cannot freeze, and the warning that it leads to:
  kubectl run bare -n %[1]s --labels app=nginx --image quiesce.test/nginx:1.22
  kubectl get hookpolicies`, namespace, walkthrough.Pod)
	return nil
}
