//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/test/walkthrough"
)

// subject is an application on which a template is proved.
type subject struct {
	manifest string // of the server's pod, in testdata/proof
	template string
	params   map[string]string

	// blocks says that writes wait from before the copy until after it.
	blocks bool
	// exports says that a restore uses a file that the hooks have had the server write, of one moment. What was acknowledged
	// after that moment is not in it, and the moment is somewhere between the session's begin and ReadyForSnapshot.
	exports bool

	// ownDisk says that the volume is a filesystem of its own: a copy is one of its image.
	ownDisk bool

	// snapshot has the copy be one of a single moment, as a snapshot of a volume is.
	snapshot bool

	// take takes the copy while the application is quiesced; by a session where it is not given.
	take func(*proof) taken

	// control shows that the proof can fail, where it is another than that copies without hooks are wrong.
	control func(*proof)

	// broken is what the log of a server says that neither answers nor ends, since its data is of no use.
	broken *regexp.Regexp
	alive  []string // a command that succeeds when the server answers
	// open makes what is written to, and returns what writes.
	open func(ctx context.Context, p *proof) func(number int) error
	// mend makes of a copy what a server is started on: by the application's book, or without hooks as far as that goes.
	mend func(p *proof, copied string, hooked bool)
	// restoring is what runs in place of the image's own command on a copy of which the hooks have made a file to restore from.
	restoring []string
	// load has the server that was started on a copy load what is in a file.
	load []string
	// check is the application's own check of its data, in a shell.
	check string
	// found writes the numbers of all writes that are there, in a shell.
	found string
}

// proof is a run of it.
type proof struct {
	*scene
	subject

	folder string // of the test
	volume string
	disk   *walkthrough.Disk // under the volume, of those that have one
	server *corev1.Pod
	// restored is the server on the last copy that was examined.
	restored *corev1.Pod
	ledger   ledger
	copies   int
}

// taken is a copy, and when it was.
type taken struct {
	folder string
	// opened is when the session began, ready when it said so to the copy, complete when that was, and thawed when all was over.
	opened, ready, complete, thawed time.Time
	quiesced                        string // how long, by the session's word
}

const (
	copyingTime = 2 * time.Second
	// rounds in which a copy without hooks has to be wrong at least once.
	rounds = 10
)

// prove has an application written to all the time, copies its files in the window of a session, and starts a second server
// on the copy. Then it does the same without hooks, which has to go wrong.
func prove(t *testing.T, s subject) {
	t.Parallel()
	folder := t.TempDir() // outlives the pods
	p := &proof{scene: newScene(t, optedIn), subject: s, folder: folder, volume: filepath.Join(folder, "volume")}
	p.makeVolume()
	t.Cleanup(p.removePods)
	policy := templated(t, s.template, s.params)
	policy.Spec.Selector.LabelSelector = &v1alpha1.LabelSelector{MatchLabels: map[string]v1alpha1.LabelValue{"app": "server"}}
	p.createPolicy(policy)
	p.server = p.start("server", p.volume)
	require.NoError(t, p.waitAlive(p.server))

	ctx, stop := context.WithCancel(t.Context())
	do, ended := s.open(ctx, p), make(chan struct{})
	go func() { defer close(ended); p.ledger.keep(ctx, do) }()
	defer func() { stop(); <-ended }()
	p.waitWritten(200)

	p.requireConsistent()
	if s.control != nil {
		s.control(p)
		return
	}
	p.requireTheCheckCanFail()
}

// takeBySession does what a backup tool does that knows sessions.
func takeBySession(p *proof) taken {
	took := taken{opened: time.Now()}
	session := p.begin()
	p.waitReady(session)
	took.ready = time.Now()
	took.folder = p.copy()
	if !p.blocks && !p.snapshot {
		p.waitWritten(1) // however busy the machine is
	}
	took.complete = time.Now()
	p.report(session, v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded})
	p.waitSession(session, "thawed", isTrue(v1alpha1.ConditionThawed))
	took.thawed = time.Now()
	p.waitWritten(20)
	p.report(session, v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded, Operation: v1alpha1.Succeeded})
	p.waitFinished(session, v1alpha1.PhaseComplete)
	took.quiesced = session.Status.Window.Duration
	return took
}

func (p *proof) requireConsistent() {
	t, take := p.t, p.take
	if take == nil {
		take = takeBySession
	}
	took := take(p)
	meanwhile, err := p.ledger.acknowledged(took.ready, took.complete)
	require.NoError(t, err)
	quiesced := took.quiesced
	if quiesced == "" {
		quiesced = "no time"
	}
	t.Logf("%s: quiesced for %s, of which the copy took %s; ready %s after the session's begin; %d writes acknowledged until the copy was there",
		p.template, quiesced, took.complete.Sub(took.ready).Round(10*time.Millisecond), took.ready.Sub(took.opened).Round(10*time.Millisecond), meanwhile)
	switch {
	case p.blocks:
		assert.Zero(t, meanwhile, "writes were acknowledged in the window")
	case !p.snapshot:
		assert.NotZero(t, meanwhile, "nothing was written in the window")
	}

	found, err := p.examine(took.folder, true)
	require.NoError(t, err)
	ready := took.ready
	if p.exports {
		promised, wrong := took.opened, p.ledger.judge(found, ready, took.thawed)
		t.Logf("%s: of what was acknowledged between the session's begin and ReadyForSnapshot: %v", p.template, wrong)
		ready = promised
	}
	before, err := p.ledger.acknowledged(time.Time{}, ready)
	require.NoError(t, err)
	t.Logf("%s: %d writes in the copy, %d were promised", p.template, len(found), before)
	require.Empty(t, p.ledger.judge(found, ready, took.thawed))
}

func (p *proof) requireTheCheckCanFail() {
	for round := range rounds {
		begun := time.Now()
		copied := p.copy()
		over := time.Now()
		found, err := p.examine(copied, false)
		wrong := p.ledger.judge(found, begun, over)
		if err != nil {
			wrong = []string{err.Error()}
		}
		if len(wrong) > 0 {
			text := strings.Join(wrong, "; ")
			p.t.Logf("%s: without hooks, copy %d: %s", p.template, round+1, text[:min(len(text), 500)])
			return
		}
		p.t.Logf("%s: without hooks, copy %d: %d writes, and nothing wrong", p.template, round+1, len(found))
	}
	require.Fail(p.t, "no copy without hooks was wrong: the check proves nothing")
}

// copy copies the volume.
func (p *proof) copy() string {
	p.t.Helper()
	to := p.nextCopy()
	if p.disk != nil {
		require.NoError(p.t, copyFile(p.disk.Image(), to, copyingTime))
		return to
	}
	if p.snapshot {
		p.copyAtOnce(to)
		return to
	}
	require.NoError(p.t, copySlowly(p.volume, to, copyingTime))
	return to
}

// nextCopy is where the next copy goes.
func (p *proof) nextCopy() string {
	p.copies++
	return filepath.Join(p.folder, fmt.Sprintf("copy-%d", p.copies))
}

// examine starts a server on a copy, and returns the numbers of the writes that it has. An error tells of a copy that no server
// can use.
func (p *proof) examine(copied string, hooked bool) ([]int, error) {
	p.t.Helper()
	if p.disk != nil {
		return p.examineImage(copied, hooked)
	}
	if p.mend != nil {
		p.mend(p, copied, hooked)
	}
	var command []string
	if hooked {
		command = p.restoring
	}
	pod := p.start(fmt.Sprintf("copy-%d", p.copies), copied, command...)
	if p.restored != nil {
		require.NoError(p.t, client.IgnoreNotFound(api.Delete(p.t.Context(), p.restored, client.GracePeriodSeconds(1))))
	}
	if err := p.waitAlive(pod); err != nil {
		return nil, err
	}
	if len(p.load) > 0 && hooked {
		if _, err := p.ask(p.t.Context(), pod, p.load...); err != nil {
			return nil, err
		}
	}
	answer, err := p.ask(p.t.Context(), pod, shell(p.check)...)
	if err != nil {
		return nil, fmt.Errorf("its own check: %w", err)
	}
	p.t.Logf("%s, copy %d: its own check: %s", p.template, p.copies, answer)
	p.restored = pod
	text, err := terminal.Run(p.t.Context(), "kubectl", append([]string{"exec", "-n", p.namespace, pod.Name, "--"}, shell(p.found)...)...)
	if err != nil {
		return nil, err
	}
	return numbers(text)
}

// start starts a server on a folder of the node, by another command than the image's if one is given.
func (p *proof) start(name, folder string, command ...string) *corev1.Pod {
	p.t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata/proof", p.manifest))
	require.NoError(p.t, err)
	pod := &corev1.Pod{}
	require.NoError(p.t, yaml.UnmarshalStrict(source, pod))
	pod.ObjectMeta = metav1.ObjectMeta{Namespace: p.namespace, Name: name, Labels: map[string]string{"app": name}}
	if len(command) > 0 {
		pod.Spec.Containers[0].Command = command
	}
	for i := range pod.Spec.Volumes {
		if host := pod.Spec.Volumes[i].HostPath; host != nil {
			host.Path = folder
		}
	}
	require.NoError(p.t, api.Create(p.t.Context(), pod))
	return pod
}

// waitAlive waits until a server answers, and returns an error when it tells that it cannot. Being slow is no answer.
func (p *proof) waitAlive(pod *corev1.Pod) error {
	p.t.Helper()
	var err error
	p.wait(2*patience, func() bool {
		require.NoError(p.t, api.Get(p.t.Context(), client.ObjectKeyFromObject(pod), pod))
		if pod.Status.Phase == corev1.PodPending {
			return false
		}
		log := p.log(pod)
		if pod.Status.Phase != corev1.PodRunning {
			err = fmt.Errorf("the server ends: %s", log[max(0, len(log)-500):])
			return true
		}
		if p.broken != nil && p.broken.MatchString(log) {
			err = fmt.Errorf("the server says %s", p.broken.FindString(log))
			return true
		}
		_, asked := p.ask(p.t.Context(), pod, p.alive...)
		return asked == nil
	}, "server %s does not answer", pod.Name)
	return err
}

func (p *proof) log(pod *corev1.Pod) string {
	p.t.Helper()
	log, err := terminal.Run(p.t.Context(), "kubectl", "logs", "-n", p.namespace, pod.Name, "--tail=200")
	require.NoError(p.t, err)
	return log
}

// ask runs a command in the first container of a pod.
func (s *scene) ask(ctx context.Context, pod *corev1.Pod, command ...string) (string, error) {
	result := newExecutor(s.t, "").Exec(ctx, action.Request{Target: targetOf(pod), Command: command, Timeout: time.Minute})
	if result.Reason != action.Succeeded {
		return "", fmt.Errorf("%s: %s: %s", result.Reason, result.Message, result.Output)
	}
	return strings.TrimSpace(result.Output), nil
}

// waitWritten waits until more writes are acknowledged.
func (p *proof) waitWritten(more int) {
	p.t.Helper()
	begun := time.Now()
	p.wait(patience, func() bool {
		count, err := p.ledger.acknowledged(begun, time.Now())
		require.NoError(p.t, err)
		return count >= more
	}, "hardly anything is written")
}

// removePods waits until no pod uses the volume any longer. With a grace of 0 they would be gone before their processes are.
func (p *proof) removePods() {
	p.reportFailure()
	if p.disk != nil { // pods do not end on a frozen filesystem
		assert.NoError(p.t, p.disk.Thaw(context.Background()))
	}
	all := []client.DeleteAllOfOption{client.InNamespace(p.namespace), client.GracePeriodSeconds(1)}
	assert.NoError(p.t, api.DeleteAllOf(context.Background(), &corev1.Pod{}, all...))
	assert.Eventually(p.t, func() bool {
		var pods corev1.PodList
		return api.List(context.Background(), &pods, client.InNamespace(p.namespace)) == nil && len(pods.Items) == 0
	}, patience, tick, "pods are left")
}
