package policies

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"

	"github.com/quiesce-io/quiesce/hooks/optional"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// server says what it serves.
type server struct {
	lock      sync.Mutex
	resources []string
	err       error
}

func (s *server) ServerResourcesForGroupVersion(string) (*metav1.APIResourceList, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	list := &metav1.APIResourceList{}
	for _, resource := range s.resources {
		list.APIResources = append(list.APIResources, metav1.APIResource{Name: resource})
	}
	return list, nil
}

func (s *server) serve(err error, resources ...string) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.resources, s.err = resources, err
}

const (
	wait = time.Minute
	tick = 20 * time.Millisecond
)

func TestVelerosObjectsAreWatchedWhileTheyAreServed(t *testing.T) {
	schedules, backups := velero.GroupVersion.WithResource("schedules"), velero.GroupVersion.WithResource("backups")
	objects := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(),
		map[schema.GroupVersionResource]string{schedules: "ScheduleList", backups: "BackupList"},
		veleroObject(t, `{apiVersion: velero.io/v1, kind: Schedule, spec: {template: {hooks: {resources: [{name: own, pre: [{exec: {command: [x]}}]}]}}}}`))
	served := &server{}
	served.serve(errors.New("no answer"))
	var changes atomic.Int32
	watch := newBackupWatch(served, objects, func() { changes.Add(1) })
	names := func() []string {
		var names []string
		for _, hooks := range watch.hooks() {
			names = append(names, hooks.Name)
		}
		return names
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()

	watch.Look(ctx)
	assert.False(t, watch.Known(), "the API server has not answered")
	served.serve(apierrors.NewNotFound(schema.GroupResource{}, "velero.io/v1"))
	watch.Look(ctx)
	assert.True(t, watch.Known(), "there is no Velero")
	assert.EqualValues(t, 1, changes.Load())
	watch.Look(ctx)
	assert.EqualValues(t, 1, changes.Load())

	served.serve(nil, "schedules", "backups", "restores")
	watch.Look(ctx)
	require.Eventually(t, func() bool { return watch.Known() && changes.Load() > 1 }, wait, tick)
	assert.Equal(t, []string{"Schedule velero/nightly"}, names())

	backup := veleroObject(t, `{apiVersion: velero.io/v1, kind: Backup, spec: {hooks: {resources: [{name: own, pre: [{exec: {command: [x]}}]}]}}}`)
	_, err := objects.Resource(backups).Namespace("velero").Create(ctx, backup, metav1.CreateOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(names()) == 2 }, wait, tick)
	before := changes.Load()
	backup.Object["status"] = map[string]any{"phase": "Completed"}
	_, err = objects.Resource(backups).Namespace("velero").Update(ctx, backup, metav1.UpdateOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(names()) == 1 && changes.Load() > before }, wait, tick)

	served.serve(errors.New("no answer"))
	watch.Look(ctx)
	assert.Len(t, names(), 1, "what is known stays so")
	before = changes.Load()
	served.serve(nil, "backups")
	watch.Look(ctx)
	assert.Empty(t, names())
	assert.Greater(t, changes.Load(), before)
	assert.True(t, watch.Known())
}

func TestWithoutAnAnswerAboutVeleroNobodyWaitsForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		served := &server{}
		served.serve(errors.New("no answer"))
		var changes atomic.Int32
		watch := newBackupWatch(served, nil, func() { changes.Add(1) })
		ctx, stop := context.WithCancel(t.Context())
		go watch.Run(ctx)
		time.Sleep(optional.Patience - time.Second)
		assert.False(t, watch.Known())
		time.Sleep(2 * time.Second)
		assert.True(t, watch.Known())
		assert.EqualValues(t, 1, changes.Load())
		stop()
		synctest.Wait()
	})
}
