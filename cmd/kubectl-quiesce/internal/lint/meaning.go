package lint

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/schema"
	"github.com/quiesce-io/quiesce/config/templates"
	"github.com/quiesce-io/quiesce/hooks/advice"
	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/manifest"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// references are what the objects of the files may refer to.
type references struct {
	library.Library
	// broken are scripts and templates of the files that have mistakes of their own, by kind and name: what uses them is not judged by them.
	broken map[library.MissingError]bool
}

// checkMeaning judges what the schema cannot: whether an object can be used, and whether it does what its author believes. Of an object with
// mistakes it judges what has none.
func checkMeaning(subjects []*subject) error {
	stock, err := references{}.of(subjects)
	if err != nil {
		return err
	}
	for _, s := range subjects {
		if err := s.checkMeaning(stock); err != nil {
			return err
		}
	}
	return nil
}

// of gathers the scripts and templates of the files, and the templates that come with Quiesce to which policies refer.
func (r references) of(subjects []*subject) (*references, error) {
	r.Scripts, r.Templates = map[string]*v1alpha1.HookScriptSpec{}, map[string]*v1alpha1.HookTemplateSpec{}
	r.broken = map[library.MissingError]bool{}
	wanted := map[string]bool{}
	for _, s := range subjects {
		switch {
		case s.isPolicy():
			wanted[stringAt(s.fields, "spec", "template", "name")] = true
		case s.wrong():
			r.broken[library.MissingError{Kind: s.Kind, Name: s.Name}] = true
		case s.Kind == library.KindScript:
			script, err := spec[v1alpha1.HookScriptSpec](s)
			if err != nil {
				return nil, err
			}
			r.Scripts[s.Name] = script
		case s.Kind == library.KindTemplate:
			template, err := spec[v1alpha1.HookTemplateSpec](s)
			if err != nil {
				return nil, err
			}
			r.Templates[s.Name] = template
		}
	}
	delete(wanted, "")
	for name := range wanted {
		if r.Templates[name] != nil || r.broken[library.MissingError{Kind: library.KindTemplate, Name: name}] {
			continue
		}
		template, err := schema.Delivered(name)
		if err != nil {
			return nil, err
		}
		if template != nil {
			r.Templates[name] = &template.Spec
		}
	}
	return &r, nil
}

func (s *subject) isPolicy() bool { return s.Kind == "HookPolicy" || s.Kind == "NamespacedHookPolicy" }

func (s *subject) checkMeaning(stock *references) error {
	if s.fields == nil || !s.checkSize() {
		return nil
	}
	switch {
	case s.isPolicy():
		s.checkHooks(stock)
		return s.checkPolicy(stock)
	case s.Kind == library.KindTemplate:
		s.checkHooks(stock)
		return s.checkTemplate()
	case s.wrong():
		s.partly = true
		return nil
	case s.Kind == library.KindScript:
		script, err := spec[v1alpha1.HookScriptSpec](s)
		if err != nil {
			return err
		}
		s.refused(library.CheckScript(script))
	case s.Kind == "HookSession":
		return s.checkSession()
	}
	return nil
}

func (s *subject) checkSession() error {
	session, err := spec[v1alpha1.HookSessionSpec](s)
	if err != nil {
		return err
	}
	request := plan.Request{Namespace: s.Namespace, Operation: session.Operation, DataSource: session.DataSource}
	if session.Destination != nil {
		request.Cluster, request.Destination = session.Destination.Cluster, session.Destination.Namespace
	}
	_, err = request.Kinds()
	s.refused(err)
	return nil
}

// checkSize refuses too large a spec, as the admission of Quiesce does.
func (s *subject) checkSize() bool {
	raw, err := json.Marshal(s.fields["spec"])
	if err != nil {
		s.add(Error, "spec", err.Error())
		return false
	}
	if len(raw) > v1alpha1.MaxSpecBytes {
		s.add(Error, "spec", fmt.Sprintf("it has %d bytes and may have %d: write shorter commands, or call a script that the container has",
			len(raw), v1alpha1.MaxSpecBytes))
		return false
	}
	return true
}

func (s *subject) checkPolicy(stock *references) error {
	left := s.sound()
	if left == nil {
		s.partly = true
		return nil
	}
	policy := &v1alpha1.HookPolicySpec{}
	if err := left.into(policy); err != nil {
		return s.undecoded(err)
	}
	ref := match.Ref{Name: s.Name}
	if s.Kind == "NamespacedHookPolicy" {
		ref.Namespace = cmp.Or(s.Namespace, "default")
	}
	whole := !s.wrong()
	for _, mistake := range match.Mistakes(ref, policy) {
		// That there are none may be for want of those that are left out.
		if path, _ := cutPath(mistake.Error()); left.whole || path != "spec.hooks" {
			s.refused(mistake)
		}
	}
	resolved, err := s.resolve(policy, stock)
	if err != nil || resolved == nil {
		return err
	}
	if s.wrong() {
		s.partly = true // what is to be warned of hangs on all hooks
		return nil
	}
	if err := match.Check(ref, resolved); err != nil && whole {
		s.refused(fmt.Errorf("spec.template: with its hooks, and the policy's own: %w", err))
		return nil
	}
	s.advise(advice.For(resolved))
	return nil
}

// undecoded is for a spec that has the right shape and cannot be read; of one whose shape is wrong there may be parts that cannot.
func (s *subject) undecoded(err error) error {
	if s.partly = s.wrong(); s.partly {
		return nil
	}
	return fmt.Errorf("%s: reading the spec: %w", s.label, err)
}

// resolve is the policy with its template and its scripts. What refers to something missing is judged by what it has itself. It is nil where
// that was refused.
func (s *subject) resolve(policy *v1alpha1.HookPolicySpec, stock *references) (*v1alpha1.HookPolicySpec, error) {
	tried := policy
	for {
		resolved, err := stock.Resolve(tried)
		if err == nil {
			if tried != policy {
				return nil, nil //nolint:nilnil // all params that are wrong have been told
			}
			return resolved, nil
		}
		missing, is := errors.AsType[library.MissingError](err)
		switch {
		case is && missing.Kind == library.KindTemplate && !stock.broken[missing]:
			known, err := deliveredNames()
			if err != nil {
				return nil, err
			}
			s.add(Warning, "spec.template.name", unknown(missing, inTheseFiles, append(known, sorted(stock.Templates)...)))
			return policy, nil
		case is:
			return policy, nil
		}
		if path := leading.FindString(err.Error()); tried == policy || ofAParam.MatchString(path) {
			s.refused(err)
		}
		if tried = withoutParam(tried, err); tried == nil {
			return nil, nil //nolint:nilnil // it was refused
		}
	}
}

// ofAParam is the path of a param that a policy gives to its template.
var ofAParam = regexp.MustCompile(`^spec\.template\.params\[([^\]]*)\]`)

// withoutParam is a policy without the param that an error is about; nil where it is about none.
func withoutParam(policy *v1alpha1.HookPolicySpec, err error) *v1alpha1.HookPolicySpec {
	of := ofAParam.FindStringSubmatch(err.Error())
	if of == nil || policy.Template == nil {
		return nil
	}
	at := slices.IndexFunc(policy.Template.Params, func(param v1alpha1.TemplateParamValue) bool { return param.Name == of[1] })
	if at < 0 {
		return nil
	}
	less := policy.DeepCopy()
	less.Template.Params = slices.Delete(less.Template.Params, at, at+1)
	return less
}

func (s *subject) checkTemplate() error {
	left := s.sound()
	switch {
	case left == nil, !left.whole && len(left.hooks) == 0, slices.ContainsFunc(s.errors(), func(path string) bool { return strings.HasPrefix(path, "spec.params") }):
		s.partly = true
		return nil
	}
	template := &v1alpha1.HookTemplateSpec{}
	if err := left.into(template); err != nil {
		return s.undecoded(err)
	}
	for _, mistake := range library.TemplateMistakes(template) {
		// A param that no hook has may be what one of the others has.
		if left.whole || !strings.HasPrefix(mistake.Error(), "spec.params[") {
			s.refused(mistake)
		}
	}
	if s.wrong() {
		s.partly = true
		return nil
	}
	s.advise(advice.ForTemplate(template))
	return nil
}

// deliveredNames are those of the templates that come with Quiesce.
func deliveredNames() (names []string, err error) {
	all, err := templates.All()
	for i := range all {
		names = append(names, all[i].Name)
	}
	return names, err
}

// unknown says that there is none of a name where it was looked for, and which may be meant.
func unknown(missing library.MissingError, where string, known []string) string {
	sentence := missing.Error() + where
	if suggestion := command.Unknown(missing.Kind, missing.Name, known).Error(); strings.Contains(suggestion, "did you mean") {
		return sentence + suggestion[strings.LastIndex(suggestion, ": did you mean"):]
	}
	return sentence + ": the hook waits until the cluster has it; add its file, or correct the name"
}

const inTheseFiles = " in these files"

// Refusal is why a policy cannot be used that has no mistakes by itself, as a finding in its object. Known gives the names of scripts or
// templates, beside those of the templates that come with Quiesce; offline is true where they are those of files alone.
func Refusal(object *manifest.Object, refused error, offline bool, known func(kind string) []string) Finding {
	path, message := cutPath(refused.Error())
	if missing, is := errors.AsType[library.MissingError](refused); is {
		where, names := "", known(missing.Kind)
		if offline {
			where = inTheseFiles
		}
		if missing.Kind == library.KindTemplate {
			delivered, err := deliveredNames()
			if err == nil { // they are part of the program
				names = append(names, delivered...)
			}
		}
		message = unknown(missing, where, names)
	}
	return finding(object.At(path), Error, fmt.Sprintf("%s %q", object.Kind, object.Name), path, message)
}

var (
	leading = regexp.MustCompile(`^spec(?:\[[^\]]*\]|\.[A-Za-z]+)*`)
	ofAHook = regexp.MustCompile(`^hook "([^"]*)": `)
)

// refused adds an error of ours, which begins with the field, unless it follows from another.
func (s *subject) refused(err error) {
	if err == nil {
		return
	}
	if path, message := cutPath(err.Error()); !s.follows(path) {
		s.add(Error, path, message)
	}
}

// cutPath parts an error of ours into the path of the field with which it begins and the rest.
func cutPath(text string) (path, message string) {
	path = leading.FindString(text)
	if rest := strings.TrimPrefix(text[len(path):], ": "); path != "" && rest != "" {
		return path, rest
	}
	return path, text
}

// advise adds warnings, which begin with the hook.
func (s *subject) advise(warnings []string) {
	for _, warning := range warnings {
		path := "spec"
		if hook := ofAHook.FindStringSubmatch(warning); hook != nil {
			switch path = "spec.hooks[" + hook[1] + "]"; {
			case s.Has(path):
			case s.Has("spec.template"):
				path = "spec.template"
			}
		}
		s.add(Warning, path, warning)
	}
}
