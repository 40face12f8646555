package v1alpha1

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAnActionIsNamedByItsField(t *testing.T) {
	type acting interface{ Action() string }
	for hook, count := range map[acting]int{&Hook{}: 8, &ResolvedHook{}: 7} {
		assert.Empty(t, hook.Action())
		found := 0
		of := reflect.TypeOf(hook).Elem()
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			if of.Field(i).Type.Kind() != reflect.Pointer || !strings.HasSuffix(of.Field(i).Type.Elem().Name(), "Action") {
				continue
			}
			one := reflect.New(of)
			one.Elem().Field(i).Set(reflect.New(of.Field(i).Type.Elem()))
			assert.Equal(t, name, one.Interface().(acting).Action())
			found++
		}
		assert.Equal(t, count, found, of.Name())
	}
}
