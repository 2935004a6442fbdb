{{- define "boltseal.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "boltseal.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "boltseal.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "boltseal.selector" -}}
app.kubernetes.io/name: {{ include "boltseal.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "boltseal.labels" -}}
{{ include "boltseal.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "boltseal.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{/* The runtime's directories: what its containers are made of, and what says who they are. Docker has both
in its root. A newline apart. */}}
{{- define "boltseal.runtimePaths" -}}
{{- $at := dict "containerd" (list "/var/lib/containerd" "/run/containerd")
  "crio" (list "/var/lib/containers" "/run/containers") "docker" (list "/var/lib/docker") -}}
{{- $paths := get $at .Values.runtime -}}
{{- if .Values.runtimeRoot -}}
{{- $paths = prepend (rest $paths) .Values.runtimeRoot -}}
{{- end -}}
{{- join "\n" (concat $paths .Values.hostPaths) -}}
{{- end -}}

{{/* boltseal.yaml: what the values say; where the runtime's root is an unusual one, the daemon must be told. */}}
{{- define "boltseal.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- if .Values.runtimeRoot -}}
{{- $key := get (dict "docker" "docker_roots" "crio" "storage_roots") .Values.runtime -}}
{{- if $key -}}
{{- $root := ternary (printf "%s/storage" .Values.runtimeRoot) .Values.runtimeRoot (eq .Values.runtime "crio") -}}
{{- $config = mergeOverwrite (dict "runtimes" (dict $key (list $root))) $config -}}
{{- end -}}
{{- end -}}
{{- if $config -}}
{{ toYaml $config }}
{{- else -}}
# Every default: see boltseal.yaml(5).
{{- end -}}
{{- end -}}

{{/* A pod reads its configuration when it starts: another one is another pod. */}}
{{- define "boltseal.configSum" -}}
{{- printf "%s\n%s" (include "boltseal.config" .) (toYaml .Values.rules) | sha256sum -}}
{{- end -}}
