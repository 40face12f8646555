{{/*
The webhooks of a configuration, as generated, with what the values say. Takes a dict: root, kind.
*/}}
{{- define "quiesce.webhooks" -}}
{{- range (include "quiesce.generated" (dict "root" .root "path" "generated/webhook/manifests.yaml") | fromYaml).documents }}
{{- if eq .kind $.kind }}
{{- range .webhooks }}
{{- if or (ne .name "backups.quiesce.io") $.root.Values.velero.gate.enabled }}
{{- /*
No caBundle: the controller writes it, once it has made the CA. A field that is absent here is not Helm's, so neither
server-side apply (entries are merged by name) nor the three-way merge of older clients takes it away on an upgrade.
An empty one would be Helm's, and would.
*/}}
{{- $_ := set . "clientConfig" (dict "service" (dict
      "name" "quiesce-webhook"
      "namespace" $.root.Release.Namespace
      "port" 443
      "path" .clientConfig.service.path)) }}
{{- if has .name (list "pods.quiesce.io" "restored-pods.quiesce.io") }}
{{- $values := $.root.Values.webhook }}
{{- if eq .name "restored-pods.quiesce.io" }}
{{- $values = $.root.Values.restore }}
{{- $_ := set . "matchConditions" (list (dict "name" "restored" "expression" (include "quiesce.restored" $.root))) }}
{{- end }}
{{- $_ := set . "failurePolicy" $values.failurePolicy }}
{{- $_ := set . "timeoutSeconds" $values.timeoutSeconds }}
{{- /*
The webhook must not stand in the way of what it needs itself, hence the namespaces that are always excluded.
*/}}
{{- $excluded := concat (list "kube-system" $.root.Release.Namespace) $.root.Values.webhook.excludedNamespaces ($values.excludedNamespaces | default list) | uniq }}
{{- $_ := set . "namespaceSelector" (dict
      "matchLabels" (dict "quiesce.io/hooks" "enabled")
      "matchExpressions" (list (dict
        "key" "kubernetes.io/metadata.name"
        "operator" "NotIn"
        "values" $excluded))) }}
{{- else if eq .name "backups.quiesce.io" }}
{{- /*
Velero's objects lie in its own namespace, which need not opt in.
*/}}
{{- $_ := set . "timeoutSeconds" $.root.Values.webhook.timeoutSeconds }}
{{- else if ne .name "library-in-use.quiesce.io" }}
{{- /*
These fail closed, so they are asked no more than they must be: while the webhook is away, a policy can still be
suspended, relabelled, freed of its finalizers and deleted, and so can a script or a template, but for the last: who uses it
is the webhook's to say.
*/}}
{{- $condition := include "quiesce.authors" $ }}
{{- if eq $.kind "MutatingWebhookConfiguration" }}
{{- $condition = printf "%s || %s" $condition (include "quiesce.recordDiffers" $) }}
{{- end }}
{{- $_ := set . "matchConditions" (list (dict "name" "authors" "expression" $condition)) }}
{{- end }}
- {{ toYaml . | indent 2 | trim }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/*
CEL: whether a pod has a marker of restored ones, by the same keys as the webhook's own (hooks/restore/marker.go). An
objectSelector could not tell: it reads no annotations, and its keys must all be there.
*/}}
{{- define "quiesce.restored" -}}
{{- $labels := concat (list "velero.io/restore-name" "quiesce.io/restored") .Values.restore.labels | uniq -}}
{{- $annotations := concat (list "quiesce.io/restored") .Values.restore.annotations | uniq -}}
has(object.metadata.labels) && {{ toJson $labels }}.exists(key, key in object.metadata.labels)
|| has(object.metadata.annotations) && {{ toJson $annotations }}.exists(key, key in object.metadata.annotations)
{{- end }}

{{/*
CEL: whether a request gives a policy, a script or a template a spec that somebody must answer for. Suspending a policy, and nothing else, does not:
stopping must need neither rights nor a webhook. The webhook itself decides alike (webhook/authoring/change.go).
*/}}
{{- define "quiesce.authors" -}}
(request.operation == 'CREATE' || object.spec != oldObject.spec && !(object.spec.?suspend.orValue(false) && object.spec.all(k, k == 'suspend' || k in oldObject.spec && object.spec[k] == oldObject.spec[k]) && oldObject.spec.all(k, k == 'suspend' || k in object.spec)))
{{- end }}

{{/*
CEL: whether a request changes the record of the author.
*/}}
{{- define "quiesce.recordDiffers" -}}
['quiesce.io/author', 'quiesce.io/authored-at'].exists(key, object.metadata.?annotations[?key] != oldObject.metadata.?annotations[?key])
{{- end }}
