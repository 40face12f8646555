{{/*
A ValidatingAdmissionPolicy and its binding: whoever writes a policy needs a right in all namespaces that it is for, and whoever
writes a script or a template in all there are, since any policy may use it. Takes a dict: root, name, resources, needs (CEL: whether
the object needs it), right (in words), check (CEL: the resource), verb, who, whoElse (of scripts and templates, if it differs);
and, if something is refused to everybody, refuses: when and says (both CEL).
*/}}
{{- define "quiesce.authorship" -}}
{{- $limit := 20 }}
{{- $labels := include "quiesce.labels" (dict "root" .root "component" "authorship") | fromYaml -}}
# Whoever writes a policy has things done in other people's pods, so must be allowed to do them there. The API server checks
# it, so that it holds while the webhook is away.
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {{ .name }}
  labels:
    {{- toYaml $labels | nindent 4 }}
spec:
  failurePolicy: Fail
  matchConstraints:
    matchPolicy: Equivalent
    resourceRules:
      - apiGroups: [quiesce.io]
        apiVersions: [v1alpha1]
        operations: [CREATE, UPDATE]
        resources: {{ toJson .resources }}
  variables:
    - name: authors
      expression: {{ printf "%s && %s" (include "quiesce.authors" .root) .needs | quote }}
    {{- if eq .needs "true" }}
    - name: author
      expression: "object.metadata.?annotations[?'quiesce.io/author'].orValue('')"
    - name: newAuthor
      expression: "request.operation == 'CREATE' || variables.author != oldObject.metadata.?annotations[?'quiesce.io/author'].orValue('')"
    {{- end }}
    - name: clusterScoped
      expression: "request.resource.resource == 'hookpolicies'"
    - name: included
      expression: "object.spec.?selector.?includedNamespaces.orValue([])"
    - name: globs
      expression: "variables.included.filter(name, name.contains('*') || name.contains('?'))"
    - name: ofLibrary
      expression: "request.resource.resource in ['hookscripts', 'hooktemplates']"
    # Names narrow a namespaceSelector, so that they are all that counts where there are only names.
    - name: forAnyNamespace
      expression: "variables.ofLibrary || variables.clusterScoped && (size(variables.included) == 0 || size(variables.globs) > 0)"
    - name: namespaces
      expression: "variables.forAnyNamespace ? [] : variables.clusterScoped ? variables.included : [request.namespace]"
    - name: mayEverywhere
      expression: "{{ .check }}.check('{{ .verb }}').allowed()"
  validations:
    {{- with .refuses }}
    - expression: {{ printf "!variables.authors || !(%s)" .when | quote }}
      reason: Forbidden
      messageExpression: {{ .says | quote }}
    {{- end }}
    {{- if eq .needs "true" }}
    - expression: "variables.author == '' || !variables.authors && !variables.newAuthor || variables.author == request.userInfo.username"
      reason: Forbidden
      messageExpression: >-
        'the annotation quiesce.io/author says ' + variables.author + ', and the request is made by ' + request.userInfo.username
        + ': leave the annotation out, since Quiesce writes it'
    {{- end }}
    - expression: "!variables.authors || !variables.forAnyNamespace || variables.mayEverywhere"
      reason: Forbidden
      messageExpression: >-
        variables.ofLibrary
        ? request.userInfo.username + ' lacks the right to {{ .right }} in all namespaces, which whoever {{ .whoElse | default .who }} needs, since policies of any'
        + ' namespace may use it: have somebody write it who has the right, or write it into policies of the namespaces in which you have it'
        : request.userInfo.username + ' lacks the right to {{ .right }} in all namespaces, which whoever {{ .who }} needs, since '
        + (size(variables.included) == 0 ? 'it names no namespace' : 'it has the glob ' + variables.globs[0])
        + ': write in spec.selector.includedNamespaces the names of the namespaces in which you have the right, or a NamespacedHookPolicy in each of them'
    - expression: "!variables.authors || size(variables.namespaces) <= {{ $limit }} || variables.mayEverywhere"
      reason: Forbidden
      messageExpression: >-
        'the policy names more than {{ $limit }} namespaces, and so many rights cannot be looked up for one request: '
        + request.userInfo.username + ' needs the right to {{ .right }} in all namespaces, or writes several policies of up to {{ $limit }} names each'
    {{- range $i := until $limit }}
    - expression: >-
        !variables.authors || size(variables.namespaces) <= {{ $i }} || variables.mayEverywhere
        || {{ $.check }}.namespace(variables.namespaces[{{ $i }}]).check('{{ $.verb }}').allowed()
      reason: Forbidden
      messageExpression: >-
        size(variables.namespaces) <= {{ $i }} ? '' : request.userInfo.username + ' lacks the right to {{ $.right }} in namespace '
        + variables.namespaces[{{ $i }}] + ', which whoever {{ $.who }} needs: have it granted there, '
        + (variables.clusterScoped ? 'leave the namespace out of spec.selector.includedNamespaces, ' : '') + 'or have somebody write the policy who has it'
    {{- end }}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  labels:
    {{- toYaml $labels | nindent 4 }}
spec:
  policyName: {{ .name }}
  validationActions: [Deny]
{{- end }}
