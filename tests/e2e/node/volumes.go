package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	authentication "k8s.io/api/authentication/v1"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// content is what a volume of files holds, by path, with each file's mode.
type content map[string]file

type file struct {
	data []byte
	mode os.FileMode
}

// prepareVolumes gives the directory of each volume on this node.
func (p *pod) prepareVolumes(ctx context.Context) (map[string]string, error) {
	directories := map[string]string{}
	for _, volume := range p.object.Spec.Volumes {
		directory := filepath.Join(p.directory, "volumes", volume.Name)
		if source := volume.HostPath; source != nil {
			if source.Type != nil && *source.Type == core.HostPathDirectoryOrCreate {
				if err := os.MkdirAll(source.Path, 0o755); err != nil {
					return nil, err
				}
			}
			directories[volume.Name] = source.Path
			continue
		}
		if err := os.MkdirAll(directory, 0o777); err != nil {
			return nil, err
		}
		// MkdirAll is subject to the umask.
		if err := os.Chmod(directory, 0o777); err != nil {
			return nil, err
		}
		directories[volume.Name] = directory
		if volume.EmptyDir != nil {
			continue
		}
		files, err := onceThere(ctx, func() (content, error) { return p.files(ctx, volume) })
		if err != nil {
			return nil, fmt.Errorf("volume %s: %w", volume.Name, err)
		}
		if err := files.write(directory); err != nil {
			return nil, err
		}
		go p.follow(ctx, volume, directory, files)
	}
	return directories, nil
}

// onceThere tries until what is asked for exists, as a kubelet does: a driver's ConfigMaps come after its Pod.
func onceThere[T any](ctx context.Context, attempt func() (T, error)) (T, error) {
	for {
		made, err := attempt()
		if !apierrors.IsNotFound(err) {
			return made, err
		}
		select {
		case <-ctx.Done():
			return made, err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// follow writes a volume of files anew when what it is of has changed.
func (p *pod) follow(ctx context.Context, volume core.Volume, directory string, before content) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.gone:
			return
		case <-time.After(time.Second):
		}
		now, err := p.files(ctx, volume)
		if err != nil || reflect.DeepEqual(now, before) {
			// What can't be read stays as it was, as a kubelet leaves it.
			continue
		}
		if err := now.write(directory); err != nil {
			fmt.Fprintf(os.Stderr, "node: %s/%s: volume %s: %v\n", p.object.Namespace, p.object.Name, volume.Name, err)
			return
		}
		before = now
	}
}

// files reads what a volume of files is to hold.
func (p *pod) files(ctx context.Context, volume core.Volume) (content, error) {
	files := content{}
	switch {
	case volume.ConfigMap != nil:
		source := volume.ConfigMap
		return files, p.addConfigMap(ctx, files, source.Name, source.Items, source.Optional, mode(source.DefaultMode))
	case volume.Secret != nil:
		source := volume.Secret
		return files, p.addSecret(ctx, files, source.SecretName, source.Items, source.Optional, mode(source.DefaultMode))
	case volume.DownwardAPI != nil:
		return files, p.addFields(files, volume.DownwardAPI.Items, mode(volume.DownwardAPI.DefaultMode))
	case volume.Projected != nil:
		normal := mode(volume.Projected.DefaultMode)
		for _, source := range volume.Projected.Sources {
			if err := p.addProjected(ctx, files, source, normal); err != nil {
				return nil, err
			}
		}
		return files, nil
	}
	return nil, fmt.Errorf("this node has no volumes of its type")
}

func (p *pod) addProjected(ctx context.Context, files content, source core.VolumeProjection, normal os.FileMode) error {
	switch {
	case source.ConfigMap != nil:
		return p.addConfigMap(ctx, files, source.ConfigMap.Name, source.ConfigMap.Items, source.ConfigMap.Optional, normal)
	case source.Secret != nil:
		return p.addSecret(ctx, files, source.Secret.Name, source.Secret.Items, source.Secret.Optional, normal)
	case source.DownwardAPI != nil:
		return p.addFields(files, source.DownwardAPI.Items, normal)
	case source.ServiceAccountToken != nil:
		wanted := source.ServiceAccountToken
		if token, there := p.tokens[wanted.Path]; there {
			files[wanted.Path] = file{token, normal}
			return nil
		}
		request := &authentication.TokenRequest{Spec: authentication.TokenRequestSpec{
			ExpirationSeconds: wanted.ExpirationSeconds,
			BoundObjectRef:    &authentication.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: p.object.Name, UID: p.object.UID},
		}}
		if wanted.Audience != "" {
			request.Spec.Audiences = []string{wanted.Audience}
		}
		accounts := p.node.client.CoreV1().ServiceAccounts(p.object.Namespace)
		token, err := accounts.CreateToken(ctx, p.object.Spec.ServiceAccountName, request, meta.CreateOptions{})
		if err != nil {
			return err
		}
		p.tokens[wanted.Path] = []byte(token.Status.Token)
		files[wanted.Path] = file{p.tokens[wanted.Path], normal}
		return nil
	}
	return fmt.Errorf("this node does not project that source")
}

func (p *pod) addConfigMap(ctx context.Context, files content, name string, items []core.KeyToPath, optional *bool, normal os.FileMode) error {
	found, err := p.node.client.CoreV1().ConfigMaps(p.object.Namespace).Get(ctx, name, meta.GetOptions{})
	if apierrors.IsNotFound(err) && optional != nil && *optional {
		return nil
	}
	if err != nil {
		return err
	}
	data := map[string][]byte{}
	for key, text := range found.Data {
		data[key] = []byte(text)
	}
	for key, bytes := range found.BinaryData {
		data[key] = bytes
	}
	return files.add(data, items, optional, normal)
}

func (p *pod) addSecret(ctx context.Context, files content, name string, items []core.KeyToPath, optional *bool, normal os.FileMode) error {
	found, err := p.node.client.CoreV1().Secrets(p.object.Namespace).Get(ctx, name, meta.GetOptions{})
	if apierrors.IsNotFound(err) && optional != nil && *optional {
		return nil
	}
	if err != nil {
		return err
	}
	return files.add(found.Data, items, optional, normal)
}

func (p *pod) addFields(files content, items []core.DownwardAPIVolumeFile, normal os.FileMode) error {
	for _, item := range items {
		if item.FieldRef == nil {
			return fmt.Errorf("this node has no resourceFieldRef in volumes")
		}
		value, err := p.field(item.FieldRef.FieldPath)
		if err != nil {
			return err
		}
		files[item.Path] = file{[]byte(value), modeOr(item.Mode, normal)}
	}
	return nil
}

// add takes the named items, or without any all of it.
func (c content) add(data map[string][]byte, items []core.KeyToPath, optional *bool, normal os.FileMode) error {
	if len(items) == 0 {
		for key, bytes := range data {
			c[key] = file{bytes, normal}
		}
		return nil
	}
	for _, item := range items {
		bytes, there := data[item.Key]
		if !there {
			if optional != nil && *optional {
				continue
			}
			return fmt.Errorf("there is no key %s", item.Key)
		}
		c[item.Path] = file{bytes, modeOr(item.Mode, normal)}
	}
	return nil
}

// write lays the files out as a kubelet does, so that all of them are swapped at once: `file -> ..data/file`, and `..data` is
// a link to where they are, replaced by a rename.
func (c content) write(directory string) error {
	at, err := os.MkdirTemp(directory, "..at-")
	if err != nil {
		return err
	}
	if err := os.Chmod(at, 0o755); err != nil {
		return err
	}
	for path, one := range c {
		target := filepath.Join(at, path)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, one.data, one.mode); err != nil {
			return err
		}
		// What it was created with is subject to the umask.
		if err := os.Chmod(target, one.mode); err != nil {
			return err
		}
	}
	data, next := filepath.Join(directory, "..data"), filepath.Join(directory, "..data-next")
	old, _ := os.Readlink(data)
	if err := os.Symlink(filepath.Base(at), next); err != nil {
		return err
	}
	if err := os.Rename(next, data); err != nil {
		return err
	}
	if err := c.link(directory); err != nil || old == "" {
		return err
	}
	return os.RemoveAll(filepath.Join(directory, old))
}

// link has an entry for each name of the first level, and none for those that have gone.
func (c content) link(directory string) error {
	names := map[string]bool{}
	for path := range c {
		first, _, _ := strings.Cut(filepath.Clean(path), "/")
		names[first] = true
	}
	entries, err := os.ReadDir(directory)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), "..") {
			continue
		}
		if names[entry.Name()] {
			delete(names, entry.Name())
		} else if err := os.Remove(filepath.Join(directory, entry.Name())); err != nil {
			return err
		}
	}
	for name := range names {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(directory, name)); err != nil {
			return err
		}
	}
	return nil
}

func mode(given *int32) os.FileMode { return modeOr(given, 0o644) }

func modeOr(given *int32, normal os.FileMode) os.FileMode {
	if given == nil {
		return normal
	}
	return os.FileMode(*given)
}
