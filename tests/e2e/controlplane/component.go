package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// component is one process of the control plane: this binary again, under another command.
type component struct {
	run  runDirectory
	name string
}

// components, in the order in which they are stopped.
func (d runDirectory) components() []component {
	var all []component
	for _, name := range []string{"kube-controller-manager", "kube-apiserver", "etcd"} {
		all = append(all, component{d, name})
	}
	return all
}

func (c component) pidFile() string { return c.run.file(c.name + ".pid") }
func (c component) logFile() string { return c.run.file(c.name + ".log") }

// start starts it in a session of its own, so that it outlives the terminal. What is written to `exited` says how it ended.
func (c component) start(exited chan<- error, arguments ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.Create(c.logFile())
	if err != nil {
		return err
	}
	defer log.Close()
	command := exec.Command(self, append([]string{c.name}, arguments...)...)
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		return err
	}
	go func() {
		exited <- fmt.Errorf("%s ended: %v; its log is %s", c.name, command.Wait(), c.logFile())
	}()
	return os.WriteFile(c.pidFile(), []byte(strconv.Itoa(command.Process.Pid)), 0o600)
}

// process is its running process, if there is one. A pid that now belongs to something else doesn't count.
func (c component) process() (pid int, running bool) {
	text, err := os.ReadFile(c.pidFile())
	if err != nil {
		return 0, false
	}
	pid, err = strconv.Atoi(string(text))
	if err != nil {
		return 0, false
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	words := strings.Split(string(line), "\x00")
	ours := err == nil && len(words) > 2 && words[1] == c.name && strings.Contains(string(line), string(c.run))
	return pid, ours
}

// stop ends it and waits until it is gone.
func (c component) stop(patience time.Duration) error {
	signal, until := syscall.SIGTERM, time.Now().Add(patience)
	for {
		pid, running := c.process()
		if !running {
			return errors.Join(ignoreMissing(os.Remove(c.pidFile())))
		}
		if signal != 0 {
			if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("stopping %s: %w", c.name, err)
			}
			signal = 0
		}
		if time.Now().After(until) {
			signal, until = syscall.SIGKILL, time.Now().Add(patience)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// down stops all components. Their logs stay.
func down(run runDirectory) error {
	var failed []error
	for _, component := range run.components() {
		failed = append(failed, component.stop(5*time.Second))
	}
	return errors.Join(failed...)
}
