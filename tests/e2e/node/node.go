package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const nodeName = "e2e-node"

var nodeLabels = map[string]string{"kubernetes.io/hostname": nodeName, "kubernetes.io/os": "linux"}

// node has Pods, and a network for them.
type node struct {
	client    kubernetes.Interface
	directory string
	spark     string
	network   *network
	names     net.PacketConn
	services  listers.ServiceLister
	mutex     sync.Mutex
	pods      map[types.UID]*pod
}

func newNode(run, spark string) (*node, error) {
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(run, "admin.kubeconfig"))
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 200, 400
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	network, err := newNetwork(strings.TrimPrefix(config.Host, "https://"))
	if err != nil {
		return nil, fmt.Errorf("this node needs network namespaces, and root: %w", err)
	}
	n := &node{
		client: client, directory: filepath.Join(run, "pods"), spark: spark, network: network, pods: map[types.UID]*pod{},
	}
	if n.names, err = serveNames(n.lookup); err != nil {
		network.close()
		return nil, err
	}
	return n, nil
}

// serve has Pods until the context ends.
func (n *node) serve(ctx context.Context) error {
	if err := n.register(ctx); err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(n.client, 0)
	n.services = factory.Core().V1().Services().Lister()
	factory.Core().V1().Services().Informer()
	_, err := factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { n.see(ctx, object.(*core.Pod)) },
		UpdateFunc: func(_, object any) { n.see(ctx, object.(*core.Pod)) },
		DeleteFunc: func(object any) {
			if unknown, missed := object.(cache.DeletedFinalStateUnknown); missed {
				object = unknown.Obj
			}
			n.forget(object.(*core.Pod))
		},
	})
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	fmt.Println("ready")
	<-ctx.Done()
	// The garbage collector takes its Pods' objects.
	return n.client.CoreV1().Nodes().Delete(context.Background(), nodeName, meta.DeleteOptions{})
}

func (n *node) close() {
	n.mutex.Lock()
	left := slices.Collect(maps.Values(n.pods))
	n.mutex.Unlock()
	for _, pod := range left {
		go pod.stop(0)
	}
	for _, pod := range left {
		<-pod.gone
	}
	n.names.Close()
	n.network.close()
}

func (n *node) register(ctx context.Context) error {
	object := &core.Node{ObjectMeta: meta.ObjectMeta{Name: nodeName, Labels: nodeLabels}}
	nodes := n.client.CoreV1().Nodes()
	made, err := nodes.Create(ctx, object, meta.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		made, err = nodes.Get(ctx, nodeName, meta.GetOptions{})
	}
	if err != nil {
		return err
	}
	capacity := core.ResourceList{
		core.ResourceCPU: resource.MustParse("64"), core.ResourceMemory: resource.MustParse("64Gi"), core.ResourcePods: resource.MustParse("200"),
	}
	made.Status = core.NodeStatus{
		Capacity: capacity, Allocatable: capacity,
		Conditions: []core.NodeCondition{{Type: core.NodeReady, Status: core.ConditionTrue, Reason: "Serving", LastTransitionTime: meta.Now()}},
		Addresses:  []core.NodeAddress{{Type: core.NodeInternalIP, Address: gateway}},
	}
	_, err = nodes.UpdateStatus(ctx, made, meta.UpdateOptions{})
	return err
}

// see does what a Pod's present state calls for: it is bound, begun or ended.
func (n *node) see(ctx context.Context, object *core.Pod) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	one, known := n.pods[object.UID]
	switch {
	case object.DeletionTimestamp != nil && known:
		go func() {
			one.stop(graceOf(object))
			n.remove(object)
		}()
	case object.DeletionTimestamp != nil && object.Spec.NodeName == nodeName:
		// Of a node before this one.
		go n.remove(object)
	case object.DeletionTimestamp != nil || known || object.Status.Phase == core.PodSucceeded || object.Status.Phase == core.PodFailed:
	case object.Spec.NodeName == "":
		go n.bind(ctx, object)
	case object.Spec.NodeName == nodeName:
		life, cancel := context.WithCancel(ctx)
		one := &pod{
			node: n, object: object.DeepCopy(), cancel: cancel, gone: make(chan struct{}), namespace: "e2e-" + string(object.UID)[:8],
			tokens:    map[string][]byte{},
			directory: filepath.Join(n.directory, object.Namespace, object.Name+"."+string(object.UID)[:8]),
		}
		n.pods[object.UID] = one
		_ = os.MkdirAll(one.directory, 0o755)
		go one.live(life)
	}
}

// remove takes the object of a Pod away of which nothing runs any more.
func (n *node) remove(object *core.Pod) {
	now := int64(0)
	err := n.client.CoreV1().Pods(object.Namespace).Delete(context.Background(), object.Name, meta.DeleteOptions{
		GracePeriodSeconds: &now, Preconditions: &meta.Preconditions{UID: &object.UID},
	})
	if err != nil && !apierrors.IsNotFound(err) {
		fmt.Fprintf(os.Stderr, "node: %s/%s: %v\n", object.Namespace, object.Name, err)
	}
}

// forget ends a Pod whose object has gone.
func (n *node) forget(object *core.Pod) {
	n.mutex.Lock()
	one, known := n.pods[object.UID]
	delete(n.pods, object.UID)
	n.mutex.Unlock()
	if known {
		go one.stop(0)
	}
}

// bind gives a Pod this node, which is the only one.
func (n *node) bind(ctx context.Context, object *core.Pod) {
	binding := &core.Binding{
		ObjectMeta: meta.ObjectMeta{Name: object.Name, Namespace: object.Namespace, UID: object.UID},
		Target:     core.ObjectReference{Kind: "Node", Name: nodeName},
	}
	err := n.client.CoreV1().Pods(object.Namespace).Bind(ctx, binding, meta.CreateOptions{})
	if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
		fmt.Fprintf(os.Stderr, "node: %s/%s: %v\n", object.Namespace, object.Name, err)
	}
}

// lookup gives the addresses behind a headless Service.
func (n *node) lookup(service, namespace string) ([]string, bool) {
	if service == "kubernetes" && namespace == "default" {
		return []string{gateway}, true
	}
	// The Service may have been made a moment ago.
	for range 20 {
		found, err := n.services.Services(namespace).Get(service)
		if err == nil {
			return n.behind(found), true
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, false
}

func (n *node) behind(service *core.Service) []string {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	var addresses []string
	if len(service.Spec.Selector) == 0 {
		return nil
	}
	for _, pod := range n.pods {
		selected := labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(pod.object.Labels))
		if pod.object.Namespace == service.Namespace && selected && pod.address != "" {
			addresses = append(addresses, pod.address)
		}
	}
	return addresses
}
