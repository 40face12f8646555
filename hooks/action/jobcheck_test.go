package action

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
)

func TestAJobAndAPodOfItAreTriedAndNothingIsMade(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		var tried []string
		c.PrependReactor("create", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
			create := action.(clienttesting.CreateActionImpl)
			assert.Equal(t, []string{metav1.DryRunAll}, create.GetCreateOptions().DryRun)
			tried = append(tried, action.GetResource().Resource)
			if pod, is := create.GetObject().(*corev1.Pod); is {
				assert.Equal(t, "upload-1-", pod.GenerateName)
				assert.Equal(t, "shop", pod.Namespace)
				assert.Equal(t, c.jobs.build(jobRequest()).Spec.Template.Spec, pod.Spec)
			}
			return true, create.GetObject(), nil
		})
		assert.Nil(t, c.jobs.Check(t.Context(), jobRequest()))
		assert.Equal(t, []string{"jobs", "pods"}, tried)
	})
}

func TestOfATrialOnlyWhatSpeaksAgainstTheTrueOneCounts(t *testing.T) {
	pods := corev1.Resource("pods")
	tests := map[string]struct {
		resource string
		err      error
		reason   Reason
		message  string
	}{
		"the Job is there already":             {"jobs", apierrors.NewAlreadyExists(batchv1.Resource("jobs"), "upload-1"), "", ""},
		"a webhook takes no part in dry runs":  {"pods", apierrors.NewBadRequest("admission webhook \"x.example.com\" does not support dry run"), "", ""},
		"an administrator took our right away": {"pods", apierrors.NewForbidden(pods, "", errors.New(`User "q" cannot create resource "pods" in API group "" in the namespace "shop"`)), "", ""},
		"Pod Security": {"pods", apierrors.NewForbidden(pods, "upload-1-x", errors.New(`violates PodSecurity "baseline:latest"`)), Forbidden,
			`a pod of Job shop/upload-1 is not allowed: pods "upload-1-x" is forbidden: violates PodSecurity "baseline:latest"`},
		"a mistake": {"pods", apierrors.NewBadRequest("no such volume"), Refused,
			"a pod of Job shop/upload-1 is refused: correct job.template in the policy: no such volume"},
		"we may create no Jobs": {"jobs", apierrors.NewForbidden(batchv1.Resource("jobs"), "upload-1", errors.New("no")), Forbidden,
			`Job shop/upload-1 is not allowed: jobs.batch "upload-1" is forbidden: no`},
		"the API server does not answer": {"jobs", errors.New("EOF"), Unreachable, "Job shop/upload-1 could not be tried: EOF"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inCluster(t, func(t *testing.T, c *cluster) {
				c.PrependReactor("create", test.resource, func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, test.err })
				found := c.jobs.Check(t.Context(), jobRequest())
				if test.reason == "" {
					assert.Nil(t, found)
					return
				}
				require.NotNil(t, found)
				assert.Equal(t, Result{Reason: test.reason, Process: NeverRan, Message: test.message}, *found)
			})
		})
	}
}
