package convert

import (
	"reflect"
	"slices"
)

// referred are the kinds of objects that others refer to by their names. Of two of one name, hooks can only be those of one.
var referred = []string{
	"stork.libopenstorage.org/Rule", "stork.libopenstorage.org/StorkRule", "core.kubestash.com/HookTemplate", "addons.kubestash.com/Function",
	"protect.trident.netapp.io/Application", "astra.netapp.io/Application", keyHookSource, keyAstraApp,
}

// twice finds objects that are in the input a second time, and otherwise. The last one counts, as where they are applied one after another.
func (c *converter) twice(objects []object) {
	last := map[string]*object{}
	for i := range objects {
		o := &objects[i]
		if !slices.Contains(referred, o.kind()) {
			continue
		}
		key := o.kind() + " " + o.Namespace + "/" + o.key()
		if other := last[key]; other != nil && !same(other, o) {
			c.leave("%s at %s: another one of this name, at %s, takes its place: give one of them, or convert each by itself", other, other.Position(), o.Position())
		}
		last[key] = o
	}
}

// key is what others call the object: the name, or the id that Astra Control gives it.
func (o *object) key() string {
	var of struct {
		ID string `json:"id"`
	}
	if o.Group() == astraGroup && o.decode(&of) == nil {
		return of.ID
	}
	return o.Name
}

// same tells whether two objects say the same, but for how they are written and what a server adds.
func same(a, b *object) bool {
	fieldsOf := func(o *object) map[string]any {
		fields, err := o.Fields()
		if err != nil {
			return nil
		}
		delete(fields, "metadata")
		delete(fields, "status")
		delete(fields, "apiVersion")
		return fields
	}
	return reflect.DeepEqual(fieldsOf(a), fieldsOf(b))
}
