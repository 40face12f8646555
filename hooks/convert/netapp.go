package convert

import (
	"encoding/json"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// netapp is what the input has of Trident protect and of Astra Control, by which it was preceded.
type netapp struct {
	hooks []netappHook
	// applications by namespace and name, or by the id that Astra Control gives them.
	applications map[string]*netappApp
	// sources are scripts by the id that Astra Control gives them.
	sources map[string]hookSource
}

// The group of what Astra Control answers over REST, which has no apiVersion and no kind.
const (
	astraGroup  = "astra-control"
	astraPrefix = "application/astra-"

	keyExecutionHook = astraGroup + "/executionHook"
	keyHookSource    = astraGroup + "/hookSource"
	keyAstraApp      = astraGroup + "/app"
)

// astraHeader is what objects of Astra Control's REST API have in the place of apiVersion and kind (NetApp/netapp-astra-toolkits:
// astraSDK/hooks.py, astraSDK/scripts.py; docs.netapp.com/us-en/astra-automation: reference, Execution Hook).
type astraHeader struct {
	Type string `json:"type"`
	Name string `json:"name"`
}

// kind of such an object, or of a list of them, for which the kind ends with List; empty for anything else.
func (h astraHeader) kind(items []json.RawMessage) string {
	kind, is := strings.CutPrefix(h.Type, astraPrefix)
	if is && items == nil {
		return kind
	}
	if is {
		return strings.TrimSuffix(kind, "s") + "List"
	}
	// What the toolkit prints is a list without a type of its own.
	var first astraHeader
	if len(items) == 0 || json.Unmarshal(items[0], &first) != nil {
		return ""
	}
	if kind, is = strings.CutPrefix(first.Type, astraPrefix); is {
		return kind + "List"
	}
	return ""
}

// netappHook is an ExecHook of Trident protect (NetAppDocs/trident: trident-protect/trident-protect-use-execution-hooks.adoc), of
// Astra Control (NetApp/netapp-astra-toolkits: tkSrc/templates/jinja/hook.jinja), or an execution hook of the latter's REST API.
type netappHook struct {
	*object
	tool *tool
	// app is the key of its application, and appName what the hook calls it.
	app, appName  string
	stage, action string
	disabled      bool
	source        string // base64
	sourceID      string
	description   string
	arguments     []string
	minutes       *int64
	criteria      []criterion
	unknown       string
}

// criterion is a filter: a regular expression (RE2) for what its type names. All of a hook's must hold.
type criterion struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// hookSource is a script in Astra Control's REST API.
type hookSource struct{ name, source, description string }

// netappApp is the application that hooks are of: some namespaces, or labelled parts of them.
type netappApp struct {
	*object
	tool       *tool
	namespaces []netappNamespace
	machines   bool
	used       bool
}

type netappNamespace struct {
	Namespace     string                `json:"namespace"`
	LabelSelector *metav1.LabelSelector `json:"labelSelector"`
	// Labels are selectors as texts in the REST API.
	Labels []string `json:"labelSelectors"`
}

func (n *netapp) take(o *object) (mine bool, err error) {
	switch o.kind() {
	case "protect.trident.netapp.io/ExecHook":
		return true, n.execHook(o, ofTrident)
	case "astra.netapp.io/ExecHook":
		return true, n.execHook(o, ofAstra)
	case "protect.trident.netapp.io/Application":
		return true, n.application(o, ofTrident)
	case "astra.netapp.io/Application":
		return true, n.application(o, ofAstra)
	case keyExecutionHook:
		return true, n.executionHook(o)
	case keyHookSource:
		return true, n.hookSource(o)
	case keyAstraApp:
		return true, n.astraApp(o)
	}
	return false, nil
}

func (n *netapp) execHook(o *object, of *tool) error {
	var raw struct {
		Spec json.RawMessage `json:"spec"`
	}
	if err := o.decode(&raw); err != nil {
		return err
	}
	var spec struct {
		ApplicationRef   string      `json:"applicationRef"`
		Stage            string      `json:"stage"`
		Action           string      `json:"action"`
		Enabled          *bool       `json:"enabled"`
		HookSource       string      `json:"hookSource"`
		Timeout          *int64      `json:"timeout"`
		Arguments        []string    `json:"arguments"`
		MatchingCriteria []criterion `json:"matchingCriteria"`
	}
	unknown, err := decodeSpec(raw.Spec, &spec)
	if err != nil {
		return err
	}
	n.hooks = append(n.hooks, netappHook{
		object: o, tool: of, app: o.Namespace + "/" + spec.ApplicationRef, appName: spec.ApplicationRef, stage: spec.Stage, action: spec.Action,
		disabled: spec.Enabled != nil && !*spec.Enabled, source: spec.HookSource, arguments: spec.Arguments, minutes: spec.Timeout,
		criteria: spec.MatchingCriteria, unknown: unknown,
	})
	return nil
}

// decodeSpec is decodeEntry for a field that may not be there.
func decodeSpec(raw json.RawMessage, into any) (unknown string, err error) {
	if len(raw) == 0 {
		return "", nil
	}
	return decodeEntry(raw, into)
}

func (n *netapp) application(o *object, of *tool) error {
	var app struct {
		Spec struct {
			IncludedNamespaces      []netappNamespace `json:"includedNamespaces"`
			IncludedVirtualMachines []json.RawMessage `json:"includedVirtualMachines"`
		} `json:"spec"`
	}
	if err := o.decode(&app); err != nil {
		return err
	}
	n.add(o.Namespace+"/"+o.Name, &netappApp{object: o, tool: of, namespaces: app.Spec.IncludedNamespaces, machines: len(app.Spec.IncludedVirtualMachines) > 0})
	return nil
}

func (n *netapp) add(key string, app *netappApp) {
	if n.applications == nil {
		n.applications = map[string]*netappApp{}
	}
	n.applications[key] = app
}

func (n *netapp) executionHook(o *object) error {
	var hook struct {
		astraHeader
		ID               string      `json:"id"`
		Action           string      `json:"action"`
		Stage            string      `json:"stage"`
		HookSourceID     string      `json:"hookSourceID"`
		Arguments        []string    `json:"arguments"`
		AppID            string      `json:"appID"`
		Enabled          string      `json:"enabled"`
		Description      string      `json:"description"`
		MatchingCriteria []criterion `json:"matchingCriteria"`
		// What it has beside, and what the server says of it.
		Version            json.RawMessage `json:"version"`
		HookType           json.RawMessage `json:"hookType"`
		Metadata           json.RawMessage `json:"metadata"`
		MatchingImages     json.RawMessage `json:"matchingImages"`
		MatchingContainers json.RawMessage `json:"matchingContainers"`
	}
	unknown, err := decodeEntry(o.JSON, &hook)
	if err != nil {
		return err
	}
	n.hooks = append(n.hooks, netappHook{
		object: o, tool: ofAstra, app: hook.AppID, appName: hook.AppID, stage: hook.Stage, action: hook.Action, disabled: hook.Enabled == "false",
		sourceID: hook.HookSourceID, description: hook.Description, arguments: hook.Arguments, criteria: hook.MatchingCriteria, unknown: unknown,
	})
	return nil
}

func (n *netapp) hookSource(o *object) error {
	var source struct {
		astraHeader
		ID          string `json:"id"`
		Source      string `json:"source"`
		Description string `json:"description"`
	}
	if err := o.decode(&source); err != nil {
		return err
	}
	if n.sources == nil {
		n.sources = map[string]hookSource{}
	}
	n.sources[source.ID] = hookSource{source.Name, source.Source, source.Description}
	return nil
}

func (n *netapp) astraApp(o *object) error {
	var app struct {
		ID         string            `json:"id"`
		Namespaces []netappNamespace `json:"namespaceScopedResources"`
	}
	if err := o.decode(&app); err != nil {
		return err
	}
	n.add(app.ID, &netappApp{object: o, tool: ofAstra, namespaces: app.Namespaces})
	return nil
}
