// Controlplane is etcd, kube-apiserver, kube-controller-manager and kubectl in one binary, for tests on loopback.
//
//	controlplane up DIR CRDS [-- kube-apiserver flags]   starts it; prints the admin's kubeconfig
//	controlplane down DIR                                stops it
//	controlplane etcd DIR URL                            one member, what `up` starts
//	controlplane port                                    prints a port of loopback that is free
//	controlplane probe URL                               whether a GET is answered with 200
//	controlplane kube-apiserver|kube-controller-manager|kubectl …   the real ones, with their own flags
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func main() {
	command := ""
	if len(os.Args) > 1 {
		command = os.Args[1]
	}
	// Each of these is a program of its own: only one of them is made in a process, for they share global flags.
	switch command {
	case "kube-apiserver":
		runAs(apiserver.NewAPIServerCommand)
	case "kube-controller-manager":
		runAs(controllermanager.NewControllerManagerCommand)
	case "kubectl":
		runAs(kubectl.NewDefaultKubectlCommand)
	case "etcd":
		exitOn(etcd(arguments(4)))
	case "up":
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		exitOn(up(ctx, arguments(4)))
	case "port":
		ports, err := freePorts(1)
		exitOn(err)
		fmt.Println(ports[0])
	case "probe":
		exitOn(probe(arguments(3)[0]))
	case "down":
		exitOn(down(runDirectoryAt(arguments(3)[0])))
	default:
		usage()
	}
}

// runAs runs the program that the first argument names as if it had been called by that name.
func runAs(program func() *cobra.Command) {
	os.Args = os.Args[1:]
	os.Exit(cli.Run(program()))
}

// arguments are those after the command, if there are enough of them.
func arguments(least int) []string {
	if len(os.Args) < least {
		usage()
	}
	return os.Args[2:]
}

func usage() {
	fmt.Fprintln(os.Stderr, "controlplane: up DIR CRDS [-- FLAGS] | down DIR | etcd DIR URL | port | probe URL | kube-apiserver … | kube-controller-manager … | kubectl …")
	os.Exit(2)
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "controlplane:", err)
		os.Exit(1)
	}
}
