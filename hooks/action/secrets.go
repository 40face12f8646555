package action

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Secrets reads keys of Secrets as they are now. There is no right to that cluster-wide: a namespace grants it.
type Secrets struct {
	Live client.Reader
	// Account is the controller's ServiceAccount, as namespace:name.
	Account string
}

// SecretError is why a key of a Secret cannot be had.
type SecretError struct {
	Reason  Reason
	message string
}

func (e *SecretError) Error() string { return e.message }

// Value is that of a key. Its error is a SecretError, in words for whoever wrote the hook.
func (s Secrets) Value(ctx context.Context, namespace, name, key string) (string, error) {
	var secret corev1.Secret
	err := s.Live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &secret)
	switch {
	case (apierrors.IsNotFound(err) || apierrors.IsForbidden(err)) && s.ends(ctx, namespace):
		return "", &SecretError{NamespaceEnding, fmt.Sprintf("namespace %q is being deleted, and Secret %q with it", namespace, name)}
	case apierrors.IsNotFound(err):
		return "", &SecretError{SecretNotFound, fmt.Sprintf("there is no Secret %q in namespace %q", name, namespace)}
	case apierrors.IsForbidden(err):
		return "", &SecretError{Forbidden, fmt.Sprintf("Quiesce may not read Secret %q, since namespace %q has not granted it: "+
			"kubectl create rolebinding quiesce-secrets -n %[2]s --clusterrole=%s --serviceaccount=%s", name, namespace, SecretsRole, s.Account)}
	case err != nil:
		return "", &SecretError{Unreachable, fmt.Sprintf("Secret %q cannot be read: %v", name, err)}
	}
	value, found := secret.Data[key]
	if !found { // which it has is not for everybody who reads this
		return "", &SecretError{SecretNotFound, fmt.Sprintf("Secret %q of namespace %q has no key %q", name, namespace, key)}
	}
	return string(value), nil
}

// ends tells whether a namespace is on its way out, with all that it has granted.
func (s Secrets) ends(ctx context.Context, namespace string) bool {
	object := metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	err := s.Live.Get(ctx, client.ObjectKey{Name: namespace}, &object)
	return apierrors.IsNotFound(err) || err == nil && object.DeletionTimestamp != nil
}

// SecretsRole is the ClusterRole by which a namespace grants the right to read its Secrets.
const SecretsRole = "quiesce-secrets-reader" //nolint:gosec // the name of a role is no credential
