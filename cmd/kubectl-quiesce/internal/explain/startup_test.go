package explain

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// BenchmarkStartUp runs the whole program on a cluster that answers at once, from its start to its end: what is measured is what
// people wait for beside their cluster.
func BenchmarkStartUp(b *testing.B) {
	program := filepath.Join(b.TempDir(), "kubectl-quiesce")
	build := exec.CommandContext(b.Context(), "go", "build", "-o", program, "../..")
	output, err := build.CombinedOutput()
	require.NoError(b, err, "%s", output)

	stage := read(b, "database.in.yaml")
	answers := map[string]any{
		"/api/v1/namespaces/shop":                                             shop(),
		"/api/v1/namespaces/shop/pods/db-0":                                   stage.pods[0],
		"/api/v1/namespaces/shop/pods":                                        corev1.PodList{Items: stage.pods},
		"/apis/quiesce.io/v1alpha1/hookpolicies":                              v1alpha1.HookPolicyList{Items: stage.objects.Cluster},
		"/apis/quiesce.io/v1alpha1/namespaces/shop/namespacedhookpolicies":    v1alpha1.NamespacedHookPolicyList{Items: stage.objects.Namespaced[:1]},
		"/apis/quiesce.io/v1alpha1/hookscripts":                               v1alpha1.HookScriptList{},
		"/apis/quiesce.io/v1alpha1/hooktemplates":                             v1alpha1.HookTemplateList{},
		"/apis/apps/v1/namespaces/quiesce-system/deployments/quiesce-webhook": appsv1.Deployment{},
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, found := answers[r.URL.Path]
		if !found { // what is optional
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			b.Error(err)
		}
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	b.Cleanup(server.Close)

	config := clientcmdapi.NewConfig()
	config.Clusters["c"] = &clientcmdapi.Cluster{Server: server.URL,
		CertificateAuthorityData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})}
	config.Contexts["c"] = &clientcmdapi.Context{Cluster: "c", Namespace: "shop"}
	config.CurrentContext = "c"
	kubeconfig := filepath.Join(b.TempDir(), "kubeconfig")
	require.NoError(b, clientcmd.WriteToFile(*config, kubeconfig))
	var processor time.Duration
	for b.Loop() {
		var out, errOut bytes.Buffer
		run := exec.CommandContext(b.Context(), program, "explain", "db-0", "--kubeconfig", kubeconfig)
		run.Env = append(os.Environ(), "HOME="+b.TempDir())
		run.Stdout, run.Stderr = &out, &errOut
		require.NoError(b, run.Run(), "%s", &errOut)
		require.Contains(b, out.String(), "Pod shop/db-0")
		processor += run.ProcessState.UserTime() + run.ProcessState.SystemTime()
	}
	// On a machine that does other things, this is what it would take on one that does not, or less.
	b.ReportMetric(float64(processor.Milliseconds())/float64(b.N), "processor-ms/op")
}
