{{- define "native-submit.name" -}}
{{- if contains "native-submit" .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-native-submit" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "native-submit.account" -}}
{{- .Values.serviceAccount.name | default (include "native-submit.name" .) -}}
{{- end -}}

{{- define "native-submit.selector" -}}
app.kubernetes.io/name: native-submit
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "native-submit.labels" -}}
{{ include "native-submit.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "native-submit.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
