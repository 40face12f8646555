package run

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// instanceLabel tells a session of this very program from another of the same name.
const instanceLabel = "app.kubernetes.io/instance"

var unfit = regexp.MustCompile(`[^a-z0-9]+`)

// newSession is the session that the command line asks for.
func newSession(o *options) *v1alpha1.HookSession {
	instance := rand.String(8)
	session := &v1alpha1.HookSession{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: o.namespace, Name: o.name, Labels: map[string]string{v1alpha1.ManagedByLabel: "kubectl-quiesce", instanceLabel: instance},
		},
		Spec: v1alpha1.HookSessionSpec{
			Operation: v1alpha1.Operation(o.operation), DataSource: v1alpha1.DataSource(o.dataSource),
			PolicyNames: o.policies, LabelSelector: o.narrowed, MaxQuiesce: v1alpha1.Duration{Duration: o.maxQuiesce},
		},
	}
	if o.name == "" {
		word := strings.Trim(unfit.ReplaceAllString(strings.ToLower(filepath.Base(o.argv[0])), "-"), "-")
		session.Name = strings.Trim("run-"+word[:min(len(word), 40)], "-") + "-" + instance
	}
	return session
}

// create begins the session. It is named by us, so that it is found again where the answer was lost: a session of which nobody knows
// would keep pods quiesced.
func create(ctx context.Context, cluster client.Client, wanted *v1alpha1.HookSession) (*v1alpha1.HookSession, error) {
	const tries = 5
	for try := 1; ; try++ {
		session := wanted.DeepCopy()
		err := cluster.Create(ctx, session)
		switch {
		case err == nil:
			return session, nil
		case apierrors.IsAlreadyExists(err):
			if cluster.Get(ctx, client.ObjectKeyFromObject(wanted), session) == nil && session.Labels[instanceLabel] == wanted.Labels[instanceLabel] {
				return session, nil
			}
			return nil, fmt.Errorf("there is a HookSession %s already: write another --name, or leave it out", wanted.Name)
		case !passing(err):
			return nil, fmt.Errorf("beginning a session in namespace %s: %w", wanted.Namespace, err)
		case try == tries:
			return nil, fmt.Errorf("beginning a session: %w. If it was begun all the same, end it: kubectl -n %s delete hooksession %s", err, wanted.Namespace, wanted.Name)
		}
		time.Sleep(again)
	}
}
