package version

import (
	"bytes"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestABuildSaysOfWhichSourcesItIs(t *testing.T) {
	info := &debug.BuildInfo{Main: debug.Module{Version: "v0.2.0"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"},
	}}
	build := buildOf(info)
	assert.Equal(t, "v0.2.0", build.Version)
	assert.Equal(t, "0123456789abcdef", build.Commit)
	assert.True(t, build.Modified)
	assert.NotEmpty(t, build.Go)
	assert.Equal(t, "(devel)", buildOf(nil).Version)

	release = "v0.3.0" // as the linker does
	defer func() { release = "" }()
	assert.Equal(t, "v0.3.0", buildOf(info).Version)
}

func TestTheServerIsOfTheVersionOfItsDeployments(t *testing.T) {
	deployment := func(name string) appsv1.Deployment {
		return appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: "quiesce-system", Name: name, Labels: map[string]string{"app.kubernetes.io/version": "0.1.0"}},
			Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
				Containers: []corev1.Container{{Image: "ghcr.io/quiesce-io/quiesce:0.1.0"}},
			}}},
		}
	}
	versions := Versions{
		Client: Build{Version: "v0.1.0", Commit: "0123456789abcdef", Go: "go1.26.8", Platform: "linux/amd64"},
		Server: serverOf([]appsv1.Deployment{deployment("quiesce-webhook"), deployment("quiesce-controller")}),
	}
	for format, want := range map[string]string{
		"": `Client Version: v0.1.0 (commit 0123456789ab)
Server Version: v0.1.0 (namespace quiesce-system: quiesce-controller ghcr.io/quiesce-io/quiesce:0.1.0, quiesce-webhook ghcr.io/quiesce-io/quiesce:0.1.0)
`,
		"yaml": `clientVersion:
  commit: 0123456789abcdef
  goVersion: go1.26.8
  platform: linux/amd64
  version: v0.1.0
serverVersion:
  images:
    quiesce-controller: ghcr.io/quiesce-io/quiesce:0.1.0
    quiesce-webhook: ghcr.io/quiesce-io/quiesce:0.1.0
  namespace: quiesce-system
  version: v0.1.0
`,
		"json": `{
  "clientVersion": {
    "version": "v0.1.0",
    "commit": "0123456789abcdef",
    "goVersion": "go1.26.8",
    "platform": "linux/amd64"
  },
  "serverVersion": {
    "version": "v0.1.0",
    "namespace": "quiesce-system",
    "images": {
      "quiesce-controller": "ghcr.io/quiesce-io/quiesce:0.1.0",
      "quiesce-webhook": "ghcr.io/quiesce-io/quiesce:0.1.0"
    }
  }
}
`,
	} {
		var printed bytes.Buffer
		require.NoError(t, write(&printed, format, versions))
		assert.Equal(t, want, printed.String(), "format %q", format)
	}
	assert.Nil(t, serverOf(nil))
}
