package main

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/tools/clientcmd"
)

// startWithin is how long a control plane may take until it is ready; it takes a few seconds on an idle machine.
const startWithin = 3 * time.Minute

// up starts a control plane unless it runs already, and prints the admin's kubeconfig.
func up(ctx context.Context, arguments []string) error {
	run, definitions, flags := runDirectoryAt(arguments[0]), arguments[1], arguments[2:]
	if len(flags) > 0 && flags[0] == "--" {
		flags = flags[1:]
	}
	if !run.complete(ctx) {
		if err := errors.Join(down(run), run.fresh()); err != nil {
			return err
		}
		if err := start(ctx, run, definitions, flags); err != nil {
			return errors.Join(err, down(run))
		}
	}
	fmt.Println(run.kubeconfig())
	return nil
}

func start(ctx context.Context, run runDirectory, definitions string, flags []string) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	store := fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	server := fmt.Sprintf("https://127.0.0.1:%d", ports[1])
	if err := run.writeCredentials(server); err != nil {
		return err
	}

	exited := make(chan error, 3)
	err = component{run, "etcd"}.start(exited, run.etcdData(), store)
	if err != nil {
		return err
	}
	err = component{run, "kube-apiserver"}.start(exited, append(run.apiserverFlags(store, ports[1]), flags...)...)
	if err != nil {
		return err
	}
	if err := waitUntil(ctx, exited, run.ready); err != nil {
		return err
	}
	err = component{run, "kube-controller-manager"}.start(exited, run.controllerManagerFlags()...)
	if err != nil {
		return err
	}
	if err := run.define(ctx, definitions); err != nil {
		return err
	}
	return os.WriteFile(run.completeMark(), nil, 0o600)
}

// complete says that an earlier `up` came to its end, and that all of what it started still runs.
func (d runDirectory) complete(ctx context.Context) bool {
	for _, component := range d.components() {
		if _, running := component.process(); !running {
			return false
		}
	}
	_, err := os.Stat(d.completeMark())
	return err == nil && d.ready(ctx)
}

func (d runDirectory) writeCredentials(server string) error {
	authority, err := newAuthority(d.caCertificate())
	if err != nil {
		return err
	}
	certificate, key := d.file("admin.crt"), d.file("admin.key")
	return firstOf(
		func() error { return newTokenKey(d.tokenKey()) },
		func() error {
			return authority.issue(pkix.Name{CommonName: "kube-apiserver"}, x509.ExtKeyUsageServerAuth, d.serverCertificate(), d.serverKey())
		},
		func() error {
			admin := pkix.Name{CommonName: "e2e-admin", Organization: []string{"system:masters"}}
			return authority.issue(admin, x509.ExtKeyUsageClientAuth, certificate, key)
		},
		func() error { return d.writeKubeconfig(d.kubeconfig(), server, certificate, key) },
	)
}

// ready asks the API server itself.
func (d runDirectory) ready(ctx context.Context) bool {
	config, err := clientcmd.BuildConfigFromFlags("", d.kubeconfig())
	if err != nil {
		return false
	}
	config.Timeout = 5 * time.Second
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return false
	}
	return client.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error() == nil
}

// define installs custom resource definitions and waits until they are served.
func (d runDirectory) define(ctx context.Context, definitions string) error {
	return firstOf(
		func() error { return d.kubectl(ctx, "apply", "--server-side", "--filename", definitions) },
		func() error {
			return d.kubectl(ctx, "wait", "--for=condition=Established", "--timeout=1m", "--filename", definitions)
		},
	)
}

func (d runDirectory) kubectl(ctx context.Context, arguments ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, self, append([]string{"kubectl", "--kubeconfig", d.kubeconfig()}, arguments...)...)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl %s: %w\n%s", strings.Join(arguments, " "), err, output)
	}
	return nil
}

func waitUntil(ctx context.Context, exited <-chan error, done func(context.Context) bool) error {
	for !done(ctx) {
		select {
		case err := <-exited:
			return err
		case <-ctx.Done():
			return fmt.Errorf("the API server is not ready after %s", startWithin)
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

// firstOf does one step after the other until one fails.
func firstOf(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
