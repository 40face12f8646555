package v1alpha1

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOneUnreadableDurationDoesNotHideTheOtherPolicies(t *testing.T) {
	stored := `{"items":[
		{"metadata":{"name":"a"},"spec":{"maxQuiesce":"5 minutes","hooks":[{"name":"h","timeout":30}]}},
		{"metadata":{"name":"b"},"spec":{"maxQuiesce":"90s","hooks":[{"name":"h"}]}}]}`
	var list HookPolicyList
	require.NoError(t, json.Unmarshal([]byte(stored), &list))
	a, b := list.Items[0].Spec, list.Items[1].Spec
	assert.Equal(t, Duration{Unreadable: `"5 minutes"`}, a.MaxQuiesce)
	assert.Equal(t, Duration{Unreadable: "30"}, a.Hooks[0].Timeout)
	assert.Equal(t, Duration{Duration: 90 * time.Second}, b.MaxQuiesce)
	assert.Zero(t, b.Hooks[0].Timeout)

	again, err := json.Marshal(list)
	require.NoError(t, err)
	assert.Contains(t, string(again), `"maxQuiesce":"5 minutes"`)
	assert.Contains(t, string(again), `"timeout":30`)
	assert.Contains(t, string(again), `"maxQuiesce":"1m30s"`)
}

func TestADurationIsCheckedByItsBounds(t *testing.T) {
	for text, want := range map[string]string{
		`"30s"`: "", `"1s"`: "", `"1m0s"`: "", `"0s"`: "",
		`"61s"`: "1m1s is out of bounds: write a duration of 1s to 1m0s",
		`"1ms"`: "1ms is out of bounds",
		`"-5s"`: "-5s is out of bounds",
		`"1d"`:  `"1d" is not a duration: write a number with its unit, such as 30s, 5m or 1m30s`,
		`{}`:    `{} is not a duration`,
		`""`:    `"" is not a duration`,
	} {
		var d Duration
		require.NoError(t, json.Unmarshal([]byte(text), &d))
		if want == "" {
			assert.NoError(t, d.Check(time.Second, time.Minute), text)
		} else {
			assert.ErrorContains(t, d.Check(time.Second, time.Minute), want, text)
		}
	}
}
