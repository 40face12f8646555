{{/*
Everything that lets one component reach the API server. Takes a dict: root, component.
The rules come from the markers beside the code that needs them.
*/}}
{{- define "quiesce.rbac" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: quiesce-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "quiesce.labels" . | nindent 4 }}
# The Deployment asks for the token; nothing else that may run under this account gets one by default.
automountServiceAccountToken: false
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: quiesce-{{ .component }}
  labels:
    {{- include "quiesce.labels" . | nindent 4 }}
rules:
  {{- include "quiesce.rules" (merge (dict "kind" "ClusterRole") .) | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: quiesce-{{ .component }}
  labels:
    {{- include "quiesce.labels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: quiesce-{{ .component }}
subjects:
  - kind: ServiceAccount
    name: quiesce-{{ .component }}
    namespace: {{ .root.Release.Namespace }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: quiesce-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "quiesce.labels" . | nindent 4 }}
rules:
  {{- include "quiesce.rules" (merge (dict "kind" "Role") .) | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: quiesce-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "quiesce.labels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: quiesce-{{ .component }}
subjects:
  - kind: ServiceAccount
    name: quiesce-{{ .component }}
    namespace: {{ .root.Release.Namespace }}
{{- end }}
