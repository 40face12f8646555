package main

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shell is a part that is a shell script.
func shell(name, script string) part {
	return part{name: name, wave: 1, binary: "/bin/sh", args: []string{"-c", script},
		ready: func(context.Context) error { return errors.New("not yet") }}
}

func testLayout(t *testing.T) layout {
	t.Helper()
	folder := t.TempDir()
	return layout{source: ".", cache: folder, cluster: folder + "/cluster"}
}

func TestACrashWhileWaitingTellsAll(t *testing.T) {
	c := &cluster{layout: testLayout(t)}
	p := shell("etcd", "echo one; echo cannot open the database >&2; exit 3")
	started, err := c.start(p)
	require.NoError(t, err)

	err = c.waitPart(t.Context(), p, map[string]*process{"etcd": started})
	require.ErrorContains(t, err, "etcd has ended (exit status 3)")
	require.ErrorContains(t, err, c.log("etcd"))
	require.ErrorContains(t, err, "cannot open the database")
}

func TestAPartThatNeverGetsReadyTellsWhy(t *testing.T) {
	c := &cluster{layout: testLayout(t)}
	p := shell("kubelet", "echo starting; sleep 60")
	started, err := c.start(p)
	require.NoError(t, err)
	defer end([]identity{started.id}, 0)

	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err = c.waitPart(ctx, p, map[string]*process{"kubelet": started})
	require.ErrorContains(t, err, "kubelet runs but is not ready: not yet")
}

func TestStateFollowsTheProcess(t *testing.T) {
	l := testLayout(t)
	state, _ := l.state("s3")
	assert.Equal(t, notStarted, state)

	started, err := l.start(shell("s3", "sleep 60 & wait"))
	require.NoError(t, err)
	state, id := l.state("s3")
	assert.Equal(t, running, state)
	assert.Equal(t, started.id, id)

	require.Eventually(t, func() bool { return len(l.marked()) == 2 }, 5*time.Second, 10*time.Millisecond,
		"what a part starts is known as ours too")
	assert.Empty(t, end(l.marked(), 0))
	state, _ = l.state("s3")
	assert.Equal(t, dead, state)

	require.NoError(t, os.WriteFile(l.pid("s3"), []byte("{half"), 0o600))
	state, _ = l.state("s3")
	assert.Equal(t, dead, state, "a pid file that was cut off names nothing that could run")
}

func TestPartsOfAnotherClusterAreNotOurs(t *testing.T) {
	one, other := testLayout(t), testLayout(t)
	started, err := one.start(shell("etcd", "sleep 60"))
	require.NoError(t, err)
	defer end([]identity{started.id}, 0)
	assert.Empty(t, other.marked())
}
