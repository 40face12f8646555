package run

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestCtrlCThatEndsCommandFirstIsWaitedFor(t *testing.T) {
	for name, test := range map[string]struct {
		foreground, interrupted bool
		code                    int
		late                    time.Duration
		want                    os.Signal
		took                    time.Duration
	}{
		"it is there":                       {code: 7, want: os.Interrupt},
		"it comes a moment later":           {foreground: true, code: 130, late: time.Second, want: os.Interrupt, took: time.Second},
		"it was sent to COMMAND alone":      {foreground: true, code: 130, late: time.Hour, took: lastWord},
		"COMMAND failed by itself":          {foreground: true, code: 1, late: time.Second},
		"no terminal tells both":            {code: 130, late: time.Second},
		"it has come long before, and once": {foreground: true, interrupted: true, code: 130, late: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				signals := make(chan os.Signal, 1)
				if test.late == 0 {
					signals <- os.Interrupt
				} else {
					time.AfterFunc(test.late, func() { signals <- os.Interrupt })
				}
				r := &runner{signals: signals, wrapped: &wrapped{heardItself: test.foreground}, interrupted: test.interrupted}
				begun := time.Now()
				assert.Equal(t, test.want, r.pressed(commandEnd{code: test.code}))
				assert.Equal(t, test.took, time.Since(begun))
			})
		})
	}
}
