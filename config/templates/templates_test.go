package templates_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/config/templates"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// library is all templates by their names.
func library(t *testing.T) map[string]v1alpha1.HookTemplateSpec {
	t.Helper()
	all, err := templates.All()
	require.NoError(t, err)
	require.NotEmpty(t, all)
	byName := map[string]v1alpha1.HookTemplateSpec{}
	for i := range all {
		byName[all[i].Name] = all[i].Spec
	}
	require.Len(t, byName, len(all))
	return byName
}

func TestEveryTemplateSaysWhatItIs(t *testing.T) {
	for name, spec := range library(t) {
		t.Run(name, func(t *testing.T) {
			assert.NotEmpty(t, spec.Application)
			assert.NotEmpty(t, spec.Description)
			for _, param := range spec.Params {
				assert.NotEmpty(t, param.Usage, param.Name)
			}
			for _, hook := range spec.Hooks {
				assert.NotZero(t, hook.Timeout, "%s: a timeout of its own", hook.Name)
				assert.NotEmpty(t, hook.OnError, hook.Name)
				assert.Empty(t, hook.Container, "%s: a template does not know what the container is called", hook.Name)
			}
		})
	}
}

func TestEveryParamIsUsed(t *testing.T) {
	for name, spec := range library(t) {
		t.Run(name, func(t *testing.T) {
			text := strings.Join(replaced(spec), "\n")
			for _, param := range spec.Params {
				assert.Contains(t, text, "$("+param.Name+")")
			}
			for _, reference := range regexp.MustCompile(`\$\(([A-Za-z0-9]+)\)`).FindAllStringSubmatch(text, -1) {
				assert.True(t, slices.ContainsFunc(spec.Params, func(param v1alpha1.TemplateParam) bool { return param.Name == reference[1] }),
					"there is no param %s", reference[1])
			}
		})
	}
}

func TestNoShellReadsAParam(t *testing.T) {
	for name, spec := range library(t) {
		t.Run(name, func(t *testing.T) {
			for where, text := range shells(spec) {
				for _, param := range spec.Params {
					assert.NotContains(t, text, "$("+param.Name+")", "%s: a value could be a command", where)
				}
			}
		})
	}
}

func TestDefaultsFitTheirPatterns(t *testing.T) {
	for name, spec := range library(t) {
		for _, param := range spec.Params {
			pattern, err := regexp.Compile("^(?:" + param.Pattern + ")$")
			require.NoError(t, err, "%s: %s", name, param.Name)
			if param.Pattern != "" && !param.Required {
				assert.Regexp(t, pattern, param.Default, "%s: %s", name, param.Name)
			}
		}
	}
}

func TestParamsThatBecomeCodeAreBounded(t *testing.T) {
	tests := map[string]struct{ template, param, refused string }{
		"a quote in a statement of CockroachDB":     {"cockroachdb", "collection", "external://a' WITH detached; --"},
		"a backslash in it":                         {"cockroachdb", "collection", `external://a\`},
		"a bracket in a statement of SQL Server":    {"sqlserver", "database", "shop] SET OFFLINE --"},
		"the same where it is made read-only":       {"sqlserver-read-only", "database", "shop]"},
		"a statement in place of a number":          {"mariadb", "lockTimeout", "20; DROP DATABASE shop"},
		"a timeout above the hook's own":            {"mysql", "lockTimeout", "30"},
		"a quote in the path of PostgreSQL's label": {"postgresql-backup-mode", "labelFile", "/tmp/a' \n\\! reboot"},
		"a label file that is no path":              {"postgresql-backup-mode", "labelFile", "|reboot"},
		"the root filesystem":                       {"fsfreeze", "mountPath", "/"},
		"no path":                                   {"fsfreeze", "mountPath", "data"},
		"a backtick in a statement of Neo4j":        {"neo4j", "database", "a` SET ACCESS"},
		"a whole volume for what is replaced":       {"influxdb", "directory", "/data"},
		"a quote in JSON":                           {"elasticsearch", "indices", `a","b`},
		"another path of the API":                   {"opensearch", "indices", "a/_close?"},
	}
	all := library(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			params := all[test.template].Params
			at := slices.IndexFunc(params, func(param v1alpha1.TemplateParam) bool { return param.Name == test.param })
			require.GreaterOrEqual(t, at, 0)
			assert.NotRegexp(t, "^(?:"+params[at].Pattern+")$", test.refused)
		})
	}
}

func TestEveryFreezeHasItsThaw(t *testing.T) {
	// What is written before the snapshot and freezes nothing.
	exports := []string{"postgresql", "redis", "valkey", "etcd", "etcd-tls", "rabbitmq", "kafka", "cockroachdb", "influxdb", "minio"}
	// What is in the files, and so in the backup.
	persistent := []string{"elasticsearch", "opensearch", "sqlserver-read-only", "neo4j", "redis-aof", "valkey-aof", "wordpress"}
	for name, spec := range library(t) {
		t.Run(name, func(t *testing.T) {
			var pre, holds, post, restored []v1alpha1.Hook
			for _, hook := range spec.Hooks {
				require.Len(t, hook.Stages, 1, hook.Name)
				switch {
				case hook.Hold != nil:
					holds = append(holds, hook)
				case hook.Stages[0] == v1alpha1.PreSnapshot:
					pre = append(pre, hook)
				case hook.Stages[0] == v1alpha1.PostSnapshot:
					post = append(post, hook)
				case hook.Stages[0] == v1alpha1.PostRestore:
					restored = append(restored, hook)
				default:
					assert.Failf(t, "a stage that a snapshot alone does not have", "%s: %s", hook.Name, hook.Stages[0])
				}
			}
			assert.NotEmpty(t, append(slices.Clone(pre), holds...))
			assert.Equal(t, slices.Contains(exports, name), len(holds)+len(post) == 0, "a freeze without a thaw, or a thaw without a freeze")
			for _, hook := range post {
				assert.Nil(t, hook.OnlyIf, "%s: it would not count as a thaw", hook.Name)
				assert.Equal(t, v1alpha1.Fail, hook.OnError, hook.Name)
				if len(pre) > 0 {
					assert.Equal(t, pre[0].RunOn, hook.RunOn, "%s: thawed in the pods that were frozen", hook.Name)
				}
			}
			assert.Equal(t, slices.Contains(persistent, name), len(restored) > 0, "thawed after a restore where the files hold the freeze")
			for _, hook := range restored {
				thaw := post[len(post)-1]
				assert.Equal(t, thaw.Script, hook.Script, "what thaws after a restore is what thaws after a snapshot")
			}
		})
	}
}

func TestHoldsEndByThemselves(t *testing.T) {
	limits := map[string][]string{
		"mariadb":              {"lock_wait_timeout = $(lockTimeout)", "wait_timeout = $(holdLimit)"},
		"mariadb-backup-stage": {"lock_wait_timeout = $(lockTimeout)", "wait_timeout = $(holdLimit)"},
		"mysql":                {"lock_wait_timeout = $(lockTimeout)", "wait_timeout = $(holdLimit)"},
		"mysql-instance-lock":  {"lock_wait_timeout = $(lockTimeout)", "wait_timeout = $(holdLimit)"},
		// Nobody waits for these two: writes go on in backup mode, and the session of SQL Server ends with its input.
		"postgresql-backup-mode": {"lock_timeout"},
		"sqlserver":              nil,
	}
	for name, spec := range library(t) {
		for _, hook := range spec.Hooks {
			if hook.Hold == nil {
				continue
			}
			wanted, known := limits[name]
			assert.True(t, known, "%s: say here what ends it", name)
			for _, limit := range wanted {
				assert.Contains(t, hook.Hold.Stdin, limit, name)
			}
			ready, err := regexp.Compile(hook.Hold.ReadyPattern)
			require.NoError(t, err)
			assert.True(t, ready.MatchString("quiesced"))
			text := strings.Join(hook.Hold.Command, " ")
			if strings.Contains(text, "mysql") || strings.Contains(text, "mariadb") {
				assert.Contains(t, text, " -n ", "%s: a client that buffers never says that it holds", name)
				assert.Contains(t, text, "--skip-reconnect", "%s: a client that connects again has lost the lock", name)
			}
			if strings.Contains(text, "psql") {
				assert.Contains(t, text, "ON_ERROR_STOP=1", "%s: it would say that it holds after an error", name)
			}
		}
	}
}

func TestRabbitMQExportsTheSameWithAndWithoutPublishers(t *testing.T) {
	all := library(t)
	assert.Equal(t, all["rabbitmq"].Hooks[0], all["rabbitmq-quiet"].Hooks[0])
}

// Redis and Valkey, and Elasticsearch and OpenSearch, are one script each. What mends one is to mend the other.
func TestTwinsHaveTheSameScripts(t *testing.T) {
	all := library(t)
	for one, other := range map[string]string{"redis": "valkey", "redis-aof": "valkey-aof", "elasticsearch": "opensearch"} {
		require.Len(t, all[other].Hooks, len(all[one].Hooks))
		for i, hook := range all[one].Hooks {
			assert.Equal(t, hook.Script.Inline, all[other].Hooks[i].Script.Inline, "%s, %s: %s", one, other, hook.Name)
			assert.Equal(t, hook.Name, all[other].Hooks[i].Name)
		}
	}
}

// replaced are the strings in which params are replaced.
func replaced(spec v1alpha1.HookTemplateSpec) []string {
	var all []string
	for _, hook := range spec.Hooks {
		if hook.Exec != nil {
			all = append(all, hook.Exec.Command...)
		}
		if hook.Hold != nil {
			all = append(all, hook.Hold.Stdin, hook.Hold.StopStdin)
			all = append(all, hook.Hold.Command...)
		}
		if hook.Script != nil {
			all = append(all, hook.Script.Args...)
			for _, variable := range hook.Script.Env {
				all = append(all, variable.Value)
			}
		}
		for _, request := range requests(hook) {
			all = append(all, request.Port.String(), request.Path)
			for _, header := range request.HTTPHeaders {
				all = append(all, header.Value)
			}
		}
	}
	return all
}

func requests(hook v1alpha1.Hook) []v1alpha1.HTTPRequest {
	switch {
	case hook.HTTPGet != nil:
		return []v1alpha1.HTTPRequest{hook.HTTPGet.HTTPRequest}
	case hook.HTTPPost != nil:
		return []v1alpha1.HTTPRequest{hook.HTTPPost.HTTPRequest}
	}
	return nil
}

// shells are the texts that a shell reads, by the hook.
func shells(spec v1alpha1.HookTemplateSpec) map[string]string {
	texts := map[string]string{}
	for _, hook := range spec.Hooks {
		switch {
		case hook.Script != nil:
			texts[hook.Name] = hook.Script.Inline
		case hook.Hold != nil && len(hook.Hold.Command) > 2 && hook.Hold.Command[1] == "-c":
			texts[hook.Name] = hook.Hold.Command[2]
		}
	}
	return texts
}
