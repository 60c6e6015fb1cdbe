package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The user of Spark's image, and its group.
const imageUser, imageGroup = 185, 0

// process is a container that runs, or ran.
type process struct {
	container core.Container
	command   *exec.Cmd
	started   meta.Time
	// ended is closed when it has; what came of it is in exitCode then.
	ended    chan struct{}
	exitCode int32
	finished meta.Time
}

var sparkImage = regexp.MustCompile(`(?:^|/)spark:([0-9][^/@]*)$`)

// sparkOf gives the distribution that an image names by its tag, `spark:4.0.1`; any other image is this machine's own files,
// by the name `host`.
func (n *node) sparkOf(image string) (string, error) {
	if image == "host" {
		return "", nil
	}
	match := sparkImage.FindStringSubmatch(image)
	if match == nil {
		return "", fmt.Errorf("image %s: this node has spark:VERSION, and host for its own files", image)
	}
	directory := filepath.Join(n.spark, match[1])
	if _, err := os.Stat(filepath.Join(directory, "complete")); err != nil {
		return "", fmt.Errorf("image %s: there is no distribution of it (tests/e2e/node/distribution %s)", image, match[1])
	}
	return directory, nil
}

// start runs a container; volumes are the directories by name.
func (p *pod) start(ctx context.Context, container core.Container, volumes map[string]string) (*process, error) {
	spark, err := p.node.sparkOf(container.Image)
	if err != nil {
		return nil, err
	}
	environment, err := onceThere(ctx, func() ([]variable, error) { return p.environment(ctx, container) })
	if err != nil {
		return nil, err
	}
	directory := filepath.Join(p.directory, "containers", container.Name)
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return nil, err
	}
	script, err := p.script(container, directory, spark, volumes, environment)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(directory, "start")
	if err := os.WriteFile(file, []byte(script), 0o700); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(p.directory, container.Name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := exec.Command("ip", "netns", "exec", p.namespace, "unshare", "--mount", "--uts", "--propagation", "private", "bash", file)
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		return nil, err
	}
	started := &process{container: container, command: command, started: meta.Now(), ended: make(chan struct{})}
	go started.wait()
	return started, nil
}

func (r *process) wait() {
	err := r.command.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		r.exitCode = int32(exit.ExitCode())
	case errors.As(err, &exit):
		// By a signal, as a shell counts it.
		r.exitCode = 128 + int32(exit.Sys().(syscall.WaitStatus).Signal())
	default:
		r.exitCode = 1
	}
	r.finished = meta.Now()
	close(r.ended)
}

func (r *process) running() bool {
	select {
	case <-r.ended:
		return false
	default:
		return true
	}
}

// stop asks the container's first process to end, and after a while ends all of them.
func (r *process) stop(grace time.Duration) {
	if !r.running() {
		return
	}
	_ = syscall.Kill(r.command.Process.Pid, syscall.SIGTERM)
	select {
	case <-r.ended:
	case <-time.After(grace):
	}
	_ = syscall.Kill(-r.command.Process.Pid, syscall.SIGKILL)
	<-r.ended
}

// script makes the container's file system (this machine's own, under a layer that goes with the container), puts the image and
// the volumes in their places, and becomes the container's command.
func (p *pod) script(container core.Container, directory, spark string, volumes map[string]string, environment []variable) (string, error) {
	root := filepath.Join(directory, "layer", "root")
	var out strings.Builder
	line := func(words ...string) {
		for i, word := range words {
			if i > 0 {
				out.WriteByte(' ')
			}
			out.WriteString(quoted(word))
		}
		out.WriteByte('\n')
	}
	out.WriteString("set -e\n")
	layer := filepath.Join(directory, "layer")
	line("mkdir", "-p", layer)
	line("mount", "-t", "tmpfs", "tmpfs", layer)
	line("mkdir", "-p", root, layer+"/upper", layer+"/work", layer+"/spark-upper", layer+"/spark-work")
	line("chmod", "755", layer+"/upper")
	line("mount", "-t", "overlay", "overlay", "-o", "lowerdir=/,upperdir="+layer+"/upper,workdir="+layer+"/work", root)
	line("mount", "-t", "proc", "proc", root+"/proc")
	line("mount", "--rbind", "/dev", root+"/dev")
	line("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", root+"/tmp")
	line("rm", "-f", root+"/etc/resolv.conf")
	out.WriteString("printf '%s\\n' " + quoted("nameserver "+gateway) + " " +
		quoted("search "+p.object.Namespace+".svc.cluster.local svc.cluster.local cluster.local") + " " + quoted("options ndots:5") +
		" > " + quoted(root+"/etc/resolv.conf") + "\n")
	line("hostname", p.hostname())
	out.WriteString("printf '%s\\n' '127.0.0.1 localhost' " + quoted(p.address+" "+p.hostname()) + " > " + quoted(root+"/etc/hosts") + "\n")
	user, group := p.user(container)
	// As Spark's image does for a user that it doesn't know.
	out.WriteString(fmt.Sprintf("grep -q '^[^:]*:[^:]*:%d:' %s/etc/passwd || echo spark:x:%d:%d:spark:/opt/spark:/bin/false >> %s/etc/passwd\n",
		user, quoted(root), user, group, quoted(root)))
	workdir := "/"
	if spark != "" {
		line("mkdir", "-p", root+"/opt/spark")
		line("mount", "-t", "overlay", "overlay", "-o",
			"lowerdir="+spark+",upperdir="+layer+"/spark-upper,workdir="+layer+"/spark-work", root+"/opt/spark")
		workdir = "/opt/spark/work-dir"
	}
	for _, mount := range container.VolumeMounts {
		source, known := volumes[mount.Name]
		if !known {
			return "", fmt.Errorf("volume mount %s: there is no such volume", mount.Name)
		}
		if mount.SubPathExpr != "" {
			return "", fmt.Errorf("volume mount %s: this node has no subPathExpr", mount.Name)
		}
		source = filepath.Join(source, mount.SubPath)
		// A link in the path, as /var/run, is to a place in the container.
		target := quoted(root) + `"$(chroot ` + quoted(root) + " readlink -m " + quoted(mount.MountPath) + `)"`
		out.WriteString("target=" + target + "\n")
		if found, err := os.Stat(source); err == nil && !found.IsDir() {
			out.WriteString(`mkdir -p "$(dirname "$target")"; touch "$target"` + "\n")
		} else {
			out.WriteString("mkdir -p " + quoted(source) + ` "$target"` + "\n")
		}
		out.WriteString("mount --bind " + quoted(source) + ` "$target"` + "\n")
		if mount.ReadOnly {
			out.WriteString(`mount -o remount,ro,bind "$target"` + "\n")
		}
	}
	if container.WorkingDir != "" {
		workdir = container.WorkingDir
	}
	command := append(append([]string{}, container.Command...), container.Args...)
	for i, word := range command {
		command[i] = expand(word, environment)
	}
	if len(container.Command) == 0 && spark != "" {
		command = append([]string{"/opt/spark/entrypoint"}, command...)
	}
	if len(command) == 0 {
		return "", fmt.Errorf("container %s: it has no command", container.Name)
	}
	if context := container.SecurityContext; context != nil {
		if is(context.ReadOnlyRootFilesystem) {
			line("mount", "-o", "remount,ro", root+"/tmp")
			line("mount", "-o", "remount,ro", root)
			if spark != "" {
				line("mount", "-o", "remount,ro", root+"/opt/spark")
			}
		}
	}
	nonRoot := p.object.Spec.SecurityContext != nil && is(p.object.Spec.SecurityContext.RunAsNonRoot)
	if context := container.SecurityContext; context != nil && context.RunAsNonRoot != nil {
		nonRoot = *context.RunAsNonRoot
	}
	if nonRoot && user == 0 {
		return "", fmt.Errorf("container %s: it must not run as root", container.Name)
	}
	words := []string{"exec", "chroot", root, "/usr/bin/setpriv", fmt.Sprintf("--reuid=%d", user), fmt.Sprintf("--regid=%d", group),
		p.groups(), "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "/usr/bin/env", "-i", "-C", workdir}
	for _, one := range environment {
		words = append(words, one.name+"="+one.value)
	}
	line(append(words, command...)...)
	return out.String(), nil
}

func (p *pod) user(container core.Container) (int64, int64) {
	user, group := int64(imageUser), int64(imageGroup)
	if context := p.object.Spec.SecurityContext; context != nil {
		user, group = orElse(context.RunAsUser, user), orElse(context.RunAsGroup, group)
	}
	if context := container.SecurityContext; context != nil {
		user, group = orElse(context.RunAsUser, user), orElse(context.RunAsGroup, group)
	}
	return user, group
}

// groups is the flag for the groups beside the first.
func (p *pod) groups() string {
	context := p.object.Spec.SecurityContext
	if context == nil {
		return "--clear-groups"
	}
	var groups []string
	for _, group := range context.SupplementalGroups {
		groups = append(groups, fmt.Sprint(group))
	}
	if context.FSGroup != nil {
		groups = append(groups, fmt.Sprint(*context.FSGroup))
	}
	if len(groups) == 0 {
		return "--clear-groups"
	}
	return "--groups=" + strings.Join(groups, ",")
}

// hostname is what the Pod says, or its name, as far as a host's may go.
func (p *pod) hostname() string {
	if p.object.Spec.Hostname != "" {
		return p.object.Spec.Hostname
	}
	return strings.TrimRight(p.object.Name[:min(len(p.object.Name), 63)], "-.")
}

func orElse(given *int64, otherwise int64) int64 {
	if given == nil {
		return otherwise
	}
	return *given
}

// quoted is one word of a shell's.
func quoted(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
