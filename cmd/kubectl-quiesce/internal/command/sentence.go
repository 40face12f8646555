package command

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Sentence is an error in words for the person at the terminal, with what to do where that is known. Of errors that were joined each has a
// line of its own.
func Sentence(err error) string { return strings.Join(sentences(err), "\n") }

// sentences are an error's, or those of the ones that were joined in it.
func sentences(err error) []string {
	//nolint:errorlint // what wraps others adds words, which are not to be lost
	switch of := err.(type) {
	case *ExitError:
		if of.Err != nil {
			return sentences(of.Err)
		}
	case interface{ Unwrap() []error }:
		if parts := of.Unwrap(); err.Error() == errors.Join(parts...).Error() { // and no sentence that was made of several
			var all []string
			for _, part := range parts {
				all = append(all, sentences(part)...)
			}
			return all
		}
	}
	return []string{sentence(err)}
}

func sentence(err error) string {
	var (
		noMatch     *meta.NoKindMatchError
		unreachable *url.Error
	)
	switch {
	case errors.Is(err, context.Canceled): // by a signal: nothing else ends a command's requests
		return "interrupted before the cluster had answered"
	case clientcmd.IsEmptyConfig(err):
		return "no cluster: there is no kubeconfig, or it has no current context. Write --kubeconfig or --context, or set KUBECONFIG"
	case errors.As(err, &noMatch) && noMatch.GroupKind.Group == v1alpha1.GroupVersion.Group:
		return notInstalled(noMatch.GroupKind.Kind)
	case unserved(err) != "":
		return notInstalled(unserved(err))
	case apierrors.IsUnauthorized(err):
		return "the cluster does not accept your credentials: log in again, or write --context for another cluster"
	case apierrors.IsForbidden(err):
		return forbidden(err)
	case errors.As(err, &unreachable):
		return fmt.Sprintf("the cluster cannot be reached at %s: %v. Is it up, and is the context the right one?", host(unreachable.URL), unreachable.Err)
	}
	return err.Error()
}

func notInstalled(kind string) string {
	return fmt.Sprintf("this cluster has no %s of %s: Quiesce is not installed, or an older one. "+
		"Install it: helm install quiesce charts/quiesce -n quiesce-system --create-namespace", kind, v1alpha1.GroupVersion)
}

// unserved is the resource of ours of which the API server has said that it serves none such; empty where it has not.
func unserved(err error) string {
	var status apierrors.APIStatus
	// An object that there is not is told by the server itself, and a resource by the lack of an answer that could be read.
	if !apierrors.IsNotFound(err) || !apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse) || !errors.As(err, &status) {
		return ""
	}
	if details := status.Status().Details; details.Group == v1alpha1.GroupVersion.Group {
		return details.Kind
	}
	return ""
}

// host is the part of an address that says which server it is.
func host(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return address
	}
	return parsed.Scheme + "://" + parsed.Host
}
