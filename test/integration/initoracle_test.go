package integration

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// What hooks/match refuses in an init container, and what it lets through, its own tests show with the same files.
func TestTheAPIServerAgreesOnWhichInitContainersARestoredPodCanHave(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(repository, "hooks/match/testdata/init/*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		var containers map[string]struct {
			v1alpha1.InitContainer
			Want  string
			Pod   corev1.PodSpec
			Later string
		}
		require.NoError(t, yaml.UnmarshalStrict(content, &containers), file)
		for name, test := range containers {
			t.Run(name, func(t *testing.T) {
				pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "restored", Namespace: release}, Spec: test.Pod}
				pod.Spec.Containers = []corev1.Container{{Name: "app", Image: "quiesce.test/none:1"}}
				pod.Spec.InitContainers = []corev1.Container{asWritten(&test.InitContainer)}
				pod.Spec.Volumes = volumesOf(&test.InitContainer)
				err := api.Create(t.Context(), pod, client.DryRunAll)
				if test.Want == "" || test.Later != "" {
					require.NoError(t, err)
				} else {
					assertRefusedForItsField(t, err, test.Want)
				}
			})
		}
	}
}

// asWritten is an init container with nothing of the pod's container but the image.
func asWritten(source *v1alpha1.InitContainer) corev1.Container {
	container := corev1.Container{
		Name: "a", Image: source.Image, ImagePullPolicy: source.ImagePullPolicy,
		Command: source.Command, Args: source.Args, WorkingDir: source.WorkingDir,
		Env: source.Env, EnvFrom: source.EnvFrom,
		VolumeMounts: source.VolumeMounts, VolumeDevices: source.VolumeDevices,
		SecurityContext: source.SecurityContext,
	}
	if container.Image == "" {
		container.Image = "quiesce.test/none:1"
	}
	if source.Resources != nil {
		container.Resources = *source.Resources
	}
	return container
}

// volumesOf are all volumes that an init container names, as far as a pod can have volumes of such names.
func volumesOf(container *v1alpha1.InitContainer) []corev1.Volume {
	var volumes []corev1.Volume
	add := func(name string, source corev1.VolumeSource) {
		known := slices.ContainsFunc(volumes, func(volume corev1.Volume) bool { return volume.Name == name })
		if !known && len(validation.IsDNS1123Label(name)) == 0 {
			volumes = append(volumes, corev1.Volume{Name: name, VolumeSource: source})
		}
	}
	for _, device := range container.VolumeDevices {
		add(device.Name, corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "x"}})
	}
	for i := range container.VolumeMounts {
		add(container.VolumeMounts[i].Name, corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}})
	}
	for i := range container.Env {
		if from := container.Env[i].ValueFrom; from != nil && from.FileKeyRef != nil {
			add(from.FileKeyRef.VolumeName, corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}})
		}
	}
	return volumes
}

var fieldName = regexp.MustCompile(`^\.\w+`)

// assertRefusedForItsField wants the API server to find what our own message names, and nothing wrong with the rest.
func assertRefusedForItsField(t *testing.T, err error, message string) {
	t.Helper()
	var status apierrors.APIStatus
	require.ErrorAs(t, err, &status)
	require.True(t, apierrors.IsInvalid(err), "got %v", err)
	const theOne = "spec.initContainers[0]"
	var named int
	for _, cause := range status.Status().Details.Causes {
		assert.Contains(t, cause.Field, theOne, "the pod has to be good otherwise")
		if strings.HasPrefix(cause.Field, theOne+fieldName.FindString(message)) {
			named++
		}
	}
	assert.Positive(t, named, "%v: it is not about what we say: %s", err, message)
}
