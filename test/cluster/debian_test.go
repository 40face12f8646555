package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestADebianImageIsMadeAnewWhenAnyOfItChanges(t *testing.T) {
	seen := map[string]string{}
	for name, image := range map[string]debianImage{
		"nothing":                        {},
		"a package":                      {packages: []string{"x"}},
		"prepared":                       {prepare: "x"},
		"set up":                         {setup: "x"},
		"programs":                       {programs: "x"},
		"a variable":                     {env: []string{"x"}},
		"a user":                         {user: "x"},
		"a command":                      {command: []string{"x"}},
		"two packages":                   {packages: []string{"x", "y"}},
		"the second is a variable":       {packages: []string{"x"}, env: []string{"y"}},
		"the second is a command's word": {packages: []string{"x"}, command: []string{"y"}},
	} {
		file := fileName("quiesce.test/a:1", image.ingredients("base.tar"))
		assert.Empty(t, seen[file], name)
		seen[file] = name
	}
}

func TestADebianImageFindsItsPrograms(t *testing.T) {
	assert.Equal(t, []string{pathVariable}, debianImage{}.config().Env)
	config := debianImage{programs: "/opt/bin", env: []string{"A=b"}, user: "9:9", command: []string{"x"}}.config()
	assert.Equal(t, []string{"PATH=/opt/bin:" + systemPath, "A=b"}, config.Env)
	assert.Equal(t, "9:9", config.User)
	assert.Equal(t, []string{"x"}, config.Cmd)
}
