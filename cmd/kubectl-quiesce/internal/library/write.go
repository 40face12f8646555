package library

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// dryRunUsage says how far commands go that write objects.
const dryRunUsage = "With client, send nothing. With server, have the API server try it and keep nothing."

// writing is how an object comes to the API server: what the commands have in common that write one.
type writing struct {
	frame   *command.Frame
	print   *command.Print
	dryRun  command.DryRun
	replace bool
	// version that an object must have to be replaced.
	version string
}

func newWriting(frame *command.Frame, c *cobra.Command) *writing {
	w := &writing{frame: frame, print: command.NewPrint(c)}
	command.DryRunFlag(c, &w.dryRun, dryRunUsage)
	c.Flags().BoolVar(&w.replace, "replace", false, "Replace the object that has the name already.")
	c.Flags().StringVar(&w.version, "resource-version", "",
		"With --replace: replace only an object of this resourceVersion, which nobody has changed since you looked at it.")
	return w
}

func (w *writing) check(c *cobra.Command) error {
	if w.version != "" && !w.replace {
		return command.UsageErrorf(c, "--resource-version is for --replace: write both")
	}
	return nil
}

// replacement is an object that is to be written, and how one that has its name already is brought to say the same.
type replacement[T client.Object] struct {
	fresh, existing T
	change          func(existing T)
	// look is the command that shows what is there.
	look string
	// reaches tells whom a change reaches of what is there.
	reaches func(existing T)
}

// send writes an object, and prints what became of it.
func send[T client.Object](ctx context.Context, w *writing, r replacement[T]) (T, error) {
	if w.dryRun == command.DryRunClient && !w.replace {
		return r.fresh, w.tell("created", r.fresh)
	}
	cluster, err := w.frame.Client()
	if err != nil {
		return r.fresh, err
	}
	if w.replace {
		err := cluster.Get(ctx, client.ObjectKeyFromObject(r.fresh), r.existing)
		if err == nil {
			return r.existing, update(ctx, w, cluster, r)
		}
		if !apierrors.IsNotFound(err) || w.version != "" {
			return r.fresh, err
		}
		if w.dryRun == command.DryRunClient {
			return r.fresh, w.tell("created", r.fresh)
		}
	}
	var options []client.CreateOption
	if w.dryRun == command.DryRunServer {
		options = append(options, client.DryRunAll)
	}
	err = cluster.Create(ctx, r.fresh, options...)
	if apierrors.IsAlreadyExists(err) {
		return r.fresh, fmt.Errorf("there is a %s already: look at it (%s), and write --replace to have this in its place, or another name", describe(r.fresh), r.look)
	}
	if err != nil {
		return r.fresh, err
	}
	return r.fresh, w.tell("created", r.fresh)
}

// update replaces what is there, unless somebody else has changed it since it was read.
func update[T client.Object](ctx context.Context, w *writing, cluster client.Client, r replacement[T]) error {
	if w.version != "" {
		r.existing.SetResourceVersion(w.version)
	}
	before := r.existing.GetGeneration()
	if author := r.existing.GetAnnotations()[v1alpha1.AuthorAnnotation]; author != "" {
		fmt.Fprintf(w.frame.ErrOut, "Replacing what %s wrote at %s.\n", terminal.Line(author), r.existing.GetAnnotations()[v1alpha1.AuthoredAtAnnotation])
	}
	if r.reaches != nil {
		r.reaches(r.existing)
	}
	r.change(r.existing)
	if w.dryRun == command.DryRunClient {
		return w.tell("replaced", r.existing)
	}
	var options []client.UpdateOption
	if w.dryRun == command.DryRunServer {
		options = append(options, client.DryRunAll)
	}
	err := cluster.Update(ctx, r.existing, options...)
	if apierrors.IsConflict(err) {
		return fmt.Errorf("%s has been changed by somebody else since it was read: look at it (%s), and try again", describe(r.existing), r.look)
	}
	if err != nil {
		return err
	}
	if r.existing.GetGeneration() == before {
		return w.tell("unchanged", r.existing)
	}
	return w.tell("replaced", r.existing)
}

// tell prints an object as -o says, or what became of it.
func (w *writing) tell(operation string, object client.Object) error {
	plain, err := plainly(object)
	if err != nil {
		return err
	}
	return w.print.Done(w.frame.Out, w.dryRun.Said(operation), plain)
}

// printObject prints an object as kubectl get -o does.
func printObject(out io.Writer, printer *command.Print, object client.Object) error {
	plain, err := plainly(object)
	if err != nil {
		return err
	}
	return printer.Object(out, plain)
}

// plainly is an object as one would write it: a status that nobody has given it yet is left out.
func plainly(object client.Object) (*unstructured.Unstructured, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	plain := &unstructured.Unstructured{}
	if err := json.Unmarshal(text, &plain.Object); err != nil {
		return nil, err
	}
	if object.GetUID() == "" {
		delete(plain.Object, "status")
	}
	plain.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kindOf(object)))
	return plain, nil
}

// describe names an object in a sentence.
func describe(object client.Object) string {
	name := fmt.Sprintf("%s %q", kindOf(object), object.GetName())
	if object.GetNamespace() != "" {
		name += " in namespace " + object.GetNamespace()
	}
	return name
}
