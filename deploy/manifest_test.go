package deploy_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"vertexgateway/config"
)

// kinds :: apiVersion/kind -> its type in the Kubernetes API
var kinds = map[string]reflect.Type{
	"v1/ServiceAccount":                  reflect.TypeFor[corev1.ServiceAccount](),
	"v1/ConfigMap":                       reflect.TypeFor[corev1.ConfigMap](),
	"v1/Service":                         reflect.TypeFor[corev1.Service](),
	"apps/v1/Deployment":                 reflect.TypeFor[appsv1.Deployment](),
	"policy/v1/PodDisruptionBudget":      reflect.TypeFor[policyv1.PodDisruptionBudget](),
	"networking.k8s.io/v1/NetworkPolicy": reflect.TypeFor[networkingv1.NetworkPolicy](),
}

// A manifest is one file of k8s/.
type manifest struct {
	path    string
	objects []any
}

// manifests are all files of k8s/, parsed as strictly as the API server does on request:
// unknown and repeated fields are errors.
func manifests(t *testing.T) []manifest {
	t.Helper()
	paths, err := filepath.Glob("k8s/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("k8s/*.yaml: %v, %v", paths, err)
	}
	var all []manifest
	for _, path := range paths {
		all = append(all, parse(t, path))
	}
	return all
}

func parse(t *testing.T, path string) manifest {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := manifest{path: path}
	for document := range strings.SplitSeq(string(content), "\n---\n") {
		m.objects = append(m.objects, object(t, path, document))
	}
	return m
}

func object(t *testing.T, path, document string) any {
	t.Helper()
	var meta metav1.TypeMeta
	if err := yaml.Unmarshal([]byte(document), &meta); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	kind, ok := kinds[meta.APIVersion+"/"+meta.Kind]
	if !ok {
		t.Fatalf("%s: no type for %s/%s", path, meta.APIVersion, meta.Kind)
	}
	o := reflect.New(kind).Interface()
	if err := yaml.UnmarshalStrict([]byte(document), o, yaml.DisallowUnknownFields); err != nil {
		t.Fatalf("%s: %s: %v", path, meta.Kind, err)
	}
	return o
}

// all are the objects of one type.
func all[T any](m manifest) []T {
	var found []T
	for _, o := range m.objects {
		if o, ok := o.(T); ok {
			found = append(found, o)
		}
	}
	return found
}

// one is the only object of its type.
func one[T any](t *testing.T, m manifest) T {
	t.Helper()
	found := all[T](m)
	if len(found) != 1 {
		t.Fatalf("%s has %d objects of %v, want 1", m.path, len(found), reflect.TypeFor[T]())
	}
	return found[0]
}

func (m manifest) pod(t *testing.T) corev1.PodSpec {
	t.Helper()
	return one[*appsv1.Deployment](t, m).Spec.Template.Spec
}

// gateway is the container which runs the gateway, a sidecar or not.
func (m manifest) gateway(t *testing.T) corev1.Container {
	t.Helper()
	pod := m.pod(t)
	containers := slices.Concat(pod.InitContainers, pod.Containers)
	i := slices.IndexFunc(containers, func(c corev1.Container) bool { return c.Name == "gateway" })
	if i < 0 {
		t.Fatalf("%s: no container called gateway", m.path)
	}
	return containers[i]
}

// secrets :: variable that a Secret sets -> what it may hold
var secrets = map[string]string{
	"GATEWAY_USAGE_STORE":  "postgres://gateway:example@10.0.0.3/gateway?sslmode=verify-full",
	"GATEWAY_LIMITS_REDIS": "rediss://gateway:example@10.0.0.4:6379",
}

// environment looks up the variables of a container.
func environment(t *testing.T, c corev1.Container) func(string) (string, bool) {
	t.Helper()
	values := map[string]string{}
	for _, v := range c.Env {
		values[v.Name] = v.Value
		if v.ValueFrom == nil {
			continue
		}
		secret, ok := secrets[v.Name]
		if v.ValueFrom.SecretKeyRef == nil || !ok {
			t.Fatalf("%s: where is %s from, and what may it be?", c.Name, v.Name)
		}
		values[v.Name] = secret
	}
	return func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
}

// config is what the gateway reads from the ConfigMap and its variables, by its own loader.
func (m manifest) config(t *testing.T) *config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	content := one[*corev1.ConfigMap](t, m).Data["config.yaml"]
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path, environment(t, m.gateway(t)))
	if err != nil {
		t.Fatalf("%s: %v", m.path, err)
	}
	return c
}
