package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// pod is a Pod that this node has.
type pod struct {
	node      *node
	object    *core.Pod
	directory string
	// namespace is the network namespace's name.
	namespace string
	// address is there once it is attached; node.mutex guards it.
	address string
	// tokens are those of its service account, by path.
	tokens map[string][]byte
	grace  atomic.Int64
	cancel context.CancelFunc
	// gone is closed when nothing of it runs any more.
	gone chan struct{}
}

// live runs the Pod to its end and reports on the way.
func (p *pod) live(ctx context.Context) {
	defer close(p.gone)
	if err := p.run(ctx); err != nil && ctx.Err() == nil {
		fmt.Fprintf(os.Stderr, "node: %s/%s: %v\n", p.object.Namespace, p.object.Name, err)
		p.report(map[string]any{"phase": core.PodFailed, "reason": "NodeRefused", "message": err.Error()})
	}
	detach(p.namespace)
	_ = os.RemoveAll(filepath.Join(p.directory, "volumes"))
}

func (p *pod) run(ctx context.Context) error {
	if err := refused(p.object); err != nil {
		return err
	}
	address, err := p.node.network.attach(p.namespace)
	if err != nil {
		return err
	}
	p.node.mutex.Lock()
	p.address = address
	p.node.mutex.Unlock()
	volumes, err := p.prepareVolumes(ctx)
	if err != nil {
		return err
	}
	started := containers{}
	defer func() { started.stop(0) }()
	for _, container := range p.object.Spec.InitContainers {
		one, err := p.start(ctx, container, volumes)
		if err != nil {
			return fmt.Errorf("init container %s: %w", container.Name, err)
		}
		started.initial = append(started.initial, one)
		p.tell(core.PodPending, started)
		if container.RestartPolicy != nil {
			// A sidecar: it stays beside the others.
			continue
		}
		select {
		case <-one.ended:
		case <-ctx.Done():
			started.stop(p.grace.Load())
			return nil
		}
		if one.exitCode != 0 {
			p.tell(core.PodFailed, started)
			return nil
		}
	}
	for _, container := range p.object.Spec.Containers {
		one, err := p.start(ctx, container, volumes)
		if err != nil {
			return fmt.Errorf("container %s: %w", container.Name, err)
		}
		started.main = append(started.main, one)
		p.tell(core.PodRunning, started)
	}
	phase := core.PodSucceeded
	for _, one := range started.main {
		select {
		case <-one.ended:
			p.tell(core.PodRunning, started)
		case <-ctx.Done():
			started.stop(p.grace.Load())
			return nil
		}
		if one.exitCode != 0 {
			phase = core.PodFailed
		}
	}
	p.tell(phase, started)
	return nil
}

// stop ends the Pod: its containers have some seconds to end by themselves.
func (p *pod) stop(grace int64) {
	p.grace.Store(grace)
	p.cancel()
	<-p.gone
}

// graceOf is the time in s that a Pod being deleted has.
func graceOf(object *core.Pod) int64 {
	if object.DeletionGracePeriodSeconds != nil {
		return *object.DeletionGracePeriodSeconds
	}
	return 30
}

// containers are those of a Pod that were started.
type containers struct{ initial, main []*process }

// stop ends all of them, in so many seconds.
func (c containers) stop(grace int64) {
	var all sync.WaitGroup
	for _, one := range append(append([]*process{}, c.main...), c.initial...) {
		all.Go(func() { one.stop(time.Duration(grace) * time.Second) })
	}
	all.Wait()
}

// tell reports how the containers are.
func (p *pod) tell(phase core.PodPhase, started containers) {
	ready := core.ConditionFalse
	if phase == core.PodRunning {
		ready = core.ConditionTrue
	}
	var conditions []core.PodCondition
	for _, kind := range []core.PodConditionType{core.PodInitialized, core.PodReady, core.ContainersReady, core.PodScheduled} {
		status := ready
		if kind == core.PodScheduled || (kind == core.PodInitialized && phase != core.PodPending) {
			status = core.ConditionTrue
		}
		conditions = append(conditions, core.PodCondition{Type: kind, Status: status, LastTransitionTime: meta.Now()})
	}
	p.report(map[string]any{
		"phase": phase, "podIP": p.address, "podIPs": []core.PodIP{{IP: p.address}}, "hostIP": gateway,
		"startTime": p.object.CreationTimestamp, "conditions": conditions,
		"initContainerStatuses": statuses(started.initial), "containerStatuses": statuses(started.main),
	})
}

func statuses(processes []*process) []core.ContainerStatus {
	var all []core.ContainerStatus
	for _, one := range processes {
		status := core.ContainerStatus{Name: one.container.Name, Image: one.container.Image, ImageID: one.container.Image}
		if one.running() {
			status.Ready = true
			status.State.Running = &core.ContainerStateRunning{StartedAt: one.started}
		} else {
			reason := "Completed"
			if one.exitCode != 0 {
				reason = "Error"
			}
			status.State.Terminated = &core.ContainerStateTerminated{
				ExitCode: one.exitCode, Reason: reason, StartedAt: one.started, FinishedAt: one.finished,
			}
		}
		all = append(all, status)
	}
	return all
}

func (p *pod) report(status map[string]any) {
	patch, err := json.Marshal(map[string]any{"status": status})
	if err == nil {
		pods := p.node.client.CoreV1().Pods(p.object.Namespace)
		_, err = pods.Patch(context.Background(), p.object.Name, types.MergePatchType, patch, meta.PatchOptions{}, "status")
	}
	if err != nil && !apierrors.IsNotFound(err) {
		fmt.Fprintf(os.Stderr, "node: %s/%s: %v\n", p.object.Namespace, p.object.Name, err)
	}
}
