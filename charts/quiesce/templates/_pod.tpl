{{/*
The parts of a pod that both components share. Each takes a dict: root, component, values (the component's own).
*/}}

{{- define "quiesce.podMetadata" -}}
{{- with .values.podAnnotations -}}
annotations:
  {{- toYaml . | nindent 2 }}
{{ end -}}
labels:
  {{- /* merge lets the first win: a user's label cannot break the selectors. */}}
  {{- merge (include "quiesce.labels" . | fromYaml) .values.podLabels | toYaml | nindent 2 }}
{{- end }}

{{/*
With quiesce.containerSecurityContext, all that Pod Security's level "restricted" asks for.
*/}}
{{- define "quiesce.podSecurity" -}}
serviceAccountName: quiesce-{{ .component }}
automountServiceAccountToken: true
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "quiesce.containerSecurityContext" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{- define "quiesce.antiAffinityTerm" -}}
topologyKey: kubernetes.io/hostname
labelSelector:
  matchLabels:
    {{- include "quiesce.selectorLabels" . | nindent 4 }}
{{- /*
Copies of the same revision avoid each other. Without it, `required` on as many nodes as there are copies would leave a
rolling update waiting for ever for one node more. (1.30 drops the field.)
*/}}
matchLabelKeys: [pod-template-hash]
{{- end }}

{{- define "quiesce.scheduling" -}}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .values.affinity }}
affinity:
  {{- toYaml .values.affinity | nindent 2 }}
{{- else if eq .values.podAntiAffinity "preferred" }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          {{- include "quiesce.antiAffinityTerm" . | nindent 10 }}
{{- else if eq .values.podAntiAffinity "required" }}
affinity:
  podAntiAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      - {{ include "quiesce.antiAffinityTerm" . | indent 8 | trim }}
{{- end }}
{{- with .values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- $own := dict "labelSelector" (dict "matchLabels" (include "quiesce.selectorLabels" $ | fromYaml)) }}
  {{- range . }}
  - {{ ternary . (merge (deepCopy $own) .) (hasKey . "labelSelector") | toYaml | indent 4 | trim }}
  {{- end }}
{{- end }}
{{- end }}

{{/*
Probes on the health port. A process that is slow to fill its caches gets a minute before it is restarted.
*/}}
{{- define "quiesce.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: health}
  periodSeconds: 2
  failureThreshold: 30
readinessProbe:
  httpGet: {path: /readyz, port: health}
  periodSeconds: 5
  failureThreshold: 2
livenessProbe:
  httpGet: {path: /healthz, port: health}
  periodSeconds: 10
  failureThreshold: 3
{{- end }}
