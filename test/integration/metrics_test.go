package integration

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The chart's alerts go by these. A second controller says that it does not lead.
func TestTheControllerSaysWhatAlertsLookAt(t *testing.T) {
	metrics := net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
	leader := startController(t, "--leader-elect=true", "--metrics-bind-address="+metrics)
	waitHealthy(t, leader)
	waitMetrics(t, metrics, `leader_election_master_status{name="quiesce-controller"} 1`, `quiesce_sessions_total{operation="Backup",outcome="failed"} 0`)

	others := net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
	health := net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
	run(t, "quiesce-controller", append(leader.Args[1:], "--metrics-bind-address="+others, "--health-probe-bind-address="+health)...)
	waitMetrics(t, others, `leader_election_master_status{name="quiesce-controller"} 0`, "quiesce_quiesced_pods 0")
}

func waitMetrics(t *testing.T, address string, lines ...string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		response, err := http.Get("http://" + address + "/metrics")
		require.NoError(c, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		require.NoError(c, err)
		for _, line := range lines {
			require.Contains(c, string(body), line+"\n")
		}
	}, patience, tick)
}
