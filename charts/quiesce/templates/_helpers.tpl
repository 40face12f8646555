{{/*
Labels by which Services, Deployments and the PodDisruptionBudget find the pods of one component.
Takes a dict: root, component.
*/}}
{{- define "quiesce.selectorLabels" -}}
app.kubernetes.io/name: quiesce
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/*
Labels of every object. Takes a dict: root, component.
*/}}
{{- define "quiesce.labels" -}}
{{ include "quiesce.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "quiesce.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{/*
The documents of one generated file, as a list under the key "documents" (fromYaml reads maps only).
Takes a dict: root, path.
*/}}
{{- define "quiesce.generated" -}}
{{- $documents := list -}}
{{- range regexSplit "(?m)^---\\s*$" (.root.Files.Get .path) -1 -}}
{{- with fromYaml . -}}
{{- $documents = append $documents . -}}
{{- end -}}
{{- end -}}
{{- range $documents -}}
{{- if not .kind -}}
{{- fail (printf "%s is not a list of Kubernetes objects: %s" $.path (toJson .)) -}}
{{- end -}}
{{- end -}}
{{- if not $documents -}}
{{- fail (printf "%s is missing or empty: run `make generate`, then package the chart again" .path) -}}
{{- end -}}
{{ dict "documents" $documents | toYaml }}
{{- end }}

{{/*
The generated rules of one component and kind. Takes a dict: root, component, kind (ClusterRole or Role).
*/}}
{{- define "quiesce.rules" -}}
{{- $path := printf "generated/rbac/%s/role.yaml" .component -}}
{{- $rules := list -}}
{{- range (include "quiesce.generated" (dict "root" .root "path" $path) | fromYaml).documents -}}
{{- if eq .kind $.kind -}}
{{- $rules = concat $rules .rules -}}
{{- end -}}
{{- end -}}
{{- toYaml $rules -}}
{{- end }}

{{/*
The seconds of a duration in whole seconds, minutes or hours, such as 5m.
*/}}
{{- define "quiesce.seconds" -}}
{{- mul (regexFind "^[0-9]+" . | int) (get (dict "s" 1 "m" 60 "h" 3600) (regexFind "[smh]$" .)) -}}
{{- end }}
