package restore

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Edit is one change of a pod's list of init containers.
type Edit struct {
	// At is the place in the list, as it is by then.
	At int
	// Add is put there; without it, what is there is removed.
	Add *corev1.Container
}

// waiting are the init containers by which Velero brings the data of a pod's volumes back (velero:
// pkg/restorehelper/util.go). What runs ahead of them finds no data, and if it waits for some, waits for ever.
var waiting = []string{"restore-wait", "restic-wait"}

// edits make a pod's init containers what they should be: those that wait for data, then ours, then the pod's own.
func edits(current, wanted []corev1.Container) []Edit {
	var (
		kept    []corev1.Container
		removed []Edit
		place   int
	)
	for i := range current {
		if isOurs(&current[i]) {
			removed = append(removed, Edit{At: i})
			continue
		}
		kept = append(kept, current[i])
		if slices.Contains(waiting, current[i].Name) {
			place = len(kept)
		}
	}
	if slices.EqualFunc(slices.Insert(slices.Clone(kept), place, wanted...), current, same) {
		return nil
	}
	slices.Reverse(removed) // from the end, so that the places stay right
	made := removed
	for i := range wanted {
		made = append(made, Edit{At: place + i, Add: &wanted[i]})
	}
	return made
}

// same tells whether a container is what it should be. Others may have added to it since: fields that we do not set, further
// mounts and variables.
func same(wanted, current corev1.Container) bool {
	return wanted.Name == current.Name && covers(generic(current), generic(wanted))
}

// covers tells whether all of one value is found in another: in an object each of its fields, in a list of objects each of
// those in their order. A list of texts has to be the same.
func covers(whole, part any) bool {
	switch part := part.(type) {
	case map[string]any:
		object, _ := whole.(map[string]any)
		for key, value := range part {
			if !covers(object[key], value) {
				return false
			}
		}
		return true
	case []any:
		list, _ := whole.([]any)
		for _, item := range part {
			if _, isObject := item.(map[string]any); !isObject {
				return reflect.DeepEqual(list, part)
			}
			at := slices.IndexFunc(list, func(candidate any) bool { return covers(candidate, item) })
			if at < 0 {
				return false
			}
			list = list[at+1:]
		}
		return true
	}
	return whole == part
}

// generic is a container as maps, lists and texts.
func generic(container corev1.Container) any {
	encoded, err := json.Marshal(container)
	if err != nil {
		panic(err) // what was decoded always marshals
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		panic(err)
	}
	return value
}
