package lint

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	strictjson "github.com/go-json-experiment/json"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/manifest"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// checkHooks judges each hook of a policy or a template by itself, those that have mistakes included.
func (s *subject) checkHooks(stock *references) {
	for i, hook := range s.hooks() {
		path := fmt.Sprintf("spec.hooks[%d]", i)
		s.checkScript(cmp.Or(stringAt(hook, "name"), strconv.Itoa(i)), stringAt(hook, "script", "name"), stock)
		if slices.ContainsFunc(s.errors(), func(wrong string) bool { place, is := s.hookOf(wrong); return is && place == i }) {
			s.checkPattern(path, stringAt(hook, "hold", "readyPattern"))
			continue
		}
		s.checkOpen(path, hook)
	}
}

// checkScript warns of a hook's script that is not in the files. The API server lets it pass with a warning, too.
func (s *subject) checkScript(hook, name string, stock *references) {
	missing := library.MissingError{Kind: library.KindScript, Name: name}
	if name != "" && stock.Scripts[name] == nil && !stock.broken[missing] {
		s.add(Warning, "spec.hooks["+hook+"].script.name", unknown(missing, inTheseFiles, sorted(stock.Scripts)))
	}
}

// checkPattern judges the regular expression of a hook that is not judged as a whole.
func (s *subject) checkPattern(path, expression string) {
	path += ".hold.readyPattern"
	if _, err := match.Expression(expression); err != nil {
		s.refused(fmt.Errorf("%s: %w: write one as https://github.com/google/re2/wiki/Syntax has it", path, err))
	}
}

// maxOpen bounds how many mistakes are looked for in the open parts of a hook.
const maxOpen = 100

// checkOpen refuses, as the admission of Quiesce does, fields that there are not in the parts of a hook that the schema leaves open, such as
// a Job's template.
func (s *subject) checkOpen(path string, hook any) {
	hook = runtime.DeepCopyJSONValue(hook)
	for range maxOpen {
		raw, err := json.Marshal(hook)
		if err != nil {
			s.add(Error, path, err.Error())
			return
		}
		err = strictjson.Unmarshal(raw, &v1alpha1.Hook{}, strictjson.RejectUnknownMembers(true))
		mistake, is := errors.AsType[*strictjson.SemanticError](err)
		if !is {
			return
		}
		at := manifest.FromPointer(path, string(mistake.JSONPointer))
		if errors.Is(err, strictjson.ErrUnknownName) {
			_, name := manifest.Split(at)
			s.add(Error, at, fmt.Sprintf("there is no field %q here: correct or remove it", name))
		} else {
			s.add(Error, at, fmt.Sprintf("it is of the wrong type: %v", cmp.Or(mistake.Err, err)))
		}
		var tokens []string
		for token := range mistake.JSONPointer.Tokens() {
			tokens = append(tokens, token)
		}
		if !remove(hook, tokens) {
			return
		}
	}
}

// remove takes out what a pointer leads to, and tells whether there was anything. In a list nothing takes its place.
func remove(from any, pointer []string) bool {
	if len(pointer) == 0 {
		return false
	}
	name, rest := pointer[0], pointer[1:]
	switch from := from.(type) {
	case map[string]any:
		next, has := from[name]
		if has && len(rest) == 0 {
			delete(from, name)
			return true
		}
		return has && remove(next, rest)
	case []any:
		i, err := strconv.Atoi(strings.TrimSpace(name))
		if err != nil || i < 0 || i >= len(from) {
			return false
		}
		if len(rest) == 0 {
			was := from[i]
			from[i] = nil
			return was != nil
		}
		return remove(from[i], rest)
	}
	return false
}
