package activity

import (
	"context"
	"fmt"
	"io"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
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
	// page is shown what there is, page by page; listed says that this was all.
	page   func(List)
	listed func() error
	// change is shown what is new.
	change func(runtime.Object) error
	// talk is told of lost connections.
	talk io.Writer
}

// run follows.
func (f *follower[Items, List]) run(ctx context.Context) error {
	version, err := f.list(ctx)
	if err != nil {
		return err
	}
	for pause := firstRetry; ; {
		began := time.Now()
		lost := f.watch(ctx, &version)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // its end is what ends this
		}
		if stop := (*shownError)(nil); isShown(lost, &stop) {
			return stop.error
		}
		if apierrors.IsForbidden(lost) || apierrors.IsUnauthorized(lost) {
			return lost
		}
		if time.Since(began) > lastRetry {
			pause = firstRetry
		}
		if lost != nil {
			fmt.Fprintf(f.talk, "the connection to the cluster was lost, and is tried again: %v\n", lost)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, lastRetry)
		if version == "" { // the API server has dropped it: what was missed is in the list
			if version, err = f.list(ctx); err != nil {
				version = ""
			}
		}
	}
}

func (f *follower[Items, List]) list(ctx context.Context) (version string, err error) {
	if version, err = eachPage[Items, List](ctx, f.cluster, f.page, f.options...); err != nil {
		return "", err
	}
	return version, f.listed()
}

// shownError is why what is new could not be shown.
type shownError struct{ error }

func isShown(err error, target **shownError) bool {
	shown, is := err.(*shownError) //nolint:errorlint // it is ours, and wrapped by nobody
	*target = shown
	return is
}

// watch shows changes from a version on, and moves that along. It returns when the connection is lost; without an error where the API
// server has just ended it, as it does every few minutes. An empty version is one that it no longer knows.
func (f *follower[Items, List]) watch(ctx context.Context, version *string) error {
	if *version == "" {
		return nil
	}
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
		if object, is := event.Object.(metav1.Object); is {
			*version = object.GetResourceVersion()
		}
		if event.Type == watch.Added || event.Type == watch.Modified {
			if err := f.change(event.Object); err != nil {
				return &shownError{err}
			}
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
