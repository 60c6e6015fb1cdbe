package main

import (
	"fmt"
	"strings"
)

func (d runDirectory) apiserverFlags(store string, port int) []string {
	return []string{
		"--etcd-servers=" + store,
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", port),
		// The Service `kubernetes` would have loopback for its endpoint, which is refused.
		"--endpoint-reconciler-type=none",
		// Both families, for Services that ask for either.
		"--service-cluster-ip-range=10.0.0.0/16,fd00::/108",
		"--authorization-mode=RBAC",
		"--allow-privileged=true",
		"--client-ca-file=" + d.caCertificate(),
		"--tls-cert-file=" + d.serverCertificate(),
		"--tls-private-key-file=" + d.serverKey(),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + d.tokenKey(),
		"--service-account-signing-key-file=" + d.tokenKey(),
	}
}

// controllers are those whose work a submission can see; none of them needs a node.
var controllers = []string{
	"clusterrole-aggregation-controller",
	"disruption-controller",
	"garbage-collector-controller",
	"namespace-controller",
	"persistentvolumeclaim-protection-controller",
	"pod-garbage-collector-controller",
	"resourcequota-controller",
	"root-ca-certificate-publisher-controller",
	"serviceaccount-controller",
}

func (d runDirectory) controllerManagerFlags() []string {
	return []string{
		"--kubeconfig=" + d.kubeconfig(),
		"--root-ca-file=" + d.caCertificate(),
		"--controllers=" + strings.Join(controllers, ","),
		"--leader-elect=false",
		"--secure-port=0",
		// The default is a node's pace; tests wait for these.
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
		"--concurrent-resource-quota-syncs=5",
		"--resource-quota-sync-period=10s",
	}
}
