package action

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	batchv1client "k8s.io/client-go/kubernetes/typed/batch/v1"
	clienttesting "k8s.io/client-go/testing"
)

// cluster is an API server that there is not, with a clock that is not real. The tests are its Job controller and its kubelet.
type cluster struct {
	*fake.Clientset
	t    *testing.T
	jobs *Jobs

	lock      sync.Mutex
	reactions []reaction // the last one first
}

// reaction is how the API server answers, which may be changed while it is asked.
type reaction struct {
	verb, resource string
	react          clienttesting.ReactionFunc
}

// PrependReactor is that of the Clientset, which does not expect it while a request is under way.
func (c *cluster) PrependReactor(verb, resource string, react clienttesting.ReactionFunc) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.reactions = append([]reaction{{verb, resource, react}}, c.reactions...)
}

func (c *cluster) react(action clienttesting.Action) (handled bool, answer runtime.Object, err error) {
	c.lock.Lock()
	reactions := c.reactions
	c.lock.Unlock()
	for _, r := range reactions {
		if (r.verb == "*" || r.verb == action.GetVerb()) && (r.resource == "*" || r.resource == action.GetResource().Resource) {
			if handled, answer, err = r.react(action); handled {
				return handled, answer, err
			}
		}
	}
	return false, nil, nil
}

func inCluster(t *testing.T, test func(t *testing.T, c *cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{Clientset: fake.NewClientset(), t: t}
		c.jobs = &Jobs{jobs: c.BatchV1(), core: c.CoreV1()}
		c.Clientset.PrependReactor("*", "*", c.react)
		c.PrependReactor("create", "jobs", func(action clienttesting.Action) (bool, runtime.Object, error) {
			job := action.(clienttesting.CreateAction).GetObject().(*batchv1.Job)
			job.UID, job.CreationTimestamp = "job-uid", metav1.Now()
			job.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{batchv1.ControllerUidLabel: "job-uid"}}
			return false, nil, nil
		})
		test(t, c)
	})
}

// run begins a Job and waits until nothing more happens by itself.
func (c *cluster) run(ctx context.Context, request JobRequest) <-chan Result {
	results := make(chan Result, 1)
	go func() { results <- c.jobs.Run(ctx, request) }()
	synctest.Wait()
	return results
}

var jobsKind = batchv1.SchemeGroupVersion.WithResource("jobs")

func (c *cluster) job() *batchv1.Job {
	c.t.Helper()
	job, err := c.Tracker().Get(jobsKind, "shop", "upload-1")
	require.NoError(c.t, err)
	return job.(*batchv1.Job).DeepCopy()
}

// has gives the Job conditions, all with one reason, and waits until that has its effect.
func (c *cluster) has(reason string, kinds ...batchv1.JobConditionType) {
	c.t.Helper()
	c.set(reason, kinds...)
	synctest.Wait()
}

func (c *cluster) set(reason string, kinds ...batchv1.JobConditionType) *batchv1.Job {
	c.t.Helper()
	job := c.job()
	for _, kind := range kinds {
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, Reason: reason, Message: "as the controller says"})
	}
	require.NoError(c.t, c.Tracker().Update(jobsKind, job, "shop"))
	return job
}

func (c *cluster) pod(name string, status corev1.PodStatus) {
	c.t.Helper()
	_, err := c.CoreV1().Pods("shop").Create(c.t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, CreationTimestamp: metav1.Now(), UID: "pod-uid", Labels: map[string]string{
			batchv1.ControllerUidLabel: "job-uid", batchv1.JobNameLabel: "upload-1",
		}},
		Spec: c.job().Spec.Template.Spec, Status: status,
	}, metav1.CreateOptions{})
	require.NoError(c.t, err)
}

func (c *cluster) deletePod(name string) {
	c.t.Helper()
	require.NoError(c.t, c.CoreV1().Pods("shop").Delete(c.t.Context(), name, metav1.DeleteOptions{}))
	synctest.Wait()
}

// warns tells of the Job by an event.
func (c *cluster) warns(reason, message string, at time.Time) {
	c.t.Helper()
	_, err := c.CoreV1().Events("shop").Create(c.t.Context(), &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: reason + at.Format("150405")}, Type: corev1.EventTypeWarning,
		InvolvedObject: corev1.ObjectReference{UID: "job-uid"}, Reason: reason, Message: message, LastTimestamp: metav1.NewTime(at),
	}, metav1.CreateOptions{})
	require.NoError(c.t, err)
}

func inPod(status corev1.ContainerStatus) corev1.PodStatus {
	status.Name = "main"
	return corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{status}}
}

func running() corev1.PodStatus {
	status := inPod(corev1.ContainerStatus{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}})
	status.Phase = corev1.PodRunning
	return status
}

func terminated(code int32, reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message, FinishedAt: metav1.Now()}}
}

func waits(reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
}

func TestAJobThatIsCompleteHasSucceeded(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		results := c.run(t.Context(), jobRequest())
		time.Sleep(7 * time.Second)
		c.has("", batchv1.JobComplete)
		assert.Equal(t, Result{Reason: Succeeded, Code: new(0), Process: HasEnded, Message: "Job shop/upload-1 is complete", Duration: 7 * time.Second}, <-results)
	})
}

func TestAJobThatFailedSaysWhy(t *testing.T) {
	const prefix = "Job shop/upload-1 failed (BackoffLimitExceeded): "
	tests := map[string]struct {
		status  corev1.PodStatus
		reason  Reason
		code    string
		message string
		logs    string
	}{
		"by a code": {inPod(corev1.ContainerStatus{State: terminated(3, "Error", "")}), ExitCode, "3", "container main of pod p ended with code 3", "fake logs"},
		"by a code, and started again": {inPod(corev1.ContainerStatus{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, LastTerminationState: terminated(4, "Error", "")}),
			ExitCode, "4", "container main of pod p ended with code 4", "fake logs"},
		"for want of memory": {inPod(corev1.ContainerStatus{State: terminated(137, "OOMKilled", "")}), ExitCode, "137",
			"container main of pod p was ended for want of memory (OOMKilled, code 137): raise its resources.limits.memory", "fake logs"},
		"as its program is not there": {inPod(corev1.ContainerStatus{State: terminated(128, "StartError", `exec: "upload": executable file not found in $PATH`)}), NotStarted, "N/A",
			`container main of pod p could not be started (StartError): exec: "upload": executable file not found in $PATH`, "fake logs"},
		"by a container ahead of the others": {corev1.PodStatus{Phase: corev1.PodFailed,
			InitContainerStatuses: []corev1.ContainerStatus{{Name: "setup", State: terminated(1, "Error", "")}},
			ContainerStatuses:     []corev1.ContainerStatus{waits("PodInitializing", "")},
		}, ExitCode, "1", "container setup of pod p ended with code 1", "fake logs"},
		"by an eviction": {corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted", Message: "The node was low on resource: memory."}, JobFailed, "N/A",
			"pod p failed: Evicted: The node was low on resource: memory.", ""},
		"by the pod's own deadline": {corev1.PodStatus{Phase: corev1.PodFailed, Reason: "DeadlineExceeded", Message: "Pod was active on the node longer than the specified deadline"}, TimedOut, "N/A",
			"pod p failed: DeadlineExceeded: Pod was active on the node longer than the specified deadline", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inCluster(t, func(t *testing.T, c *cluster) {
				results := c.run(t.Context(), jobRequest())
				c.pod("p", test.status)
				c.has(batchv1.JobReasonBackoffLimitExceeded, batchv1.JobFailureTarget, batchv1.JobFailed)
				result := <-results
				assert.Equal(t, test.reason, result.Reason)
				assert.Equal(t, test.code, result.CodeText())
				assert.Equal(t, prefix+test.message, result.Message)
				assert.Equal(t, test.logs, result.Output)
				assert.Equal(t, HasEnded, result.Process)
			})
		})
	}
}

func TestOfContainersThatFailedTheFirstIsTold(t *testing.T) {
	now := time.Now()
	ended := func(name string, code int32, ago time.Duration) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, FinishedAt: metav1.NewTime(now.Add(-ago))}}}
	}
	found := failedContainer(&corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
		ended("well", 0, time.Minute), ended("second", 143, time.Second), ended("first", 5, time.Hour),
	}}})
	require.NotNil(t, found)
	assert.Equal(t, "first", found.container)
	assert.Equal(t, 5, *found.code)
	assert.Nil(t, failedContainer(&corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{ended("well", 0, 0), waits("CrashLoopBackOff", "")}}}))
}

func TestAJobThatFailedWithoutAPodSaysWhatTheControllerSays(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		results := c.run(t.Context(), jobRequest())
		c.has(batchv1.JobReasonPodFailurePolicy, batchv1.JobFailed)
		result := <-results
		assert.Equal(t, JobFailed, result.Reason)
		assert.Equal(t, "Job shop/upload-1 failed: PodFailurePolicy: as the controller says", result.Message)
	})
}

// The Job controller deletes a pod that would be started again (restartPolicy OnFailure).
func TestTheCodeOfAPodThatIsDeletedWithItsJobsFailureIsTold(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		results := c.run(t.Context(), jobRequest())
		c.pod("p", inPod(corev1.ContainerStatus{State: waits("CrashLoopBackOff", "back-off").State, LastTerminationState: terminated(9, "Error", "")}))
		c.has(batchv1.JobReasonBackoffLimitExceeded, batchv1.JobFailureTarget)
		c.deletePod("p")
		c.has(batchv1.JobReasonBackoffLimitExceeded, batchv1.JobFailed)
		result := <-results
		assert.Equal(t, "9", result.CodeText())
	})
}

func TestAJobIsFollowedWhateverHappensToTheConnection(t *testing.T) {
	tests := map[string]func(c *cluster){
		"the watch breaks": func(c *cluster) {
			c.PrependWatchReactor("jobs", func(clienttesting.Action) (bool, watch.Interface, error) { return true, nil, errors.New("broken") })
		},
		"the API server is away for a while": func(c *cluster) {
			until := time.Now().Add(20 * time.Second)
			c.PrependReactor("list", "jobs", func(clienttesting.Action) (bool, runtime.Object, error) {
				return time.Now().Before(until), nil, errors.New("connection refused")
			})
		},
	}
	for name, happens := range tests {
		t.Run(name, func(t *testing.T) {
			inCluster(t, func(t *testing.T, c *cluster) {
				happens(c)
				results := c.run(t.Context(), jobRequest())
				time.Sleep(10 * time.Second)
				c.has("", batchv1.JobComplete)
				result := <-results
				assert.Equal(t, Succeeded, result.Reason, result.Message)
			})
		})
	}
}

func TestAJobThatDoesNotEndInTimeIsEndedAndSaysWhy(t *testing.T) {
	const timedOut = "Job shop/upload-1 did not end within its timeout of 30s and was ended"
	pending := func(status corev1.ContainerStatus) corev1.PodStatus {
		pod := inPod(status)
		pod.Phase = corev1.PodPending
		return pod
	}
	tests := map[string]struct {
		happens func(c *cluster)
		message string
		logs    string
	}{
		"its image does not exist": {
			func(c *cluster) {
				c.pod("p", pending(waits("ImagePullBackOff", `Back-off pulling image "tools:1": not found`)))
			},
			`: container main of pod p, image "tools:1", cannot be started: ImagePullBackOff: Back-off pulling image "tools:1": not found`, "",
		},
		"a Secret is missing": {
			func(c *cluster) { c.pod("p", pending(waits("CreateContainerConfigError", `secret "key" not found`))) },
			`: container main of pod p, image "tools:1", cannot be started: CreateContainerConfigError: secret "key" not found`, "",
		},
		"no node takes it": {
			func(c *cluster) {
				c.pod("p", corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{
					{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/1 nodes are available: 1 Insufficient cpu."},
				}})
			}, ": no node takes pod p: Unschedulable: 0/1 nodes are available: 1 Insufficient cpu.", "",
		},
		"it still runs": {
			func(c *cluster) { c.pod("p", running()) }, ": container main of pod p still ran", "fake logs",
		},
		"it is about to be started": {
			func(c *cluster) { c.pod("p", pending(waits("ContainerCreating", ""))) }, ": pod p is Pending, container main waits (ContainerCreating)", "",
		},
		"a quota has no room for its pods": {
			func(c *cluster) {
				c.warns("FailedCreate", "an older one", time.Now().Add(-time.Minute))
				c.warns("FailedCreate", `Error creating: pods "upload-1-x" is forbidden: exceeded quota: pods`, time.Now())
				c.warns("FailedCreate", "another of before", time.Now().Add(-time.Second))
			}, `: no pod could be created for it: FailedCreate: Error creating: pods "upload-1-x" is forbidden: exceeded quota: pods`, "",
		},
		"there is nothing to be said": {func(*cluster) {}, "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inCluster(t, func(t *testing.T, c *cluster) {
				results := c.run(t.Context(), jobRequest())
				test.happens(c)
				time.Sleep(31 * time.Second)
				require.Equal(t, int64(0), *c.job().Spec.ActiveDeadlineSeconds, "which ends it")
				require.Empty(t, results, "until the Job controller says so")
				pods, err := c.CoreV1().Pods("shop").List(t.Context(), metav1.ListOptions{})
				require.NoError(t, err)
				for _, pod := range pods.Items {
					c.deletePod(pod.Name)
				}
				c.has(batchv1.JobReasonDeadlineExceeded, batchv1.JobFailureTarget, batchv1.JobFailed)
				result := <-results
				assert.Equal(t, TimedOut, result.Reason)
				assert.Equal(t, timedOut+test.message, result.Message)
				assert.Equal(t, "N/A", result.CodeText())
				assert.Equal(t, test.logs, result.Output)
				assert.Equal(t, HasEnded, result.Process)
				assert.Less(t, result.Duration, 32*time.Second)
			})
		})
	}
}

func TestAJobThatIsCancelledIsEnded(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		ctx, cancel := context.WithCancel(t.Context())
		results := c.run(ctx, jobRequest())
		cancel()
		synctest.Wait()
		c.has(batchv1.JobReasonDeadlineExceeded, batchv1.JobFailed)
		result := <-results
		assert.Equal(t, Cancelled, result.Reason)
		assert.Equal(t, "Job shop/upload-1 was cancelled and was ended", result.Message)
		assert.Equal(t, HasEnded, result.Process)
	})
}

func TestAJobThatIsCompleteInTheLastMomentHasSucceeded(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.PrependReactor("patch", "jobs", func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, c.set("", batchv1.JobComplete), nil
		})
		results := c.run(t.Context(), jobRequest())
		time.Sleep(31 * time.Second)
		result := <-results
		assert.Equal(t, Succeeded, result.Reason)
		assert.Equal(t, "Job shop/upload-1 is complete", result.Message)
	})
}

func TestAJobOfWhichSomethingMayRunIsNotSaidToHaveEnded(t *testing.T) {
	tests := map[string]struct {
		happens func(c *cluster)
		reason  Reason
	}{
		"the Job controller is away": {func(*cluster) {}, Cancelled},
		"a pod does not end": {func(c *cluster) {
			c.pod("p", running())
			c.has(batchv1.JobReasonDeadlineExceeded, batchv1.JobFailed)
		}, TimedOut},
		"the API server is away": {func(c *cluster) {
			c.PrependReactor("*", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
				return true, nil, errors.New("connection refused")
			})
		}, Cancelled},
		"we may not": {func(c *cluster) {
			c.PrependReactor("patch", "jobs", func(clienttesting.Action) (bool, runtime.Object, error) {
				return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "jobs"}, "upload-1", errors.New("no"))
			})
		}, Cancelled},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inCluster(t, func(t *testing.T, c *cluster) {
				ctx, cancel := context.WithCancel(t.Context())
				results := c.run(ctx, jobRequest())
				c.PrependReactor("patch", "jobs", func(clienttesting.Action) (bool, runtime.Object, error) { return true, c.job(), nil })
				test.happens(c)
				cancel()
				begun := time.Now()
				assert.Equal(t, MayRun, c.jobs.End(t.Context(), "shop", "upload-1", "run-uid"))
				assert.LessOrEqual(t, time.Since(begun), jobEndGrace+time.Second)
				time.Sleep(jobEndGrace + jobLook)
				result := <-results
				assert.Equal(t, test.reason, result.Reason)
				assert.Equal(t, MayRun, result.Process)
				assert.Contains(t, result.Message, "may still run")
			})
		})
	}
}

// killed is the client of a controller that ends no Job any more.
type killed struct{ batchv1client.BatchV1Interface }

func (k killed) Jobs(namespace string) batchv1client.JobInterface {
	return killedJobs{k.BatchV1Interface.Jobs(namespace)}
}

type killedJobs struct{ batchv1client.JobInterface }

func (killedJobs) Patch(context.Context, string, types.PatchType, []byte, metav1.PatchOptions, ...string) (*batchv1.Job, error) {
	return nil, errors.New("we are dead")
}

func TestALaterControllerGoesOnWaitingForItsJob(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		first, cancel := context.WithCancel(t.Context())
		later := c.jobs
		c.jobs = &Jobs{jobs: killed{c.BatchV1()}, core: c.CoreV1()}
		dead := c.run(first, jobRequest())
		time.Sleep(20 * time.Second)
		cancel()
		c.jobs = later
		begun := time.Now()
		second := c.run(t.Context(), jobRequest())
		time.Sleep(9 * time.Second)
		require.Empty(t, second)
		time.Sleep(2 * time.Second)
		assert.Equal(t, int64(0), *c.job().Spec.ActiveDeadlineSeconds, "the timeout counts from the Job's creation")
		c.has(batchv1.JobReasonDeadlineExceeded, batchv1.JobFailed)
		result := <-second
		assert.Equal(t, TimedOut, result.Reason)
		assert.Less(t, time.Since(begun), 15*time.Second)
		third := <-c.run(t.Context(), jobRequest())
		assert.Equal(t, TimedOut, third.Reason, "one that has ended is told at once")
		<-dead // it asks again until it sees that the Job has ended
	})
}

func TestAJobOfAnotherIsLeftAlone(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		other := c.jobs.build(jobRequest())
		other.OwnerReferences[0].UID = "another"
		_, err := c.BatchV1().Jobs("shop").Create(t.Context(), other, metav1.CreateOptions{})
		require.NoError(t, err)
		result := <-c.run(t.Context(), jobRequest())
		assert.Equal(t, Refused, result.Reason)
		assert.Equal(t, NeverRan, result.Process)
		assert.Equal(t, "Job shop/upload-1: it is there already and is not of this hook's run: delete it, or give it another name", result.Message)
		assert.Equal(t, HasEnded, c.jobs.End(t.Context(), "shop", "upload-1", "run-uid"))
		assert.NotEqual(t, int64(0), *c.job().Spec.ActiveDeadlineSeconds)
	})
}

func TestAJobThatIsDeletedIsNotTakenForOneThatEnded(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		results := c.run(t.Context(), jobRequest())
		c.pod("p", corev1.PodStatus{Phase: corev1.PodRunning})
		require.NoError(t, c.BatchV1().Jobs("shop").Delete(t.Context(), "upload-1", metav1.DeleteOptions{}))
		synctest.Wait()
		require.Empty(t, results, "until its pods are gone")
		c.deletePod("p")
		result := <-results
		assert.Equal(t, Unknown, result.Reason)
		assert.Equal(t, "Job shop/upload-1 was deleted, and nobody can tell how it would have ended", result.Message)
		assert.Equal(t, HasEnded, result.Process)
	})
}

func TestPodsThatAJobLeftBehindAreWaitedFor(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		ctx, cancel := context.WithCancel(t.Context())
		c.run(ctx, jobRequest())
		c.pod("p", corev1.PodStatus{Phase: corev1.PodRunning})
		cancel()
		require.NoError(t, c.BatchV1().Jobs("shop").Delete(t.Context(), "upload-1", metav1.DeleteOptions{}))
		assert.Equal(t, MayRun, c.jobs.End(t.Context(), "shop", "upload-1", "run-uid"))
		c.deletePod("p")
		assert.Equal(t, HasEnded, c.jobs.End(t.Context(), "shop", "upload-1", "run-uid"))
	})
}

func TestAJobThatCannotBeCreatedSaysWhy(t *testing.T) {
	jobs := schema.GroupResource{Group: "batch", Resource: "jobs"}
	tests := map[string]struct {
		err     error
		reason  Reason
		process Process
		message string
	}{
		"a quota": {apierrors.NewForbidden(jobs, "upload-1", errors.New("exceeded quota: count/jobs.batch")), Forbidden, NeverRan,
			`Job shop/upload-1 is not allowed: jobs.batch "upload-1" is forbidden: exceeded quota: count/jobs.batch`},
		"a mistake": {apierrors.NewInvalid(schema.GroupKind{Group: "batch", Kind: "Job"}, "upload-1", nil), Refused, NeverRan,
			`Job shop/upload-1 is refused: correct job.template in the policy: Job.batch "upload-1" is invalid`},
		"a namespace that is gone": {apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "shop"), Refused, NeverRan,
			`Job shop/upload-1 is refused: namespaces "shop" not found`},
		"an API server that is away": {&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}, Unreachable, NeverRan,
			"Job shop/upload-1 could not be created: dial tcp: connection refused"},
		"an API server that is busy": {apierrors.NewTooManyRequests("later", 1), Unreachable, NeverRan,
			"Job shop/upload-1 could not be created: later"},
		"an answer that is lost": {errors.New("EOF"), Unreachable, HasEnded, "Job shop/upload-1 could not be created: EOF"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inCluster(t, func(t *testing.T, c *cluster) {
				c.PrependReactor("create", "jobs", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, test.err })
				result := <-c.run(t.Context(), jobRequest())
				assert.Equal(t, test.reason, result.Reason)
				assert.Equal(t, test.process, result.Process)
				assert.Equal(t, test.message, strings.TrimSuffix(result.Message, ": []"))
				assert.LessOrEqual(t, result.Duration, jobPatience+2*jobPause)
			})
		})
	}
}

func TestAJobThatWasCreatedWithoutAnAnswerIsTheOneThatWasAskedFor(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		lost := false
		c.PrependReactor("create", "jobs", func(action clienttesting.Action) (bool, runtime.Object, error) {
			if lost {
				return false, nil, nil
			}
			lost = true
			job := action.(clienttesting.CreateAction).GetObject().(*batchv1.Job).DeepCopy()
			job.UID, job.CreationTimestamp = "job-uid", metav1.Now()
			require.NoError(t, c.Tracker().Create(jobsKind, job, "shop"))
			return true, nil, errors.New("EOF")
		})
		results := c.run(t.Context(), jobRequest())
		time.Sleep(2 * time.Second)
		c.has("", batchv1.JobComplete)
		result := <-results
		assert.Equal(t, Succeeded, result.Reason, result.Message)
	})
}
