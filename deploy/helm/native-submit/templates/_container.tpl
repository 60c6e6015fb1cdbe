{{- /* What a server and a sidecar share. */ -}}
{{- define "native-submit.probes" -}}
readinessProbe:
  httpGet: {path: /readyz, port: native-health}
livenessProbe:
  httpGet: {path: /healthz, port: native-health}
{{- end -}}

{{- define "native-submit.confined" -}}
securityContext:
  readOnlyRootFilesystem: true
  allowPrivilegeEscalation: false
  runAsNonRoot: true
  capabilities: {drop: [ALL]}
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- /* Settings as variables, sorted by name, and what templates need. */ -}}
{{- define "native-submit.environment" -}}
{{- if or .Values.templates.configMap .Values.templates.sets }}
- {name: TEMPLATE_DIR, value: /templates}
{{- end }}
{{- range $name, $value := .Values.settings }}
- {name: {{ $name }}, value: {{ $value | toString | quote }}}
{{- end }}
{{- end -}}

{{- define "native-submit.templateMounts" -}}
{{- with .Values.templates.configMap }}
- {name: native-submit-templates, mountPath: /templates/default, readOnly: true}
{{- end }}
{{- range $set, $_ := .Values.templates.sets }}
- {name: native-submit-templates-{{ $set }}, mountPath: /templates/{{ $set }}, readOnly: true}
{{- end }}
{{- end -}}

{{- define "native-submit.templateVolumes" -}}
{{- with .Values.templates.configMap }}
- name: native-submit-templates
  configMap: {name: {{ . }}}
{{- end }}
{{- range $set, $name := .Values.templates.sets }}
- name: native-submit-templates-{{ $set }}
  configMap: {name: {{ $name }}}
{{- end }}
{{- end -}}
