package convert

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// The annotations of restored pods that Velero reads (velero: internal/hook/item_hook_handler.go). Those of backups are in hooks/v1alpha1.
const (
	restorePrefix = "post.hook.restore.velero.io/"
	initPrefix    = "init.hook.restore.velero.io/"

	keyExecTimeout  = "exec-timeout"
	keyWaitTimeout  = "wait-timeout"
	keyWaitForReady = "wait-for-ready"

	keyImage = "container-image"
	keyName  = "container-name"
)

// read by Velero, under each prefix.
var annotationKeys = map[string][]string{
	v1alpha1.VeleroPrePrefix:    {v1alpha1.VeleroCommand, v1alpha1.VeleroContainer, v1alpha1.VeleroOnError, v1alpha1.VeleroTimeout},
	v1alpha1.VeleroPostPrefix:   {v1alpha1.VeleroCommand, v1alpha1.VeleroContainer, v1alpha1.VeleroOnError, v1alpha1.VeleroTimeout},
	v1alpha1.VeleroLegacyPrefix: {v1alpha1.VeleroCommand, v1alpha1.VeleroContainer, v1alpha1.VeleroOnError, v1alpha1.VeleroTimeout},
	restorePrefix:               {v1alpha1.VeleroCommand, v1alpha1.VeleroContainer, v1alpha1.VeleroOnError, keyExecTimeout, keyWaitTimeout, keyWaitForReady},
	initPrefix:                  {v1alpha1.VeleroCommand, keyImage, keyName, v1alpha1.VeleroTimeout},
}

// fileAnnotation names volumes of a pod whose files are copied (velero: pkg/apis/velero/v1/labels_annotations.go).
const fileAnnotation = "backup.velero.io/backup-volumes"

// hookAnnotations are those of Velero's hooks, known to it or not.
func hookAnnotations(all map[string]string) map[string]string {
	found := map[string]string{}
	for key, value := range all {
		for prefix := range annotationKeys {
			if strings.HasPrefix(key, prefix) {
				found[key] = value
			}
		}
	}
	return found
}

// annotated converts the annotations of a pod.
func (d *draft) annotated(annotations map[string]string) {
	d.strangers(annotations)
	pre := v1alpha1.VeleroPrePrefix
	legacy := annotations[v1alpha1.VeleroLegacyPrefix+v1alpha1.VeleroCommand] != ""
	switch given := annotations[pre+v1alpha1.VeleroCommand] != ""; {
	case given && legacy:
		d.remark("Left out: the annotations %s*, which Velero passes over where the pod has %scommand.", v1alpha1.VeleroLegacyPrefix, pre)
	case legacy:
		pre = v1alpha1.VeleroLegacyPrefix
	}
	d.backupAnnotations(before, "pre", pre, annotations)
	d.backupAnnotations(after, "post", v1alpha1.VeleroPostPrefix, annotations)
	d.restoreAnnotations(annotations)
	d.initAnnotations(annotations)
}

// strangers tells of annotations that Velero does not read: by their keys, or for want of what they belong to.
func (d *draft) strangers(annotations map[string]string) {
	for _, prefix := range slices.Sorted(maps.Keys(annotationKeys)) {
		main := v1alpha1.VeleroCommand
		if prefix == initPrefix {
			main = keyImage
		}
		for _, key := range slices.Sorted(maps.Keys(annotations)) {
			suffix, ours := strings.CutPrefix(key, prefix)
			switch {
			case !ours:
			case !slices.Contains(annotationKeys[prefix], suffix):
				d.remark("Left out: the annotation %s: %s, which Velero does not read. It reads %s there.", printable(key), quoted(annotations[key]),
					strings.Join(annotationKeys[prefix], ", "))
			case annotations[prefix+main] == "":
				d.remark("Left out: the annotation %s: %s, which Velero passes over for want of %s.", printable(key), quoted(annotations[key]), prefix+main)
			}
		}
	}
}

func (d *draft) backupAnnotations(s side, name, prefix string, annotations map[string]string) {
	command := annotations[prefix+v1alpha1.VeleroCommand]
	if command == "" {
		return
	}
	notes := comments{}
	e := execHook{
		Container: annotations[prefix+v1alpha1.VeleroContainer], Command: words(command, notes, fieldCommand), OnError: annotations[prefix+v1alpha1.VeleroOnError],
	}
	e.Timeout.Duration = annotatedDuration(annotations[prefix+v1alpha1.VeleroTimeout], fieldTimeout, "30s", notes)
	d.exec(s, name, &e, notes)
}

func (d *draft) restoreAnnotations(annotations map[string]string) {
	command := annotations[restorePrefix+v1alpha1.VeleroCommand]
	if command == "" {
		return
	}
	notes := comments{}
	e := restoreExec{
		Container: annotations[restorePrefix+v1alpha1.VeleroContainer], Command: words(command, notes, fieldCommand), OnError: annotations[restorePrefix+v1alpha1.VeleroOnError],
	}
	e.ExecTimeout.Duration = annotatedDuration(annotations[restorePrefix+keyExecTimeout], fieldTimeout, "30s", notes)
	e.WaitTimeout.Duration = annotatedDuration(annotations[restorePrefix+keyWaitTimeout], fieldWait, "no limit", notes)
	ready := false
	if given := annotations[restorePrefix+keyWaitForReady]; given != "" {
		var err error
		if ready, err = strconv.ParseBool(given); err != nil {
			notes.add(fieldWaitFor, "%s was %s, which Velero takes for false. What was meant may be Ready.", keyWaitForReady, quoted(given))
		}
	}
	d.restoreExec("restore", &e, ready, notes)
}

func (d *draft) initAnnotations(annotations map[string]string) {
	image := annotations[initPrefix+keyImage]
	if image == "" {
		return
	}
	notes := comments{}
	container := v1alpha1.InitContainer{Image: image, Name: annotations[initPrefix+keyName]}
	if command := annotations[initPrefix+v1alpha1.VeleroCommand]; command != "" {
		container.Command = words(command, notes, fieldInit)
	} else {
		notes.add(fieldInit, "It has no command, at which Velero 1.18 crashes. The image's own program is run.")
	}
	if given := annotations[initPrefix+v1alpha1.VeleroTimeout]; given != "" {
		notes.add(fieldInit, "Left out: its timeout, %s. Velero does not read it; an init container ends, or its pod does not start.", quoted(given))
	}
	if container.Name != "" && len(validation.IsDNS1123Label(container.Name)) > 0 {
		notes.add(fieldInit, "Left out: its name, %s, which no container can have.", quoted(container.Name))
		container.Name = ""
	}
	if why := refused(&container); why != "" {
		d.drop(prepared, "Hook init is left out: %s.", why)
		return
	}
	d.initHooks("init", []v1alpha1.InitContainer{container}, notes)
}

// words are a command as Velero reads it from an annotation: an array in JSON, or else one word, with no shell.
func words(command string, notes comments, field string) []string {
	if command[0] != '[' {
		return []string{command}
	}
	var list []string
	if err := json.Unmarshal([]byte(command), &list); err != nil {
		notes.add(field, "It is no array of strings in JSON (%s), and Velero takes it as the name of one program.", printable(err.Error()))
		return []string{command}
	}
	return list
}

// annotatedDuration is a duration as Velero reads it from an annotation: what is none counts as if it were not there.
func annotatedDuration(given, field, otherwise string, notes comments) time.Duration {
	if given == "" {
		return 0
	}
	d, err := time.ParseDuration(given)
	if err != nil {
		notes.add(field, "It was %s, which is no duration, and for which Velero takes %s. What was meant may need a unit, such as 60s.", quoted(given), otherwise)
		return 0
	}
	return d
}

// forget is the command by which the annotations go from an object, since Quiesce leaves a pod alone whose annotations are its user's.
func (o *object) forget(annotations map[string]string) string {
	kind, keys := strings.ToLower(o.Kind), slices.Sorted(maps.Keys(annotations))
	if o.kind() == "/Pod" {
		for i, key := range keys {
			keys[i] = shell(key + "-")
		}
		return "kubectl" + namespaceFlag(o.Namespace) + " annotate " + kind + " " + shell(o.Name) + " " + strings.Join(keys, " ")
	}
	gone := map[string]any{}
	for _, key := range keys {
		gone[key] = nil
	}
	patch := nest(gone, "annotations", "metadata", "template", "spec")
	if o.kind() == "batch/CronJob" {
		patch = nest(patch, "jobTemplate", "spec")
	}
	text, err := json.Marshal(patch)
	if err != nil { // a map of strings and nil is always JSON
		panic(fmt.Sprintf("convert: %v", err))
	}
	return "kubectl" + namespaceFlag(o.Namespace) + " patch " + kind + " " + shell(o.Name) + " --type=merge -p " + shell(string(text))
}

// nest puts a value into objects, the innermost field first.
func nest(value any, fields ...string) any {
	for _, field := range fields {
		value = map[string]any{field: value}
	}
	return value
}

func namespaceFlag(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " -n " + shell(namespace)
}
