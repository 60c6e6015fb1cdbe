package main

import (
	"fmt"

	core "k8s.io/api/core/v1"
)

// refused says what of a Pod this node can't do. Limits of CPU and memory, and seccomp's default profile, it takes and doesn't
// enforce: they change no result.
func refused(object *core.Pod) error {
	spec := object.Spec
	for field, asked := range map[string]bool{
		"hostNetwork":                   spec.HostNetwork,
		"hostPID":                       spec.HostPID,
		"hostIPC":                       spec.HostIPC,
		"shareProcessNamespace":         is(spec.ShareProcessNamespace),
		"hostAliases":                   len(spec.HostAliases) > 0,
		"subdomain":                     spec.Subdomain != "",
		"dnsConfig":                     spec.DNSConfig != nil,
		"runtimeClassName":              spec.RuntimeClassName != nil,
		"schedulingGates":               len(spec.SchedulingGates) > 0,
		"a restartPolicy but Never":     spec.RestartPolicy != core.RestartPolicyNever,
		"schedulerName":                 spec.SchedulerName != core.DefaultSchedulerName,
		"affinity":                      spec.Affinity != nil,
		"resources of the Pod":          spec.Resources != nil,
		"activeDeadlineSeconds":         spec.ActiveDeadlineSeconds != nil,
		"a nodeSelector of other nodes": !thisNode(spec.NodeSelector),
	} {
		if asked {
			return fmt.Errorf("this node can't do what the Pod asks for: %s", field)
		}
	}
	for _, container := range append(append([]core.Container{}, spec.InitContainers...), spec.Containers...) {
		security := core.SecurityContext{}
		if container.SecurityContext != nil {
			security = *container.SecurityContext
		}
		for field, asked := range map[string]bool{
			"securityContext.privileged":     is(security.Privileged),
			"securityContext.capabilities":   security.Capabilities != nil && len(security.Capabilities.Add) > 0,
			"securityContext.seccompProfile": security.SeccompProfile != nil && security.SeccompProfile.LocalhostProfile != nil,
			"lifecycle":                      container.Lifecycle != nil,
			"livenessProbe":                  container.LivenessProbe != nil,
			"readinessProbe":                 container.ReadinessProbe != nil,
			"startupProbe":                   container.StartupProbe != nil,
			"volumeDevices":                  len(container.VolumeDevices) > 0,
		} {
			if asked {
				return fmt.Errorf("this node can't do what container %s asks for: %s", container.Name, field)
			}
		}
	}
	return nil
}

func is(flag *bool) bool { return flag != nil && *flag }

func thisNode(selector map[string]string) bool {
	for label, value := range selector {
		if nodeLabels[label] != value {
			return false
		}
	}
	return true
}
