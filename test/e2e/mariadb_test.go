//go:build e2e

package e2e

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// mariadb is a real MariaDB to which somebody writes all the time.
type mariadb struct{ *scene }

func (m mariadb) sh(script string) string {
	m.t.Helper()
	return strings.TrimSpace(m.kubectl("exec", "mariadb", "-c", "mariadb", "--", "sh", "-c", script))
}

// acknowledged is how many writes the database has acknowledged.
func (m mariadb) acknowledged() int {
	m.t.Helper()
	count, err := strconv.Atoi(m.sh("grep -c ack /tmp/acks || true"))
	require.NoError(m.t, err)
	return count
}

// rows is how many rows the table has, which can be read while it is locked.
func (m mariadb) rows() string {
	m.t.Helper()
	return m.sh("mariadb -N -e 'SELECT COUNT(*) FROM shop.t'")
}

// requireStill asserts that nothing is written.
func (m mariadb) requireStill(d time.Duration) {
	m.t.Helper()
	rows, acknowledged := m.rows(), m.acknowledged()
	time.Sleep(d) // in which something could be written
	assert.Equal(m.t, rows, m.rows())
	assert.Equal(m.t, acknowledged, m.acknowledged())
}

// requireWritten waits until something is written again.
func (m mariadb) requireWritten(within time.Duration) time.Duration {
	m.t.Helper()
	begun, before := time.Now(), m.acknowledged()
	m.wait(within, func() bool { return m.acknowledged() > before+1 }, "nothing is written")
	return time.Since(begun)
}

// The lock ends with its session, so that a command that only takes it would lock nothing. A hold keeps it.
func TestAMariaDBIsLockedByAHoldWhileItIsWrittenTo(t *testing.T) {
	m := mariadb{newScene(t, optedIn)}
	m.createPolicy(&v1alpha1.HookPolicy{Spec: v1alpha1.HookPolicySpec{
		Selector: v1alpha1.PolicySelector{ContainerImages: []v1alpha1.ImagePattern{"(^|/)mariadb:"}},
		Hooks: []v1alpha1.Hook{{
			Name: "lock", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot},
			Hold: &v1alpha1.HoldAction{
				Command:      []string{"mariadb", "-n"},
				Stdin:        "SET SESSION lock_wait_timeout=20;\nFLUSH TABLES WITH READ LOCK;\nSELECT 'held';\n",
				ReadyPattern: "^held$",
				StopStdin:    "UNLOCK TABLES;\n",
			},
		}},
	}})
	m.kubectl("create", "-f", "test/e2e/testdata/mariadb.yaml")
	m.kubectl("wait", "--for=condition=Ready", "pod/mariadb", "--timeout=120s")
	m.wait(patience, func() bool { return m.sh("[ -e /tmp/acks ] && echo yes || echo no") == "yes" }, "nothing is written")
	m.requireWritten(patience)

	session := m.begin()
	m.waitReady(session)
	m.requireStill(3 * time.Second)
	m.report(session, v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded})
	m.waitSession(session, "thawed", isTrue(v1alpha1.ConditionThawed))
	t.Logf("written again %s after the thaw; locked for %s", m.requireWritten(patience).Round(10*time.Millisecond), session.Status.Window.Duration)
	m.report(session, v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded, Operation: v1alpha1.Succeeded})
	m.waitFinished(session, v1alpha1.PhaseComplete)

	session = m.begin()
	m.waitReady(session)
	m.requireStill(time.Second)
	before, begun := leader(t.Context()), time.Now()
	for _, pod := range controllerPods(t) {
		if strings.HasPrefix(before, pod.Name+"_") {
			kill(t, &pod, "controller")
		}
	}
	again := m.requireWritten(15 * time.Second)
	t.Logf("written again %s after the kill of the controller", again.Round(10*time.Millisecond))
	waitLeader(t, before)
	t.Logf("another controller leads %s after the kill", time.Since(begun).Round(100*time.Millisecond))
	m.waitFinished(session, v1alpha1.PhaseFailed)
	requireCondition(t, session, v1alpha1.ConditionConsistent, metav1.ConditionFalse, v1alpha1.ReasonHoldLost)
	assert.Equal(t, "0", m.sh("grep -c lost /tmp/acks || true"), "no write has failed, they have waited")
}
