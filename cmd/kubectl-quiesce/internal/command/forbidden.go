package command

import (
	"fmt"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// lacking is how the API server's authorizers say that a right to one of our kinds is not there
// (k8s.io/apiserver: pkg/endpoints/handlers/responsewriters/errors.go). Admission, which refuses with the same code, has words of its own.
var lacking = regexp.MustCompile(`cannot ([a-z]+) resource "([a-z]+)(?:/[a-z]+)?" in API group "` + regexp.QuoteMeta(v1alpha1.GroupVersion.Group) + `"`)

// forbidden is a refusal, with who has the right that it is for. What admission says already tells what to do.
func forbidden(err error) string {
	text := strings.TrimSuffix(err.Error(), ".")
	right := lacking.FindStringSubmatch(text)
	switch {
	case right != nil:
		return fmt.Sprintf("%s. The ClusterRole %s has that right: ask an administrator to bind it to you; kubectl quiesce doctor lists which rights you have",
			text, roleFor(right[1], right[2]))
	case strings.Contains(text, `" cannot `):
		return text + ". Ask an administrator for that right; kubectl quiesce doctor lists which ones you have"
	}
	return text
}

// Lacks tells whether an error is that the user has not a right to one of our kinds, and not what admission says.
func Lacks(err error) bool { return apierrors.IsForbidden(err) && lacking.MatchString(err.Error()) }

// roleFor is the chart's ClusterRole that lets people do something with one of our kinds.
func roleFor(verb, resource string) string {
	switch {
	case verb == "get" || verb == "list" || verb == "watch":
		return "quiesce-view"
	case resource == "namespacedhookpolicies" || resource == "hooksessions":
		return "quiesce-edit (which edit and admin include)"
	}
	return "quiesce-admin"
}
