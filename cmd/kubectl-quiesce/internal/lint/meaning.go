package lint

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	strictjson "github.com/go-json-experiment/json"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/manifest"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/schema"
	"github.com/quiesce-io/quiesce/config/templates"
	"github.com/quiesce-io/quiesce/hooks/advice"
	"github.com/quiesce-io/quiesce/hooks/library"
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

// checkMeaning judges what the schema cannot: whether an object that has the right shape can be used, and whether it does what its
// author believes.
func checkMeaning(subjects []*subject) error {
	stock, err := references{}.of(subjects)
	if err != nil {
		return err
	}
	for _, s := range subjects {
		if s.wrong() {
			continue
		}
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
		if s.wrong() {
			r.broken[library.MissingError{Kind: s.Kind, Name: s.Name}] = true
			continue
		}
		switch s.Kind {
		case library.KindScript:
			script, err := spec[v1alpha1.HookScriptSpec](s)
			if err != nil {
				return nil, err
			}
			r.Scripts[s.Name] = script
		case library.KindTemplate:
			template, err := spec[v1alpha1.HookTemplateSpec](s)
			if err != nil {
				return nil, err
			}
			r.Templates[s.Name] = template
		case "HookPolicy", "NamespacedHookPolicy":
			policy, err := spec[v1alpha1.HookPolicySpec](s)
			if err != nil {
				return nil, err
			}
			if policy.Template != nil {
				wanted[policy.Template.Name] = true
			}
		}
	}
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

func (s *subject) checkMeaning(stock *references) error {
	if err := s.checkAlone(); err != nil || s.wrong() {
		return err
	}
	switch s.Kind {
	case "HookPolicy", "NamespacedHookPolicy":
		policy, err := spec[v1alpha1.HookPolicySpec](s)
		if err != nil {
			return err
		}
		return s.checkPolicy(policy, stock)
	case library.KindTemplate:
		template, err := spec[v1alpha1.HookTemplateSpec](s)
		if err != nil {
			return err
		}
		s.checkScripts(template.Hooks, stock)
		s.advise(advice.ForTemplate(template))
	}
	return nil
}

// checkAlone judges what can be judged without any other object.
func (s *subject) checkAlone() error {
	s.checkSpec()
	if s.wrong() {
		return nil
	}
	switch s.Kind {
	case library.KindScript:
		script, err := spec[v1alpha1.HookScriptSpec](s)
		if err != nil {
			return err
		}
		s.refused(library.CheckScript(script))
	case library.KindTemplate:
		template, err := spec[v1alpha1.HookTemplateSpec](s)
		if err != nil {
			return err
		}
		s.refused(library.CheckTemplate(template))
	case "HookSession":
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
	}
	return nil
}

// checkSpec refuses what the admission of Quiesce refuses of any spec: too large a one, and fields in parts that the schema leaves
// open, such as a Job's template.
func (s *subject) checkSpec() {
	raw, err := json.Marshal(s.fields["spec"])
	if err != nil {
		s.add(Error, "spec", err.Error())
		return
	}
	if len(raw) > v1alpha1.MaxSpecBytes {
		s.add(Error, "spec", fmt.Sprintf("it has %d bytes and may have %d: write shorter commands, or call a script that the container has",
			len(raw), v1alpha1.MaxSpecBytes))
		return
	}
	var into any
	switch s.Kind {
	case "HookPolicy", "NamespacedHookPolicy":
		into = &v1alpha1.HookPolicySpec{}
	case library.KindTemplate:
		into = &v1alpha1.HookTemplateSpec{}
	default:
		return
	}
	err = strictjson.Unmarshal(raw, into, strictjson.RejectUnknownMembers(true))
	mistake, is := errors.AsType[*strictjson.SemanticError](err)
	if !is {
		return
	}
	path := manifest.FromPointer("spec", string(mistake.JSONPointer))
	if errors.Is(err, strictjson.ErrUnknownName) {
		_, name := manifest.Split(path)
		s.add(Error, path, fmt.Sprintf("there is no field %q here: correct or remove it", name))
		return
	}
	s.add(Error, path, fmt.Sprintf("it is of the wrong type: %v", cmp.Or(mistake.Err, err)))
}

func (s *subject) checkPolicy(policy *v1alpha1.HookPolicySpec, stock *references) error {
	ref := match.Ref{Name: s.Name}
	if s.Kind == "NamespacedHookPolicy" {
		ref.Namespace = cmp.Or(s.Namespace, "default")
	}
	s.checkScripts(policy.Hooks, stock)
	resolved, err := stock.Resolve(policy)
	if missing, is := errors.AsType[library.MissingError](err); is {
		if missing.Kind == library.KindTemplate && !stock.broken[missing] {
			known, err := deliveredNames()
			if err != nil {
				return err
			}
			s.add(Warning, "spec.template.name", unknown(missing, append(known, sorted(stock.Templates)...)))
		}
		resolved = policy // what refers to something missing is judged by what it has itself
	} else if s.refused(err) {
		return nil
	}
	if err := match.Check(ref, resolved); err != nil {
		if policy.Template != nil && match.Check(ref, policy) == nil {
			err = fmt.Errorf("spec.template: with its hooks, and the policy's own: %w", err)
		}
		s.refused(err)
		return nil
	}
	s.advise(advice.For(resolved))
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

// checkScripts finds hooks whose script is not in the files. The API server lets them pass with a warning, too.
func (s *subject) checkScripts(hooks []v1alpha1.Hook, stock *references) {
	for i := range hooks {
		if hooks[i].Script == nil || hooks[i].Script.Name == "" {
			continue
		}
		missing := library.MissingError{Kind: library.KindScript, Name: hooks[i].Script.Name}
		if stock.Scripts[missing.Name] == nil && !stock.broken[missing] {
			s.add(Warning, fmt.Sprintf("spec.hooks[%d].script.name", i), unknown(missing, sorted(stock.Scripts)))
		}
	}
}

func unknown(missing library.MissingError, known []string) string {
	sentence := missing.Error() + " in these files"
	if suggestion := command.Unknown(missing.Kind, missing.Name, known).Error(); strings.Contains(suggestion, "did you mean") {
		return sentence + suggestion[strings.LastIndex(suggestion, ": did you mean"):]
	}
	return sentence + ": the hook waits until the cluster has it; add its file, or correct the name"
}

var (
	leading = regexp.MustCompile(`^spec(?:\[[^\]]*\]|\.[A-Za-z]+)*`)
	ofAHook = regexp.MustCompile(`^hook "([^"]*)": `)
)

// refused adds an error of ours, which begins with the field. It tells whether there is one.
func (s *subject) refused(err error) bool {
	if err == nil {
		return false
	}
	message := err.Error()
	path := leading.FindString(message)
	if rest := strings.TrimPrefix(message[len(path):], ": "); path != "" && rest != "" {
		message = rest
	}
	s.add(Error, path, message)
	return true
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
