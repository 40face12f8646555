//go:build e2e

package e2e

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// served is a web server of busybox: it has one page, one that leads elsewhere, one that fails, and keeps what it is sent.
const served = `mkdir -p /tmp/www/cgi-bin && cd /tmp/www && echo hello >page &&
printf '#!/bin/sh\necho "$CONTENT_TYPE $HTTP_AUTHORIZATION $QUERY_STRING $(cat)" >>/tmp/sent; printf "Status: 200 OK\\r\\n\\r\\n"\n' >cgi-bin/keep &&
printf '#!/bin/sh\nprintf "Status: 302 Found\\r\\nLocation: http://169.254.169.254/latest\\r\\n\\r\\n"\n' >cgi-bin/away &&
printf '#!/bin/sh\nprintf "Status: 503 Away\\r\\n\\r\\nthe reason why\\n"\n' >cgi-bin/fail &&
printf '#!/bin/sh\nsleep 60\n' >cgi-bin/hang &&
chmod +x cgi-bin/* && exec httpd -f -p 8080 -h /tmp/www`

// web is a scene with such a server in a pod that names its port.
func (s *scene) web() *corev1.Pod {
	s.t.Helper()
	pod := s.containerWith(func(spec *corev1.PodSpec) {
		spec.Containers[0].Ports = []corev1.ContainerPort{{Name: "web", ContainerPort: 8080}}
		spec.Containers[0].ReadinessProbe = &corev1.Probe{
			PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: shell("wget -q -O /dev/null http://127.0.0.1:8080/page")}},
		}
	}, "web", "quiesce.test/busybox:1.35", shell(served)...)
	s.kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
	require.NoError(s.t, api.Get(s.t.Context(), client.ObjectKeyFromObject(pod), pod))
	return pod
}

func getting(name, path string) v1alpha1.Hook {
	port := intstr.FromString("web")
	return v1alpha1.Hook{
		Name: name, Stages: []v1alpha1.Stage{v1alpha1.PreBackup}, OnError: v1alpha1.Continue, Timeout: v1alpha1.Duration{Duration: 5 * time.Second},
		HTTPGet: &v1alpha1.HTTPGetAction{HTTPRequest: v1alpha1.HTTPRequest{Port: &port, Path: path}},
	}
}

func calling(name, url string) v1alpha1.Hook {
	hook := getting(name, "")
	hook.HTTPGet.Port, hook.HTTPGet.URL = nil, url
	return hook
}

func connecting(name, host string, port int) v1alpha1.Hook {
	hook := getting(name, "")
	hook.HTTPGet, hook.TCPSocket = nil, &v1alpha1.TCPSocketAction{Host: host, Port: intstr.FromInt32(int32(port))}
	return hook
}

func TestTheControllerSendsRequestsToPods(t *testing.T) {
	t.Parallel()
	s := newScene(t, optedIn)
	pod := s.web()
	node := nodeAddress(t)
	once := calling("once", "http://"+net.JoinHostPort(pod.Status.PodIP, "8080")+"/page")
	once.RunOn = v1alpha1.OncePerSession
	cases := []struct {
		hook    v1alpha1.Hook
		reason  string // empty where it goes well
		message string
	}{
		{getting("page", "/page"), "", ""},
		{getting("missing", "/missing"), "Status", "404"},
		{getting("elsewhere", "/cgi-bin/away"), "", ""},
		{getting("failing", "/cgi-bin/fail"), "Status", "503"},
		{getting("hanging", "/cgi-bin/hang"), "TimedOut", "has not answered in time"},
		{once, "", ""},
		{calling("apiserver", "http://"+node+":6443/"), "AddressRefused", node},
		{calling("unlisted", "http://192.0.2.1/"), "AddressRefused", "192.0.2.1"},
		{connecting("open", "", 8080), "", ""},
		{connecting("closed", "", 8081), "Unreachable", "8081"},
		{connecting("node", node, 10250), "AddressRefused", node},
	}
	spec := v1alpha1.HookPolicySpec{}
	for _, c := range cases {
		spec.Hooks = append(spec.Hooks, c.hook)
	}
	s.createPolicy(&v1alpha1.HookPolicy{Spec: spec})
	session := s.begin()
	s.waitReady(session)
	runs := s.runsOf(session)
	for _, c := range cases {
		require.Len(t, runs[c.hook.Name].Status.Results, 1, c.hook.Name)
		result := runs[c.hook.Name].Status.Results[0]
		assert.Equal(t, c.reason, result.Reason, "%s: %s", c.hook.Name, result.Message)
		assert.Contains(t, result.Message, c.message, c.hook.Name)
	}
	assert.Contains(t, runs["failing"].Status.Results[0].Output, "the reason why")
	s.report(session, v1alpha1.Outcomes{Operation: v1alpha1.Succeeded})
	s.waitFinished(session, v1alpha1.PhaseComplete)
}

// nodeAddress is the node's, at which its API server is as well.
func nodeAddress(t *testing.T) string {
	t.Helper()
	var nodes corev1.NodeList
	require.NoError(t, api.List(t.Context(), &nodes))
	for _, address := range nodes.Items[0].Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			return address.Address
		}
	}
	t.Fatal("the node has no address")
	return ""
}

// A hook that tells of the outcome: once, with a header from a Secret, after a backup that failed.
func TestAPostTellsOfTheOutcome(t *testing.T) {
	t.Parallel()
	s := newScene(t, optedIn)
	pod := s.web()
	require.NoError(t, api.Create(t.Context(), secretNamed(s.namespace, "api", map[string]string{"token": "Bearer abc\n"})))
	s.kubectl("create", "rolebinding", "quiesce-secrets", "--clusterrole=quiesce-secrets-reader", "--serviceaccount=quiesce-system:quiesce-controller")
	tell := func(name string, policy v1alpha1.ExecutionPolicy, post v1alpha1.HTTPPostAction) v1alpha1.Hook {
		post.URL = "http://" + pod.Status.PodIP + ":8080/cgi-bin/keep?hook=$(QUIESCE_HOOK)"
		post.HTTPHeaders = []v1alpha1.HTTPHeader{{Name: "Authorization", ValueFrom: &v1alpha1.ValueSource{SecretKeyRef: v1alpha1.SecretKeyRef{Name: "api", Key: "token"}}}}
		return v1alpha1.Hook{Name: name, Stages: []v1alpha1.Stage{v1alpha1.PostBackup}, HTTPPost: &post, HookConduct: v1alpha1.HookConduct{
			RunOn: v1alpha1.OncePerSession, ExecutionPolicy: policy,
		}}
	}
	s.createPolicy(&v1alpha1.HookPolicy{Spec: v1alpha1.HookPolicySpec{Hooks: []v1alpha1.Hook{
		tell("failure", v1alpha1.OnFailure, v1alpha1.HTTPPostAction{Body: `{"outcome": "$(QUIESCE_OUTCOME)"}`}),
		tell("success", v1alpha1.OnSuccess, v1alpha1.HTTPPostAction{Body: "not sent"}),
		tell("form", v1alpha1.Always, v1alpha1.HTTPPostAction{Form: []v1alpha1.FormField{{Name: "stage", Value: "$(QUIESCE_STAGE)"}, {Name: "a b", Value: "c&d"}}}),
	}}})
	session := s.begin()
	s.waitReady(session)
	s.report(session, v1alpha1.Outcomes{Operation: v1alpha1.Failed})
	s.waitFinished(session, v1alpha1.PhaseFailed)
	requireHooks(t, session, 2, 0, 1)
	sent := strings.Split(s.in(pod, "cat /tmp/sent"), "\n")
	assert.Equal(t, []string{
		"application/x-www-form-urlencoded Bearer abc hook=form stage=PostBackup&a+b=c%26d",
		`application/json Bearer abc hook=failure {"outcome": "Failed"}`,
	}, sent)
}

func secretNamed(namespace, name string, values map[string]string) *corev1.Secret {
	secret := &corev1.Secret{StringData: values}
	secret.Namespace, secret.Name = namespace, name
	return secret
}

func requireHooks(t *testing.T, session *v1alpha1.HookSession, succeeded, failed, skipped int32) {
	t.Helper()
	got := session.Status.Hooks
	require.Equal(t, []int32{succeeded, failed, skipped}, []int32{got.Succeeded, got.Failed, got.Skipped}, describe(session).String())
}

// An application is quiesced by somebody else: a request without a pod, that another without a pod undoes whatever happens.
func TestWhatIsQuiescedWithoutAPodIsThawedWithoutOne(t *testing.T) {
	t.Parallel()
	s := newScene(t, optedIn)
	pod := s.web()
	post := func(name string, stage v1alpha1.Stage) v1alpha1.Hook {
		return v1alpha1.Hook{Name: name, Stages: []v1alpha1.Stage{stage}, HookConduct: v1alpha1.HookConduct{RunOn: v1alpha1.OncePerSession}, HTTPPost: &v1alpha1.HTTPPostAction{
			HTTPRequest: v1alpha1.HTTPRequest{URL: "http://" + pod.Status.PodIP + ":8080/cgi-bin/keep"}, Body: name,
		}}
	}
	s.createPolicy(&v1alpha1.HookPolicy{Spec: v1alpha1.HookPolicySpec{
		MaxQuiesce: v1alpha1.Duration{Duration: 5 * time.Second}, Hooks: []v1alpha1.Hook{post("pause", v1alpha1.PreSnapshot), post("resume", v1alpha1.PostSnapshot)},
	}})
	session := s.begin()
	s.waitReady(session)
	assert.EqualValues(t, 1, session.Status.QuiescedPods)
	s.waitFinished(session, v1alpha1.PhaseFailed) // nobody says anything
	assert.Zero(t, session.Status.QuiescedPods)
	assert.Equal(t, "pause resume", strings.Join(strings.Fields(strings.ReplaceAll(s.in(pod, "cat /tmp/sent"), "text/plain; charset=utf-8", "")), " "))

	session = s.begin()
	s.waitReady(session)
	require.NoError(t, api.Delete(t.Context(), session))
	s.waitGone(session)
	assert.Equal(t, 2, strings.Count(s.in(pod, "cat /tmp/sent"), "resume"), "the deletion of a session thaws as well")
}
