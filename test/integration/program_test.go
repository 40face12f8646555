package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// build builds the programs into a folder.
func build(folder string) error {
	command := exec.Command("go", "build", "-o", folder, "./cmd/quiesce-webhook", "./cmd/quiesce-controller", "./cmd/kubectl-quiesce")
	command.Dir = repository
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("building the programs: %w\n%s", err, output)
	}
	return nil
}

// program is one of ours, running.
type program struct {
	*exec.Cmd
	health string // host:port
	port   int    // of the webhook
	exited chan struct{}

	lock sync.Mutex
	log  strings.Builder
}

func (p *program) Write(line []byte) (int, error) {
	p.lock.Lock()
	defer p.lock.Unlock()
	return p.log.Write(line)
}

// told is the program's log, without its answers to our own questions after its health.
func (p *program) told() string {
	p.lock.Lock()
	defer p.lock.Unlock()
	var told strings.Builder
	for line := range strings.Lines(p.log.String()) {
		if !strings.Contains(line, "controller-runtime.healthz") {
			told.WriteString(line)
		}
	}
	return told.String()
}

// start runs a program as its ServiceAccount, until the test ends. Its log is shown when the test fails.
func start(t *testing.T, name string, flags ...string) *program {
	t.Helper()
	health := net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
	p := run(t, name, append([]string{
		"--kubeconfig=" + kubeconfig(t, name, generatedRoles(t, name)...), "--namespace=" + release,
		"--metrics-bind-address=0", "--health-probe-bind-address=" + health,
	}, flags...)...)
	p.health = health
	return p
}

// again runs a program that has ended as before, with more flags.
func (p *program) again(t *testing.T, flags ...string) *program {
	t.Helper()
	<-p.exited
	next := run(t, filepath.Base(p.Path), append(p.Args[1:], flags...)...)
	next.health, next.port = p.health, p.port
	return next
}

func run(t *testing.T, name string, arguments ...string) *program {
	t.Helper()
	p := &program{exited: make(chan struct{})}
	p.Cmd = exec.Command(filepath.Join(binaries, name), arguments...)
	p.Stdout, p.Stderr = p, p
	require.NoError(t, p.Start())
	go func() {
		_ = p.Wait() // the exit code is in ProcessState
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.Process.Signal(syscall.SIGKILL)
		<-p.exited
		if t.Failed() {
			t.Logf("log of %s:\n%s", name, p.told())
		}
	})
	return p
}

func startController(t *testing.T, flags ...string) *program {
	t.Helper()
	t.Cleanup(func() { // the CA that it makes; after the controller, which would make another
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "quiesce-webhook-ca", Namespace: release}}
		assert.NoError(t, client.IgnoreNotFound(api.Delete(context.Background(), secret)))
	})
	// The application library is delivered only where a test is about it.
	return start(t, "quiesce-controller", append([]string{"--leader-elect=false", "--deliver-templates=false"}, flags...)...)
}

// startWebhook runs the webhook and has the API server call it for policies, and for pods in opted-in namespaces. The
// Service is an ExternalName for localhost, by which everything else stays as it is in a cluster: the names in
// certificates, too.
func startWebhook(t *testing.T, flags ...string) *program {
	t.Helper()
	port := freePort(t)
	p := start(t, "quiesce-webhook", append([]string{"--webhook-host=127.0.0.1", "--webhook-port=" + strconv.Itoa(port)}, flags...)...)
	p.port = port
	create(t, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "quiesce-webhook", Namespace: release},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "localhost"},
	})
	for _, document := range documents(t, "config/webhook/manifests.yaml") {
		create(t, webhookConfiguration(t, document, port))
	}
	return p
}

// webhookConfiguration is a generated configuration, with what the chart would say of where the webhook is.
func webhookConfiguration(t *testing.T, document []byte, port int) client.Object {
	t.Helper()
	at := func(config *admissionregistrationv1.WebhookClientConfig) {
		config.Service.Name, config.Service.Namespace, config.Service.Port = "quiesce-webhook", release, new(int32(port))
	}
	var kind metav1.TypeMeta
	require.NoError(t, yaml.Unmarshal(document, &kind))
	if kind.Kind == "ValidatingWebhookConfiguration" {
		validating := &admissionregistrationv1.ValidatingWebhookConfiguration{}
		require.NoError(t, yaml.UnmarshalStrict(document, validating))
		validating.Name = "quiesce-webhook"
		for i := range validating.Webhooks {
			at(&validating.Webhooks[i].ClientConfig)
		}
		return validating
	}
	mutating := &admissionregistrationv1.MutatingWebhookConfiguration{}
	require.NoError(t, yaml.UnmarshalStrict(document, mutating))
	mutating.Name = "quiesce-webhook"
	for i := range mutating.Webhooks {
		webhook := &mutating.Webhooks[i]
		at(&webhook.ClientConfig)
		if webhook.Name == "pods.quiesce.io" || webhook.Name == "restored-pods.quiesce.io" {
			webhook.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled}}
		}
		if webhook.Name == "restored-pods.quiesce.io" {
			webhook.MatchConditions = []admissionregistrationv1.MatchCondition{{
				Name: "restored", Expression: "'" + v1alpha1.VeleroRestoreLabel + "' in object.metadata.?labels.orValue({})",
			}}
		}
	}
	return mutating
}

// waitAuthoring waits until policies can be written: they cannot while the API server does not trust the webhook yet.
func waitAuthoring(t *testing.T) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		policy := flushPolicy("waits")
		require.NoError(c, api.Create(t.Context(), policy, client.DryRunAll))
		require.NotEmpty(c, policy.Annotations[v1alpha1.AuthorAnnotation])
	}, patience, tick)
}

// ready asks a program's readiness endpoint.
func (p *program) ready() error {
	response, err := http.Get("http://" + p.health + "/readyz")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}

func waitReady(t *testing.T, p *program) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) { require.NoError(c, p.ready()) }, patience, tick)
}

// waitHealthy waits until a program runs. The controller alone is not ready, where there is no webhook to trust it.
func waitHealthy(t *testing.T, p *program) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		response, err := http.Get("http://" + p.health + "/healthz")
		require.NoError(c, err)
		require.NoError(c, response.Body.Close())
	}, patience, tick)
}

// kubeconfig is a file with which a program is a ServiceAccount, bound to some roles and nothing else.
func kubeconfig(t *testing.T, name string, roles ...client.Object) string {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: release}}
	create(t, account)
	subject := []rbacv1.Subject{{Kind: "ServiceAccount", Name: name, Namespace: release}}
	for _, role := range roles {
		create(t, role)
		ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.GetName()}
		meta := metav1.ObjectMeta{Name: name, Namespace: role.GetNamespace()}
		if _, isRole := role.(*rbacv1.Role); isRole {
			ref.Kind = "Role"
			create(t, &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subject})
		} else {
			create(t, &rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subject})
		}
	}
	token := &authenticationv1.TokenRequest{}
	require.NoError(t, api.SubResource("token").Create(t.Context(), account, token))
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"c": {Server: config.Host, CertificateAuthorityData: config.CAData}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"u": {Token: token.Status.Token}},
		Contexts:       map[string]*clientcmdapi.Context{"x": {Cluster: "c", AuthInfo: "u"}},
		CurrentContext: "x",
	}, file))
	return file
}

// generatedRoles are those of a program.
func generatedRoles(t *testing.T, name string) []client.Object {
	t.Helper()
	var roles []client.Object
	for _, document := range documents(t, filepath.Join("config/rbac", strings.TrimPrefix(name, "quiesce-"), "role.yaml")) {
		var kind metav1.TypeMeta
		require.NoError(t, yaml.Unmarshal(document, &kind))
		var role client.Object = &rbacv1.ClusterRole{}
		if kind.Kind != "ClusterRole" {
			require.Equal(t, "Role", kind.Kind)
			role = &rbacv1.Role{}
		}
		require.NoError(t, yaml.UnmarshalStrict(document, role))
		roles = append(roles, role)
	}
	return roles
}

func documents(t *testing.T, path string) [][]byte {
	t.Helper()
	file, err := os.Open(filepath.Join(repository, path))
	require.NoError(t, err)
	defer file.Close()
	var documents [][]byte
	for decoder := utilyaml.NewDocumentDecoder(file); ; {
		buffer := make([]byte, 64<<10)
		n, err := decoder.Read(buffer)
		if n == 0 || err != nil {
			return documents
		}
		if document := buffer[:n]; len(strings.TrimSpace(string(document))) > 3 {
			documents = append(documents, document)
		}
	}
}

// create creates an object and deletes it when the test ends.
func create(t *testing.T, object client.Object) {
	t.Helper()
	require.NoError(t, api.Create(t.Context(), object))
	t.Cleanup(func() {
		err := api.Delete(context.Background(), object, client.GracePeriodSeconds(0))
		if !apierrors.IsNotFound(err) {
			assert.NoError(t, err)
		}
	})
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
