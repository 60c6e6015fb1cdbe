package main

import (
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// runDirectory is where one control plane keeps its files.
type runDirectory string

func runDirectoryAt(path string) runDirectory {
	// Processes are known by it, whatever directory they were started from.
	absolute, err := filepath.Abs(path)
	exitOn(err)
	return runDirectory(absolute)
}

func (d runDirectory) file(name string) string { return filepath.Join(string(d), name) }

func (d runDirectory) caCertificate() string     { return d.file("ca.crt") }
func (d runDirectory) serverCertificate() string { return d.file("apiserver.crt") }
func (d runDirectory) serverKey() string         { return d.file("apiserver.key") }
func (d runDirectory) tokenKey() string          { return d.file("serviceaccounts.key") }
func (d runDirectory) etcdData() string          { return d.file("etcd") }
func (d runDirectory) completeMark() string      { return d.file("complete") }
func (d runDirectory) kubeconfig() string        { return d.file("admin.kubeconfig") }

// fresh empties the directory: a control plane never starts from what another left. A link to this binary is for the
// scripts, which stop with it what it started.
func (d runDirectory) fresh() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return firstOf(
		func() error { return os.RemoveAll(string(d)) },
		func() error { return os.MkdirAll(d.etcdData(), 0o700) },
		func() error { return os.Symlink(self, d.file("controlplane")) },
	)
}

// writeKubeconfig writes the kubeconfig of a client certificate.
func (d runDirectory) writeKubeconfig(file, server, certificate, key string) error {
	config := api.NewConfig()
	contents := map[string][]byte{d.caCertificate(): nil, certificate: nil, key: nil}
	for name := range contents {
		bytes, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("kubeconfig: %w", err)
		}
		contents[name] = bytes
	}
	config.Clusters["e2e"] = &api.Cluster{Server: server, CertificateAuthorityData: contents[d.caCertificate()]}
	config.AuthInfos["e2e"] = &api.AuthInfo{ClientCertificateData: contents[certificate], ClientKeyData: contents[key]}
	config.Contexts["e2e"] = &api.Context{Cluster: "e2e", AuthInfo: "e2e"}
	config.CurrentContext = "e2e"
	return clientcmd.WriteToFile(*config, file)
}
