package main

import (
	"context"
	"fmt"
	"strings"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// variable is one entry of an environment; of two with one name the later counts.
type variable struct{ name, value string }

// environment is a container's, with that of its image first.
func (p *pod) environment(ctx context.Context, container core.Container) ([]variable, error) {
	all := []variable{
		{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
		{"HOME", "/tmp"},
		// As Spark's image has it: without, Java takes arguments for ASCII.
		{"LANG", "C.UTF-8"},
		{"HOSTNAME", p.object.Name},
		{"KUBERNETES_SERVICE_HOST", gateway},
		{"KUBERNETES_SERVICE_PORT", "443"},
		{"KUBERNETES_SERVICE_PORT_HTTPS", "443"},
	}
	for _, source := range container.EnvFrom {
		data, err := p.source(ctx, source)
		if err != nil {
			return nil, err
		}
		for key, value := range data {
			all = append(all, variable{source.Prefix + key, value})
		}
	}
	for _, entry := range container.Env {
		value, given, err := p.value(ctx, container, entry, all)
		if err != nil {
			return nil, fmt.Errorf("env %s: %w", entry.Name, err)
		}
		if given {
			all = append(all, variable{entry.Name, value})
		}
	}
	return all, nil
}

func (p *pod) source(ctx context.Context, source core.EnvFromSource) (map[string]string, error) {
	core := p.node.client.CoreV1()
	data := map[string]string{}
	switch {
	case source.ConfigMapRef != nil:
		found, err := core.ConfigMaps(p.object.Namespace).Get(ctx, source.ConfigMapRef.Name, meta.GetOptions{})
		if missing(err, source.ConfigMapRef.Optional) {
			return data, nil
		}
		if err != nil {
			return nil, err
		}
		return found.Data, nil
	case source.SecretRef != nil:
		found, err := core.Secrets(p.object.Namespace).Get(ctx, source.SecretRef.Name, meta.GetOptions{})
		if missing(err, source.SecretRef.Optional) {
			return data, nil
		}
		if err != nil {
			return nil, err
		}
		for key, bytes := range found.Data {
			data[key] = string(bytes)
		}
	}
	return data, nil
}

// value is an entry's, and whether it has one: an optional key may not be there.
func (p *pod) value(ctx context.Context, container core.Container, entry core.EnvVar, before []variable) (string, bool, error) {
	from := entry.ValueFrom
	if from == nil {
		return expand(entry.Value, before), true, nil
	}
	api := p.node.client.CoreV1()
	switch {
	case from.FieldRef != nil:
		value, err := p.field(from.FieldRef.FieldPath)
		return value, true, err
	case from.ResourceFieldRef != nil:
		value, err := resourceOf(container, from.ResourceFieldRef)
		return value, true, err
	case from.SecretKeyRef != nil:
		found, err := api.Secrets(p.object.Namespace).Get(ctx, from.SecretKeyRef.Name, meta.GetOptions{})
		if missing(err, from.SecretKeyRef.Optional) {
			return "", false, nil
		}
		if err != nil {
			return "", false, err
		}
		bytes, there := found.Data[from.SecretKeyRef.Key]
		return keyed(string(bytes), there, from.SecretKeyRef.Key, from.SecretKeyRef.Optional)
	case from.ConfigMapKeyRef != nil:
		found, err := api.ConfigMaps(p.object.Namespace).Get(ctx, from.ConfigMapKeyRef.Name, meta.GetOptions{})
		if missing(err, from.ConfigMapKeyRef.Optional) {
			return "", false, nil
		}
		if err != nil {
			return "", false, err
		}
		text, there := found.Data[from.ConfigMapKeyRef.Key]
		return keyed(text, there, from.ConfigMapKeyRef.Key, from.ConfigMapKeyRef.Optional)
	}
	return "", false, fmt.Errorf("this node has no such source")
}

func missing(err error, optional *bool) bool {
	return apierrors.IsNotFound(err) && optional != nil && *optional
}

func keyed(value string, there bool, key string, optional *bool) (string, bool, error) {
	if !there && (optional == nil || !*optional) {
		return "", false, fmt.Errorf("there is no key %s", key)
	}
	return value, there, nil
}

// resourceOf is a limit or request of the container itself, in the divisor's unit, rounded up.
func resourceOf(container core.Container, ref *core.ResourceFieldSelector) (string, error) {
	kind, name, found := strings.Cut(ref.Resource, ".")
	if !found || (ref.ContainerName != "" && ref.ContainerName != container.Name) {
		return "", fmt.Errorf("this node has no %s", ref.Resource)
	}
	list := container.Resources.Limits
	if kind == "requests" {
		list = container.Resources.Requests
	}
	quantity, there := list[core.ResourceName(name)]
	if !there {
		return "", fmt.Errorf("the container has no %s", ref.Resource)
	}
	divisor := ref.Divisor.AsApproximateFloat64()
	if divisor == 0 {
		divisor = 1
	}
	value := quantity.AsApproximateFloat64() / divisor
	whole := int64(value)
	if float64(whole) < value {
		whole++
	}
	return fmt.Sprint(whole), nil
}

// field is one of the Pod's own.
func (p *pod) field(path string) (string, error) {
	keyIn := func(fields map[string]string, prefix string) string {
		return fields[strings.TrimSuffix(strings.TrimPrefix(path, prefix+"['"), "']")]
	}
	switch {
	case path == "metadata.name":
		return p.object.Name, nil
	case path == "metadata.namespace":
		return p.object.Namespace, nil
	case path == "metadata.uid":
		return string(p.object.UID), nil
	case path == "spec.nodeName":
		return nodeName, nil
	case path == "spec.serviceAccountName":
		return p.object.Spec.ServiceAccountName, nil
	case path == "status.podIP" || path == "status.podIPs":
		return p.address, nil
	case path == "status.hostIP":
		return gateway, nil
	case strings.HasPrefix(path, "metadata.labels['"):
		return keyIn(p.object.Labels, "metadata.labels"), nil
	case strings.HasPrefix(path, "metadata.annotations['"):
		return keyIn(p.object.Annotations, "metadata.annotations"), nil
	}
	return "", fmt.Errorf("this node does not know the field %s", path)
}

// expand puts in variables as Kubernetes does: `$(NAME)`, where there is such a one before it; `$$` is `$`.
func expand(text string, before []variable) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '$' || i+1 == len(text) {
			out.WriteByte(text[i])
			continue
		}
		if text[i+1] == '$' {
			out.WriteByte('$')
			i++
			continue
		}
		end := strings.IndexByte(text[i:], ')')
		if text[i+1] != '(' || end < 0 {
			out.WriteByte('$')
			continue
		}
		reference := text[i : i+end+1]
		value := reference
		for _, one := range before {
			if one.name == reference[2:len(reference)-1] {
				value = one.value
			}
		}
		out.WriteString(value)
		i += end
	}
	return out.String()
}
