// Package deploy_test checks what the files of this folder promise each other, the
// gateway and Kubernetes.
package deploy_test

import (
	"maps"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestManifests(t *testing.T) {
	rules := map[string]func(*testing.T, manifest){
		"the gateway takes its configuration":               configIsValid,
		"the configuration is mounted where it is read":     configIsMounted,
		"containers are confined":                           containersAreConfined,
		"containers have their resources":                   containersHaveResources,
		"the memory limits agree":                           memoryLimitsAgree,
		"the ports are those of the configuration":          portsAreConfigured,
		"the probes ask the admin port":                     probesAskTheAdminPort,
		"there is time to drain":                            thereIsTimeToDrain,
		"services leave no variables behind":                servicesLeaveNoVariables,
		"pods act as a Google service account":              podsHaveWorkloadIdentity,
		"every selector finds the pods":                     selectorsFindThePods,
		"a rollout or a drained node takes no service away": replicasStay,
		"what is written lies on a volume":                  writesGoToVolumes,
		"passwords come from a Secret":                      passwordsComeFromSecrets,
		"variables for the configuration are no flags":      variablesAreNoFlags,
	}
	for _, m := range manifests(t) {
		for _, name := range slices.Sorted(maps.Keys(rules)) {
			t.Run(path.Base(m.path)+"/"+name, func(t *testing.T) { rules[name](t, m) })
		}
	}
}

func configIsValid(t *testing.T, m manifest) {
	if err := m.config(t).Validate(); err != nil {
		t.Error(err)
	}
}

func configIsMounted(t *testing.T, m manifest) {
	g := m.gateway(t)
	i := slices.Index(g.Args, "--config")
	if i < 0 || i+1 == len(g.Args) {
		t.Fatalf("args %q name no --config", g.Args)
	}
	j := slices.IndexFunc(g.VolumeMounts, func(v corev1.VolumeMount) bool { return v.MountPath == path.Dir(g.Args[i+1]) })
	if j < 0 {
		t.Fatalf("nothing is mounted for %s", g.Args[i+1])
	}
	mount := g.VolumeMounts[j]
	if mount.SubPath != "" || mount.SubPathExpr != "" {
		t.Error("mounted by subPath: a changed ConfigMap would never be seen")
	}
	want := one[*corev1.ConfigMap](t, m).Name
	if !slices.ContainsFunc(m.pod(t).Volumes, func(v corev1.Volume) bool {
		return v.Name == mount.Name && v.ConfigMap != nil && v.ConfigMap.Name == want
	}) {
		t.Errorf("no volume %q of ConfigMap %q", mount.Name, want)
	}
}

// containersAreConfined is the restricted Pod Security Standard, a read-only root
// beside. https://kubernetes.io/docs/concepts/security/pod-security-standards/
func containersAreConfined(t *testing.T, m manifest) {
	pod := m.pod(t)
	of := pod.SecurityContext
	if of == nil {
		of = &corev1.PodSecurityContext{}
	}
	for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
		s := c.SecurityContext
		if s == nil {
			t.Errorf("%s: no securityContext", c.Name)
			continue
		}
		if nonRoot := either(s.RunAsNonRoot, of.RunAsNonRoot); nonRoot == nil || !*nonRoot {
			t.Errorf("%s: runAsNonRoot is not true", c.Name)
		}
		if user := either(s.RunAsUser, of.RunAsUser); user == nil || *user == 0 {
			t.Errorf("%s: runAsUser is not a number above 0", c.Name)
		}
		if seccomp := either(s.SeccompProfile, of.SeccompProfile); seccomp == nil || seccomp.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s: seccompProfile is not RuntimeDefault", c.Name)
		}
		if s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem {
			t.Errorf("%s: the root file system can be written", c.Name)
		}
		if s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation {
			t.Errorf("%s: privileges can grow", c.Name)
		}
		if s.Capabilities == nil || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(s.Capabilities.Add) > 0 {
			t.Errorf("%s: capabilities %v, want ALL dropped", c.Name, s.Capabilities)
		}
	}
}

// either is the container's setting or else the pod's.
func either[T any](container, pod *T) *T {
	if container != nil {
		return container
	}
	return pod
}

func containersHaveResources(t *testing.T, m manifest) {
	pod := m.pod(t)
	for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
		for name, q := range map[string]*resource.Quantity{
			"request of cpu":    c.Resources.Requests.Cpu(),
			"request of memory": c.Resources.Requests.Memory(),
			"limit of memory":   c.Resources.Limits.Memory(),
		} {
			if q.IsZero() {
				t.Errorf("%s: no %s", c.Name, name)
			}
		}
	}
}

// memoryLimitsAgree wants the collector's limit at 80 to 95 % of the kernel's.
func memoryLimitsAgree(t *testing.T, m manifest) {
	g := m.gateway(t)
	kernel := g.Resources.Limits.Memory().AsApproximateFloat64()
	// Go writes MiB where Kubernetes writes Mi.
	collector, err := resource.ParseQuantity(strings.TrimSuffix(env(g, "GOMEMLIMIT"), "B"))
	if err != nil {
		t.Fatalf("GOMEMLIMIT %q: %v", env(g, "GOMEMLIMIT"), err)
	}
	if share := collector.AsApproximateFloat64() / kernel; share < 0.8 || share > 0.95 {
		t.Errorf("GOMEMLIMIT is %.2f of the memory limit", share)
	}
}

func env(c corev1.Container, name string) string {
	for _, v := range c.Env {
		if v.Name == name {
			return v.Value
		}
	}
	return ""
}

// portsAreConfigured: what others can reach is named by a container port, the API on
// loopback is where the application looks for it.
func portsAreConfigured(t *testing.T, m manifest) {
	c := m.config(t)
	want := []int32{port(t, c.AdminListen)}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		t.Fatal(err)
	}
	if loopback := net.ParseIP(host).IsLoopback(); !loopback {
		want = append(want, port(t, c.Listen))
	} else if base := env(m.pod(t).Containers[0], "OPENAI_BASE_URL"); base != "http://"+c.Listen+"/v1" {
		t.Errorf("OPENAI_BASE_URL is %q, the API listens on %s", base, c.Listen)
	}
	var got []int32
	for _, p := range m.gateway(t).Ports {
		got = append(got, p.ContainerPort)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("container ports %v, the configuration listens on %v", got, want)
	}
}

func port(t *testing.T, address string) int32 {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return int32(n)
}

func probesAskTheAdminPort(t *testing.T, m manifest) {
	g, admin := m.gateway(t), m.config(t).AdminListen
	if host, _, _ := net.SplitHostPort(admin); host != "0.0.0.0" {
		t.Errorf("admin_listen %s: the kubelet connects to the pod's address", admin)
	}
	for path, p := range map[string]*corev1.Probe{
		"/startupz": g.StartupProbe,
		"/readyz":   g.ReadinessProbe,
		"/livez":    g.LivenessProbe,
	} {
		if p == nil || p.HTTPGet == nil {
			t.Errorf("no httpGet probe for %s", path)
			continue
		}
		if p.HTTPGet.Path != path || p.HTTPGet.Host != "" {
			t.Errorf("the probe for %s asks %s%s", path, p.HTTPGet.Host, p.HTTPGet.Path)
		}
		if got := resolve(g, p.HTTPGet.Port); got != port(t, admin) {
			t.Errorf("the probe for %s asks port %d, admin_listen is %s", path, got, admin)
		}
	}
}

// resolve is the number of a container port given by number or name; 0: it has none.
func resolve(c corev1.Container, p intstr.IntOrString) int32 {
	if p.Type == intstr.Int {
		return p.IntVal
	}
	for _, named := range c.Ports {
		if named.Name == p.StrVal {
			return named.ContainerPort
		}
	}
	return 0
}

// lastWords is what the gateway takes at most beyond shutdown_grace, 5 s each: to break
// off what still runs, to close the admin port, and to write what is left of usage.
const lastWords = 15 * time.Second

func thereIsTimeToDrain(t *testing.T, m manifest) {
	need := time.Duration(m.config(t).ShutdownGrace) + lastWords
	if l := m.gateway(t).Lifecycle; l != nil && l.PreStop != nil {
		if l.PreStop.Sleep == nil {
			t.Fatal("the preStop hook is not a sleep")
		}
		need += time.Duration(l.PreStop.Sleep.Seconds) * time.Second
	}
	seconds := m.pod(t).TerminationGracePeriodSeconds
	if seconds == nil || time.Duration(*seconds)*time.Second < need {
		t.Errorf("terminationGracePeriodSeconds is missing or below %v", need)
	}
}

func servicesLeaveNoVariables(t *testing.T, m manifest) {
	if links := m.pod(t).EnableServiceLinks; links == nil || *links {
		t.Error("enableServiceLinks is not false: a Service would set GATEWAY_* variables")
	}
}

func podsHaveWorkloadIdentity(t *testing.T, m manifest) {
	a := one[*corev1.ServiceAccount](t, m)
	if m.pod(t).ServiceAccountName != a.Name {
		t.Errorf("pods run as %q, the account is %q", m.pod(t).ServiceAccountName, a.Name)
	}
	if got := a.Annotations["iam.gke.io/gcp-service-account"]; !strings.HasSuffix(got, ".iam.gserviceaccount.com") {
		t.Errorf("iam.gke.io/gcp-service-account is %q", got)
	}
}

func selectorsFindThePods(t *testing.T, m manifest) {
	d := one[*appsv1.Deployment](t, m)
	selectors := map[string]map[string]string{"Deployment": d.Spec.Selector.MatchLabels}
	for _, s := range all[*corev1.Service](m) {
		selectors["Service"] = s.Spec.Selector
	}
	for _, b := range all[*policyv1.PodDisruptionBudget](m) {
		selectors["PodDisruptionBudget"] = b.Spec.Selector.MatchLabels
	}
	for _, p := range all[*networkingv1.NetworkPolicy](m) {
		selectors["NetworkPolicy"] = p.Spec.PodSelector.MatchLabels
	}
	for _, c := range d.Spec.Template.Spec.TopologySpreadConstraints {
		selectors["topologySpreadConstraint "+c.TopologyKey] = c.LabelSelector.MatchLabels
	}
	for kind, labels := range selectors {
		if !maps.Equal(labels, d.Spec.Template.Labels) {
			t.Errorf("%s selects %v, the pods are %v", kind, labels, d.Spec.Template.Labels)
		}
	}
}

func replicasStay(t *testing.T, m manifest) {
	d := one[*appsv1.Deployment](t, m).Spec
	if d.Replicas == nil || *d.Replicas < 2 {
		t.Error("fewer than 2 replicas")
	}
	if r := d.Strategy.RollingUpdate; r == nil || r.MaxUnavailable == nil || *r.MaxUnavailable != intstr.FromInt32(0) {
		t.Error("maxUnavailable is not 0")
	}
	for _, b := range all[*policyv1.PodDisruptionBudget](m) {
		if b.Spec.MaxUnavailable == nil || *b.Spec.MaxUnavailable != intstr.FromInt32(1) {
			t.Error("the budget's maxUnavailable is not 1")
		}
	}
}

func TestSidecarIsNative(t *testing.T) {
	m := parse(t, "k8s/sidecar.yaml")
	i := slices.IndexFunc(m.pod(t).InitContainers, func(c corev1.Container) bool { return c.Name == "gateway" })
	if i < 0 {
		t.Fatal("the gateway is no init container")
	}
	g := m.pod(t).InitContainers[i]
	if g.RestartPolicy == nil || *g.RestartPolicy != corev1.ContainerRestartPolicyAlways {
		t.Error("restartPolicy is not Always")
	}
	if g.Lifecycle != nil {
		t.Error("a lifecycle hook would run while the application is still answering")
	}
	if listen := m.config(t).Listen; !strings.HasPrefix(listen, "127.0.0.1:") {
		t.Errorf("the API listens on %s, beyond the pod", listen)
	}
}

func TestServiceReachesTheAPI(t *testing.T) {
	m := parse(t, "k8s/deployment.yaml")
	g, api, admin := m.gateway(t), port(t, m.config(t).Listen), port(t, m.config(t).AdminListen)
	for _, p := range one[*corev1.Service](t, m).Spec.Ports {
		if got := resolve(g, p.TargetPort); got != api {
			t.Errorf("the service's port %d leads to %d, the API is on %d", p.Port, got, api)
		}
	}
	var allowed []int32
	for _, rule := range one[*networkingv1.NetworkPolicy](t, m).Spec.Ingress {
		for _, p := range rule.Ports {
			allowed = append(allowed, resolve(g, *p.Port))
		}
	}
	if want := []int32{api, admin}; !slices.Equal(allowed, want) {
		t.Errorf("the network policy lets in ports %v, want %v", allowed, want)
	}
	if l := g.Lifecycle; l == nil || l.PreStop == nil || l.PreStop.Sleep == nil {
		t.Error("no preStop sleep: SIGTERM would come before the endpoints are gone")
	}
	if !m.config(t).HasKeys() {
		t.Error("a shared service without keys")
	}
}
