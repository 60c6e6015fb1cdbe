package main

import (
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
)

// The Pods' network: a bridge, at whose address the API server and the names are.
const (
	bridge  = "e2e-node"
	gateway = "10.99.0.1"
	prefix  = "/16"
)

// network gives Pods their namespaces and addresses.
type network struct {
	mutex  sync.Mutex
	next   int
	listen net.Listener
}

// newNetwork makes the bridge, and lets Pods reach the API server at its address.
func newNetwork(apiserver string) (*network, error) {
	removeLeftovers()
	for _, line := range []string{
		"ip link add " + bridge + " type bridge",
		"ip address add " + gateway + prefix + " dev " + bridge,
		"ip link set " + bridge + " up",
	} {
		if err := command(strings.Fields(line)...); err != nil {
			return nil, err
		}
	}
	listener, err := net.Listen("tcp", gateway+":443")
	if err != nil {
		return nil, err
	}
	go forward(listener, apiserver)
	return &network{next: 2, listen: listener}, nil
}

// removeLeftovers takes away what a node left that was killed.
func removeLeftovers() {
	left, _ := exec.Command("ip", "netns", "list").Output()
	for _, line := range strings.Split(string(left), "\n") {
		if name, _, _ := strings.Cut(line, " "); strings.HasPrefix(name, "e2e-") {
			detach(name)
		}
	}
	links, _ := net.Interfaces()
	for _, link := range links {
		if strings.HasPrefix(link.Name, "e2e-") {
			_ = command("ip", "link", "delete", link.Name)
		}
	}
}

func (n *network) close() {
	n.listen.Close()
	_ = command("ip", "link", "delete", bridge)
}

// attach makes a namespace of this name; it gives the address.
func (n *network) attach(name string) (string, error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if n.next >= 1<<16-1 {
		return "", fmt.Errorf("the node has no address left")
	}
	address := fmt.Sprintf("10.99.%d.%d", n.next>>8, n.next&0xff)
	// A link's name has 15 characters at most.
	outside, inside := fmt.Sprintf("e2e-%d", n.next), fmt.Sprintf("e2e-%d-in", n.next)
	n.next++
	for _, line := range []string{
		"ip netns add " + name,
		"ip link add " + outside + " type veth peer name " + inside,
		"ip link set " + outside + " master " + bridge,
		"ip link set " + outside + " up",
		"ip link set " + inside + " netns " + name,
		"ip -n " + name + " link set lo up",
		"ip -n " + name + " link set " + inside + " name eth0",
		"ip -n " + name + " address add " + address + prefix + " dev eth0",
		"ip -n " + name + " link set eth0 up",
		"ip -n " + name + " route add default via " + gateway,
	} {
		if err := command(strings.Fields(line)...); err != nil {
			return "", err
		}
	}
	return address, nil
}

// detach ends what still runs in the namespace (Python's workers lead groups of their own), and the namespace.
func detach(name string) {
	left, _ := exec.Command("ip", "netns", "pids", name).Output()
	for _, id := range strings.Fields(string(left)) {
		_ = command("kill", "-KILL", id)
	}
	_ = command("ip", "netns", "delete", name)
}

func command(words ...string) error {
	output, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(words, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}

// forward carries connections to another address until the listener is closed.
func forward(listener net.Listener, to string) {
	for {
		from, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer from.Close()
			target, err := net.Dial("tcp", to)
			if err != nil {
				return
			}
			defer target.Close()
			go io.Copy(target, from)
			io.Copy(from, target)
		}()
	}
}
