package convert

import (
	"encoding/json"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// kubestash is what the input has of KubeStash.
type kubestash struct {
	templates map[string]*stashTemplate // by namespace and name
	order     []string                  // of the templates in the input
	functions map[string]json.RawMessage
	users     []stashUser
}

// stashTemplate is a HookTemplate (kubestash/apimachinery: apis/core/v1alpha1/hooktemplate_types.go).
type stashTemplate struct {
	*object
	spec    stashTemplateSpec
	unknown string
	// uses of it in the input.
	uses []*stashUse
	// emitted is the template of ours that was made of it, if there is one.
	emitted *Template
}

type stashTemplateSpec struct {
	UsagePolicy *struct {
		AllowedNamespaces struct {
			From     string                `json:"from"`
			Selector *metav1.LabelSelector `json:"selector"`
		} `json:"allowedNamespaces"`
	} `json:"usagePolicy"`
	Params   []stashParam   `json:"params"`
	Action   *stashAction   `json:"action"`
	Executor *stashExecutor `json:"executor"`
}

// stashParam is what a template is given (kubestash/apimachinery: apis/types.go).
type stashParam struct {
	Name     string `json:"name"`
	Usage    string `json:"usage"`
	Required bool   `json:"required"`
	Default  string `json:"default"`
}

// stashAction is what a hook does (kmodules.xyz/prober: api/v1/types.go).
type stashAction struct {
	Exec          *corev1.ExecAction      `json:"exec"`
	HTTPGet       *corev1.HTTPGetAction   `json:"httpGet"`
	HTTPPost      *stashPost              `json:"httpPost"`
	TCPSocket     *corev1.TCPSocketAction `json:"tcpSocket"`
	ContainerName string                  `json:"containerName"`
}

type stashPost struct {
	Path        string              `json:"path"`
	Port        intstr.IntOrString  `json:"port"`
	Host        string              `json:"host"`
	Scheme      corev1.URIScheme    `json:"scheme"`
	HTTPHeaders []corev1.HTTPHeader `json:"httpHeaders"`
	Body        string              `json:"body"`
	Form        []struct {
		Key    string   `json:"key"`
		Values []string `json:"values"`
	} `json:"form"`
}

// stashExecutor is who runs a hook: pods, the operator, or a Job of a Function.
type stashExecutor struct {
	Type     string `json:"type"`
	Function *struct {
		Name         string               `json:"name"`
		Env          []corev1.EnvVar      `json:"env"`
		VolumeMounts []corev1.VolumeMount `json:"volumeMounts"`
		Volumes      []corev1.Volume      `json:"volumes"`
	} `json:"function"`
	Pod *struct {
		Selector string                 `json:"selector"`
		Owner    *metav1.OwnerReference `json:"owner"`
		Strategy string                 `json:"strategy"`
	} `json:"pod"`
}

// stashHook is a use of a template (kubestash/apimachinery: apis/core/v1alpha1/types.go, HookInfo).
type stashHook struct {
	Name         string `json:"name"`
	HookTemplate *struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"hookTemplate"`
	Params          map[string]json.RawMessage `json:"params"`
	MaxRetry        int32                      `json:"maxRetry"`
	Timeout         *metav1.Duration           `json:"timeout"`
	ExecutionPolicy string                     `json:"executionPolicy"`
	Variables       []corev1.EnvVar            `json:"variables"`
	Volumes         []corev1.Volume            `json:"volumes"`
	VolumeMounts    []corev1.VolumeMount       `json:"volumeMounts"`
	RuntimeSettings json.RawMessage            `json:"runtimeSettings"`
}

// stashUser is a BackupConfiguration, BackupBatch, BackupBlueprint or RestoreSession, with a list of hooks for each session that it
// describes.
type stashUser struct {
	*object
	namespace string
	sessions  []stashSession
}

type stashSession struct {
	name string
	// path of its hooks in the object, for a JSON patch.
	path string
	raw  string
	uses []*stashUse
	// same are the paths of the hooks of other sessions that have the same.
	same []string
	// timeout of the whole backup.
	timeout *metav1.Duration
}

// stashHooks are lists of hooks (kubestash/apimachinery: apis/core/v1alpha1/backupconfiguration_types.go and restoresession_types.go).
type stashHooks struct {
	PreBackup   []json.RawMessage `json:"preBackup"`
	PostBackup  []json.RawMessage `json:"postBackup"`
	PreRestore  []json.RawMessage `json:"preRestore"`
	PostRestore []json.RawMessage `json:"postRestore"`
}

type stashConfig struct {
	Name          string           `json:"name"`
	Hooks         json.RawMessage  `json:"hooks"`
	BackupTimeout *metav1.Duration `json:"backupTimeout"`
}

func (k *kubestash) take(o *object) (mine bool, err error) {
	switch o.kind() {
	case "core.kubestash.com/HookTemplate":
		return true, k.template(o)
	case "addons.kubestash.com/Function":
		var function struct {
			Spec json.RawMessage `json:"spec"`
		}
		if err := o.decode(&function); err != nil {
			return true, err
		}
		if k.functions == nil {
			k.functions = map[string]json.RawMessage{}
		}
		k.functions[o.Name] = function.Spec
		return true, nil
	case "core.kubestash.com/BackupConfiguration", "core.kubestash.com/BackupBatch":
		var config struct {
			Spec struct {
				Sessions []stashConfig `json:"sessions"`
			} `json:"spec"`
		}
		if err := o.decode(&config); err != nil {
			return true, err
		}
		return true, k.use(o, o.Namespace, config.Spec.Sessions, "/spec/sessions")
	case "core.kubestash.com/BackupBlueprint":
		var blueprint struct {
			Spec struct {
				Template struct {
					Namespace string        `json:"namespace"`
					Sessions  []stashConfig `json:"sessions"`
				} `json:"backupConfigurationTemplate"`
			} `json:"spec"`
		}
		if err := o.decode(&blueprint); err != nil {
			return true, err
		}
		return true, k.use(o, blueprint.Spec.Template.Namespace, blueprint.Spec.Template.Sessions, "/spec/backupConfigurationTemplate/sessions")
	case "core.kubestash.com/RestoreSession":
		var restore struct {
			Spec struct {
				Hooks  json.RawMessage `json:"hooks"`
				Target struct {
					Namespace string `json:"namespace"`
				} `json:"target"`
			} `json:"spec"`
		}
		if err := o.decode(&restore); err != nil {
			return true, err
		}
		namespace := restore.Spec.Target.Namespace
		if namespace == "" {
			namespace = o.Namespace
		}
		return true, k.use(o, namespace, []stashConfig{{Hooks: restore.Spec.Hooks}}, "")
	}
	return false, nil
}

func (k *kubestash) template(o *object) error {
	var raw struct {
		Spec json.RawMessage `json:"spec"`
	}
	if err := o.decode(&raw); err != nil {
		return err
	}
	template := &stashTemplate{object: o}
	var err error
	if template.unknown, err = decodeSpec(raw.Spec, &template.spec); err != nil {
		return err
	}
	key := o.Namespace + "/" + o.Name
	if k.templates == nil {
		k.templates = map[string]*stashTemplate{}
	}
	if k.templates[key] == nil {
		k.order = append(k.order, key)
	}
	k.templates[key] = template
	return nil
}

func (k *kubestash) use(o *object, namespace string, configs []stashConfig, path string) error {
	user := stashUser{object: o, namespace: namespace}
	for i, config := range configs {
		var hooks stashHooks
		where := "spec.hooks"
		session := stashSession{name: config.Name, timeout: config.BackupTimeout}
		if path != "" {
			session.path = path + "/" + strconv.Itoa(i) + "/hooks"
			where = fmt.Sprintf("sessions[%d].hooks", i)
		}
		if len(config.Hooks) > 0 {
			if err := json.Unmarshal(config.Hooks, &hooks); err != nil {
				return fmt.Errorf("%s: %w", where, err)
			}
			session.raw = string(config.Hooks)
		}
		taken := names{}
		for _, one := range []struct {
			field string
			raws  []json.RawMessage
			stage v1alpha1.Stage
		}{
			{"preBackup", hooks.PreBackup, v1alpha1.PreBackup}, {"postBackup", hooks.PostBackup, v1alpha1.PostBackup},
			{"preRestore", hooks.PreRestore, v1alpha1.PreRestore}, {"postRestore", hooks.PostRestore, v1alpha1.PostRestore},
		} {
			for place, raw := range one.raws {
				use := &stashUse{stage: one.stage}
				var err error
				if use.unknown, err = decodeEntry(raw, &use.info); err != nil {
					return fmt.Errorf("%s.%s[%d]: %w", where, one.field, place, err)
				}
				use.name = taken.unique("", dnsName(use.info.Name))
				session.uses = append(session.uses, use)
			}
		}
		if len(session.uses) > 0 {
			user.sessions = append(user.sessions, session)
		}
	}
	k.users = append(k.users, user)
	return nil
}
