{{/* Objects have fixed names: the tool speaks about Nodes, so there is one of it in a cluster. */}}
{{- define "bpfready.labels" -}}
app.kubernetes.io/name: bpfready
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/part-of: bpfready
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
{{- end }}

{{- define "bpfready.selector" -}}
app.kubernetes.io/name: bpfready
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "bpfready.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* The user behind a ServiceAccount, as the API server names it. */}}
{{- define "bpfready.user" -}}
system:serviceaccount:{{ .root.Release.Namespace }}:bpfready-{{ .component }}
{{- end }}

{{- define "bpfready.annotations" -}}
{{- if .root.Values.monitoring.annotations }}
prometheus.io/scrape: "true"
prometheus.io/port: {{ .port | quote }}
prometheus.io/path: /metrics
{{- if and .root.Values.secureServing.enabled (eq .component "agent") }}
prometheus.io/scheme: https
{{- end }}
{{- end }}
{{- with .more }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Environment that agent and controller share. */}}
{{- define "bpfready.env" -}}
- name: BPFREADY_LOG
  value: {{ .Values.log.filter | quote }}
- name: BPFREADY_LOG_FORMAT
  value: {{ .Values.log.format | quote }}
- name: BPFREADY_PREFIX
  value: {{ .Values.prefix | quote }}
{{- with .Values.targetCilium }}
- name: BPFREADY_TARGET_CILIUM
  value: {{ . | quote }}
{{- end }}
{{- end }}

{{- define "bpfready.env.more" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{- define "bpfready.probe" -}}
httpGet:
  path: {{ .path }}
  port: http
{{- if and .root.Values.secureServing.enabled (eq .component "agent") }}
  scheme: HTTPS
{{- end }}
{{- end }}

{{/* Who an admission policy is about. */}}
{{- define "bpfready.policy.subject" -}}
- name: it-is-the-{{ .component }}
  expression: request.userInfo.username == '{{ include "bpfready.user" . }}'
{{- end }}

{{- define "bpfready.policy.binding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  labels:
    {{- include "bpfready.labels" . | nindent 4 }}
spec:
  policyName: {{ .name }}
  validationActions:
    {{- toYaml .root.Values.policies.validationActions | nindent 4 }}
{{- end }}

{{/* What is compared, before and after. dyn() lets a whole object be walked key by key, so that no field is forgotten, not even one of a Kubernetes to come. */}}
{{- define "bpfready.policy.variables" -}}
- name: oldLabels
  expression: "has(oldObject.metadata.labels) ? oldObject.metadata.labels : {}"
- name: newLabels
  expression: "has(object.metadata.labels) ? object.metadata.labels : {}"
- name: oldAnnotations
  expression: "has(oldObject.metadata.annotations) ? oldObject.metadata.annotations : {}"
- name: newAnnotations
  expression: "has(object.metadata.annotations) ? object.metadata.annotations : {}"
- name: oldMetadata
  expression: "dyn(oldObject.metadata)"
- name: newMetadata
  expression: "dyn(object.metadata)"
- name: oldSpec
  expression: "has(oldObject.spec) ? dyn(oldObject.spec) : dyn({})"
- name: newSpec
  expression: "has(object.spec) ? dyn(object.spec) : dyn({})"
- name: oldStatus
  expression: "has(oldObject.status) ? dyn(oldObject.status) : dyn({})"
- name: newStatus
  expression: "has(object.status) ? dyn(object.status) : dyn({})"
{{- end }}

{{/* A Node's taints and conditions, in which something is ours. */}}
{{- define "bpfready.policy.variables.node" -}}
- name: oldTaints
  expression: "has(oldObject.spec.taints) ? oldObject.spec.taints : []"
- name: newTaints
  expression: "has(object.spec.taints) ? object.spec.taints : []"
- name: oldConditions
  expression: "has(oldObject.status.conditions) ? oldObject.status.conditions : []"
- name: newConditions
  expression: "has(object.status.conditions) ? object.status.conditions : []"
{{- end }}

{{/* Every key of one part of the object but some is what it was. */}}
{{- define "bpfready.policy.same" -}}
- expression: "variables.new{{ .part }}.all(k, k in {{ .but }} || (k in variables.old{{ .part }} && variables.old{{ .part }}[k] == variables.new{{ .part }}[k])) && variables.old{{ .part }}.all(k, k in {{ .but }} || k in variables.new{{ .part }})"
  message: "{{ .message }}"
  reason: Forbidden
{{- end }}

{{/* Owners, finalizers and whatever else is not a label, an annotation, or the server's own bookkeeping. */}}
{{- define "bpfready.policy.same.metadata" -}}
{{ include "bpfready.policy.same" (dict "part" "Metadata" "but" "['labels', 'annotations', 'managedFields', 'resourceVersion', 'generation']" "message" (printf "%s changes no metadata but what is its own" .who)) }}
{{- end }}

{{/* Of a Node, everything but taints and conditions. */}}
{{- define "bpfready.policy.same.node" -}}
{{ include "bpfready.policy.same" (dict "part" "Spec" "but" "['taints']" "message" (printf "%s does not change a Node's spec" .who)) }}
{{ include "bpfready.policy.same" (dict "part" "Status" "but" "['conditions']" "message" (printf "%s changes nothing of a Node's status but its own conditions" .who)) }}
{{ include "bpfready.policy.same.metadata" . }}
{{- end }}

{{/* Name of the volume of a host path. */}}
{{- define "bpfready.volume" -}}
{{ . | trimAll "/" | lower | replace "/" "-" | replace "." "-" | replace "_" "-" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Where systemd keeps what units there are and which run, and what networkd was told. */}}
{{- define "bpfready.systemd" -}}
[/etc/systemd, /run/systemd/system, /run/systemd/units, /usr/lib/systemd]
{{- end }}
