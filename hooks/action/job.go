package action

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	batchv1client "k8s.io/client-go/kubernetes/typed/batch/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
)

// A Job is never deleted by us, and its pods are not either: that is left to the Job controller, so that no right to delete is needed.
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups="",resources=pods,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=pods/log,verbs=get
// What hinders the Job controller, such as a quota or Pod Security, it tells in events only.
// +kubebuilder:rbac:groups="",resources=events,verbs=list

const (
	// jobEndGrace is how long it may take to end a Job, its pods included. It is above podGrace, so that a program that
	// ignores the signal to end does not make it longer.
	jobEndGrace = 30 * time.Second
	// jobPatience is how long an API server that does not answer is asked again.
	jobPatience = 15 * time.Second
	// jobPause is the time between two such questions.
	jobPause = time.Second
	// jobLook is how long may be spent on finding out why a Job has not come to its end.
	jobLook = 5 * time.Second
)

// JobOptions are what an administrator decides of all Jobs.
type JobOptions struct {
	// ServiceAccounts lets templates name a ServiceAccount and have its token mounted.
	ServiceAccounts bool
}

// JobRequest is a Job to be run.
type JobRequest struct {
	// Name is decided by the caller, so that whoever comes later finds the Job again.
	Namespace, Name string
	// Template is what the hook has. Of its metadata, labels and annotations count.
	Template batchv1.JobTemplateSpec
	// Env goes to every container, ahead of the container's own variables, of which those of the same names are left out.
	Env []corev1.EnvVar
	// Labels of the Job and its pods, beside the template's.
	Labels map[string]string
	// Owner is the Job's: by its UID a Job of the name is known to be this one. The Job does not hold up its deletion, for
	// which one would need a right to its finalizers.
	Owner metav1.OwnerReference
	// Timeout is how long the Job may take, from its creation. To end it may then take 35 seconds more.
	Timeout time.Duration
}

func (r JobRequest) String() string { return fmt.Sprintf("Job %s/%s", r.Namespace, r.Name) }

// owns tells whether a Job is the one that was asked for.
func owns(owner types.UID, job *batchv1.Job) bool {
	return slices.ContainsFunc(job.OwnerReferences, func(reference metav1.OwnerReference) bool { return reference.UID == owner })
}

// Jobs runs Jobs. It is safe for use from many goroutines.
type Jobs struct {
	jobs    batchv1client.JobsGetter
	core    corev1client.CoreV1Interface
	options JobOptions
}

// NewJobs returns Jobs that uses a cluster's API server, and no cache.
func NewJobs(config *rest.Config, options JobOptions) (*Jobs, error) {
	config = rest.CopyConfig(config)
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeProtobuf, runtime.ContentTypeProtobuf+","+runtime.ContentTypeJSON
	// Pod Security warns of Jobs of which it then refuses the pods, and the log is no place for that.
	config.WarningHandler, config.WarningHandlerWithContext = rest.NoWarnings{}, nil
	batch, err := batchv1client.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client for Jobs: %w", err)
	}
	core, err := corev1client.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client for the pods of Jobs: %w", err)
	}
	return &Jobs{batch, core, options}, nil
}

// Run creates a Job and waits for its end, or goes on waiting for one that is there already and has the same owner. At the
// timeout, and when the context ends, the Job is ended, before the answer comes.
func (j *Jobs) Run(ctx context.Context, request JobRequest) Result {
	begun := time.Now()
	result := j.run(quiet(ctx), request)
	result.Duration = time.Since(begun)
	return result
}

func (j *Jobs) run(ctx context.Context, request JobRequest) Result {
	if refused := j.refuse(request); refused != nil {
		return *refused
	}
	waiting, cancel := context.WithTimeout(ctx, request.Timeout)
	defer cancel()
	job, adopted, err := j.create(waiting, request)
	if err != nil {
		return j.uncreated(ctx, waiting, request, err)
	}
	if adopted {
		waiting, cancel = context.WithDeadline(waiting, job.CreationTimestamp.Add(request.Timeout))
		defer cancel()
	}
	run := &jobRun{Jobs: j, request: request, job: job}
	if err := run.await(waiting); err != nil {
		return run.interrupt(ctx, interruption(waiting))
	}
	return run.result(ctx)
}

// End ends what may be left of a Job that has this owner, and waits until its pods have ended.
func (j *Jobs) End(ctx context.Context, namespace, name string, owner types.UID) Process {
	_, process := j.end(quiet(ctx), namespace, name, owner)
	return process
}

// errForeign is a Job of the name that has another owner.
var errForeign = errors.New("it is there already and is not of this hook's run: delete it, or give it another name")

// create also answers with a Job that is there already, when it is the one that was asked for.
func (j *Jobs) create(ctx context.Context, request JobRequest) (job *batchv1.Job, adopted bool, err error) {
	wanted, jobs := j.build(request), j.jobs.Jobs(request.Namespace)
	err = persist(ctx, jobPatience, func() error {
		if job, err = jobs.Create(ctx, wanted, metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
			return err
		}
		job, err = jobs.Get(ctx, request.Name, metav1.GetOptions{})
		adopted = err == nil
		if err == nil && !owns(request.Owner.UID, job) {
			return errForeign
		}
		return err
	})
	return job, adopted, err
}

// uncreated is the result where there is no Job, or nobody knows whether there is one.
func (j *Jobs) uncreated(ctx, waiting context.Context, request JobRequest, err error) Result {
	if refused := refusedJob(request.String(), err); refused != nil {
		return *refused
	}
	result := Result{Reason: Unreachable, Process: NeverRan, Message: fmt.Sprintf("%s could not be created: %s", request, plain(err))}
	if waiting.Err() != nil {
		result.Reason = interruption(waiting)
	}
	if !unanswered(err) {
		return result
	}
	if _, result.Process = j.end(context.WithoutCancel(ctx), request.Namespace, request.Name, request.Owner.UID); result.Process == MayRun {
		result.Message += "; it may be there all the same, and run"
	}
	return result
}

// refusedJob is the result of a Job, or a pod of one, that the API server would not have, or nil where another answer may
// come later.
func refusedJob(what string, err error) *Result {
	switch {
	case errors.Is(err, errForeign):
		return refusal(Refused, fmt.Sprintf("%s: %v", what, err))
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return refusal(NamespaceEnding, what+" cannot be created, since its namespace is being deleted")
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return refusal(Forbidden, fmt.Sprintf("%s is not allowed: %s", what, plain(err)))
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsRequestEntityTooLargeError(err):
		return refusal(Refused, fmt.Sprintf("%s is refused: correct job.template in the policy: %s", what, plain(err)))
	case !transient(err):
		return refusal(Refused, fmt.Sprintf("%s is refused: %s", what, plain(err)))
	}
	return nil
}

// persist asks again what was not answered, for a while.
func persist(ctx context.Context, patience time.Duration, ask func() error) error {
	for until := time.Now().Add(patience); ; {
		err := ask()
		if err == nil || !transient(err) || time.Now().After(until) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(jobPause):
		}
	}
}

// transient tells whether the answer to the same question may be another a moment later.
func transient(err error) bool {
	answer := apierrors.APIStatus(nil)
	if !errors.As(err, &answer) {
		return !errors.Is(err, errForeign)
	}
	switch code := answer.Status().Code; code {
	case http.StatusTooManyRequests, http.StatusRequestTimeout, http.StatusConflict:
		return true
	case http.StatusNotFound: // of a Job that was there a moment before; a namespace that is gone stays so
		details := answer.Status().Details
		return details != nil && details.Kind == "jobs"
	default:
		return code >= http.StatusInternalServerError
	}
}

// unanswered tells whether what was asked for may have been done all the same.
func unanswered(err error) bool {
	if dial := (*net.OpError)(nil); errors.As(err, &dial) && dial.Op == "dial" {
		return false
	}
	answer := apierrors.APIStatus(nil)
	return !errors.As(err, &answer) || apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err)
}
