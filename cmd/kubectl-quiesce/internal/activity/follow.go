package activity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
)

const (
	// firstRetry and lastRetry are the pauses before a lost connection is tried again; they double.
	firstRetry = 500 * time.Millisecond
	lastRetry  = 15 * time.Second
)

// follower shows what there is, and then what changes, until its context ends, whatever connection is lost on the way. What it shows
// may come twice.
type follower[Items any, List list[Items]] struct {
	cluster client.WithWatch
	options []client.ListOption
	// before, where there is one, is called ahead of each reading of what there is.
	before func(context.Context) error
	// page is shown what there is, page by page; listed says that this was all.
	page   func(List)
	listed func() error
	// change is shown what is new. What it cannot show it says by unshown; after another error it is shown the same once more.
	change func(context.Context, runtime.Object) error
	// talk is told of lost connections.
	talk io.Writer
}

// run follows.
func (f *follower[Items, List]) run(ctx context.Context) error {
	version, err := f.list(ctx)
	for pause := firstRetry; err == nil; {
		began := time.Now()
		var lost error
		if version == "" { // the API server has dropped it: what was missed is in the list
			version, lost = f.list(ctx)
		} else {
			lost = f.watch(ctx, &version)
		}
		if final(lost) {
			err = lost
			break
		}
		if time.Since(began) > lastRetry {
			pause = firstRetry
		}
		if lost != nil && ctx.Err() == nil {
			fmt.Fprintf(f.talk, "the connection to the cluster was lost, and is tried again: %s\n", terminal.Line(lost.Error()))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, lastRetry)
	}
	if ctx.Err() != nil {
		return nil //nolint:nilerr // its end is what ends this
	}
	return err
}

// final tells of what does not pass: what has come cannot be shown, or may not be seen any more.
func final(err error) bool {
	var shown *shownError
	return errors.As(err, &shown) || apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err)
}

func (f *follower[Items, List]) list(ctx context.Context) (version string, err error) {
	if f.before != nil {
		if err := f.before(ctx); err != nil {
			return "", err
		}
	}
	if version, err = eachPage[Items, List](ctx, f.cluster, f.page, f.options...); err != nil {
		return "", err
	}
	return version, unshown(f.listed())
}

// shownError is why what is new could not be shown.
type shownError struct{ error }

// Unwrap implements errors.Unwrap.
func (e *shownError) Unwrap() error { return e.error }

// unshown is the error of showing something, if there is any.
func unshown(err error) error {
	if err == nil {
		return nil
	}
	return &shownError{err}
}

// watch shows changes from a version on, and moves that along. It returns when the connection is lost; without an error where the API
// server has just ended it, as it does every few minutes. The version is empty then if it no longer knows it.
func (f *follower[Items, List]) watch(ctx context.Context, version *string) error {
	options := client.ListOptions{}
	options.ApplyOptions(f.options)
	options.Raw = &metav1.ListOptions{ResourceVersion: *version, AllowWatchBookmarks: true}
	changes, err := f.cluster.Watch(ctx, List(new(Items)), &options)
	if err != nil {
		return f.expired(err, version)
	}
	defer changes.Stop()
	for event := range changes.ResultChan() {
		if event.Type == watch.Error {
			return f.expired(apierrors.FromObject(event.Object), version)
		}
		if event.Type == watch.Added || event.Type == watch.Modified {
			if err := f.change(ctx, event.Object); err != nil {
				return err
			}
		}
		if object, is := event.Object.(metav1.Object); is {
			*version = object.GetResourceVersion()
		}
	}
	return nil
}

func (f *follower[Items, List]) expired(err error, version *string) error {
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		*version = ""
		return nil
	}
	return err
}
