package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCheckStamp(t *testing.T) {
	const whole = `post.hook.backup.velero.io/command: ["thaw"]
pre.hook.backup.velero.io/command: ["freeze"]
quiesce.io/stamp: {}
`
	assert.NoError(t, checkStamp(whole))
	assert.ErrorContains(t, checkStamp("a: b\n"),
		"expected the annotations pre.hook.backup.velero.io/command, post.hook.backup.velero.io/command, quiesce.io/stamp on the pod")
}
