package terminal

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDurationsAreForPeople(t *testing.T) {
	for recorded, want := range map[string]string{
		"0s": "0s", "400µs": "0s", "447.4ms": "447ms", "999.9ms": "1s", "1.25s": "1.2s", "5.957s": "6s", "59.94s": "59.9s", "59.96s": "1m",
		"75.4s": "1m15s", "10m0s": "10m", "10m10s": "10m10s", "2h0m0s": "2h", "2h0m7s": "2h0m7s", "2h20m0s": "2h20m", "": "", "soon\x1b": `soon\x1b`,
	} {
		assert.Equal(t, want, Recorded(recorded), recorded)
	}
}
