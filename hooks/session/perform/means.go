package perform

import (
	"context"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/action"
)

// Means are all by which hooks are run.
type Means struct {
	Containers Executor
	Sender     Sender
	Jobs       Jobs
	Secrets    Secrets
}

// Executor runs commands in containers.
type Executor interface {
	Exec(ctx context.Context, request action.Request) action.Result
	Hold(ctx context.Context, request action.HoldRequest) (Hold, action.Result)
	End(ctx context.Context, target action.Target, token string) action.Process
}

// Hold is a command that holds.
type Hold interface {
	Lost() <-chan action.Result
	Release(ctx context.Context) action.Result
}

// Sender sends requests from the controller.
type Sender interface {
	HTTP(ctx context.Context, request action.HTTPRequest) action.Result
	TCP(ctx context.Context, request action.TCPRequest) action.Result
	// Check says what keeps a request from being sent for good; nil where nothing does.
	Check(ctx context.Context, request action.HTTPRequest) *action.Result
}

// Jobs runs Jobs. End ends what may be left of one, by its owner.
type Jobs interface {
	Run(ctx context.Context, request action.JobRequest) action.Result
	Check(ctx context.Context, request action.JobRequest) *action.Result
	End(ctx context.Context, namespace, name string, owner types.UID) action.Process
}

// Secrets reads keys of Secrets. Its errors are action.SecretErrors.
type Secrets interface {
	Value(ctx context.Context, namespace, name, key string) (string, error)
}

// OfCluster makes an Executor of one that runs commands in a cluster.
func OfCluster(executor *action.Executor) Executor { return cluster{executor} }

type cluster struct{ *action.Executor }

func (c cluster) Hold(ctx context.Context, request action.HoldRequest) (Hold, action.Result) {
	hold, result := c.Executor.Hold(ctx, request)
	if hold == nil { // not a Hold that is nil
		return nil, result
	}
	return hold, result
}
