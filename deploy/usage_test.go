package deploy_test

import (
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"vertexgateway/usage/ledger"
)

// written :: setting -> file that the gateway writes because of it
func written(t *testing.T, m manifest) map[string]string {
	t.Helper()
	u, files := m.config(t).Usage, map[string]string{}
	if u.Store == "none" {
		return files // TestSidecarWritesNothing
	}
	if file, ok := strings.CutPrefix(u.Store, "sqlite:"); ok {
		files["usage.store"] = file
	}
	if u.Journal != "" {
		files["usage.journal"] = u.Journal
	}
	folder := m.gateway(t).WorkingDir
	if folder == "" {
		folder = only(t, final(dockerfile(t)), "WORKDIR")
	}
	for setting, file := range files {
		if !path.IsAbs(file) {
			files[setting] = path.Join(folder, file)
		}
	}
	return files
}

func writesGoToVolumes(t *testing.T, m manifest) {
	for setting, file := range written(t, m) {
		mount, ok := mountOf(m.gateway(t), file)
		if !ok {
			t.Errorf("%s: %s lies on the root file system, which is read-only", setting, file)
			continue
		}
		v := m.volume(t, mount.Name)
		switch {
		case mount.ReadOnly || v.EmptyDir == nil && v.PersistentVolumeClaim == nil && v.Ephemeral == nil:
			t.Errorf("%s: %s lies on volume %s, which cannot be written", setting, file, v.Name)
		case v.EmptyDir != nil && setting == "usage.store":
			t.Errorf("%s: %s lies on volume %s, which goes with the pod", setting, file, v.Name)
		case v.EmptyDir != nil:
			journalFits(t, m.gateway(t), v)
		}
	}
}

// mountOf is the innermost mount that a file lies on.
func mountOf(c corev1.Container, file string) (mount corev1.VolumeMount, ok bool) {
	for _, v := range c.VolumeMounts {
		if strings.HasPrefix(file, v.MountPath+"/") && len(v.MountPath) > len(mount.MountPath) {
			mount, ok = v, true
		}
	}
	return mount, ok
}

func (m manifest) volume(t *testing.T, name string) corev1.Volume {
	t.Helper()
	volumes := m.pod(t).Volumes
	i := slices.IndexFunc(volumes, func(v corev1.Volume) bool { return v.Name == name })
	if i < 0 {
		t.Fatalf("%s: no volume %s", m.path, name)
	}
	return volumes[i]
}

// journalFits wants room for a full journal, which takes about 400 MB: the kubelet evicts
// pods whose volume is over its limit.
func journalFits(t *testing.T, c corev1.Container, v corev1.Volume) {
	full := resource.MustParse("500M")
	switch limit, request := v.EmptyDir.SizeLimit, c.Resources.Requests.StorageEphemeral(); {
	case v.EmptyDir.Medium != corev1.StorageMediumDefault:
		t.Errorf("volume %s is made of the container's memory", v.Name)
	case limit == nil || limit.Cmp(full) < 0:
		t.Errorf("volume %s: sizeLimit %v, a full journal takes up to %v", v.Name, limit, &full)
	case request.Cmp(*limit) < 0:
		t.Errorf("volume %s: sizeLimit %v is above the request of ephemeral-storage, %v", v.Name, limit, request)
	}
}

// password is one in a URL.
var password = regexp.MustCompile(`://[^\s/@:]*:[^\s/@]*@`)

func passwordsComeFromSecrets(t *testing.T, m manifest) {
	content := read(t, m.path)
	if at := password.FindStringIndex(content); at != nil {
		t.Errorf("there is a password in line %d", 1+strings.Count(content[:at[0]], "\n"))
	}
	c, known := m.config(t), slices.Collect(maps.Values(secrets))
	for setting, address := range map[string]string{"usage.store": c.Usage.Store, "limits.redis": c.Limits.Redis} {
		if strings.Contains(address, "://") && !slices.Contains(known, address) {
			t.Errorf("%s is the address of a server, and not from a Secret", setting)
		}
	}
}

// variablesAreNoFlags: a variable of a flag's name would set that flag. The README has all
// flags; those of other programs do no harm here.
func variablesAreNoFlags(t *testing.T, m manifest) {
	text := read(t, "../README.md")
	taken := map[string]string{}
	for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(text, -1) {
		taken["GATEWAY_"+strings.ToUpper(strings.ReplaceAll(flag[2:], "-", "_"))] = flag
	}
	if taken["GATEWAY_LOG_LEVEL"] == "" {
		t.Fatal("no flags in README.md")
	}
	for _, v := range m.gateway(t).Env {
		if flag := taken[v.Name]; flag != "" {
			t.Errorf("%s is what sets %s", v.Name, flag)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestSidecarWritesNothing(t *testing.T) {
	u := parse(t, "k8s/sidecar.yaml").config(t).Usage
	t.Chdir(t.TempDir())
	l, err := ledger.Open(t.Context(), ledger.Options{Store: u.Store, Journal: u.Journal, Sync: u.Sync, Retention: time.Duration(u.Retention), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	l.Append(&ledger.Record{})
	files, err := os.ReadDir(".")
	if err != nil || len(files) > 0 {
		t.Errorf("there are %v, %v; the root file system is read-only", files, err)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestReplicasShareTheirAccounts(t *testing.T) {
	c := parse(t, "k8s/deployment.yaml").config(t)
	if !strings.HasPrefix(c.Usage.Store, "postgres://") {
		t.Error("usage.store: each replica would keep its own")
	}
	if c.Usage.Journal == "" {
		t.Error("usage.journal: without PostgreSQL no request would be answered")
	}
	if c.Limits.Redis == "" {
		t.Error("limits.redis: each replica would admit the whole limit")
	}
	if l := c.Teams[0].Limits; l.RequestsPerMinute == 0 || l.USDPerMonth == 0 {
		t.Errorf("limits %+v are no example", l)
	}
}

func TestReadmeMakesTheSecret(t *testing.T) {
	text := read(t, "README.md")
	found := 0
	for _, v := range parse(t, "k8s/deployment.yaml").gateway(t).Env {
		if v.ValueFrom == nil {
			continue
		}
		found++
		ref := v.ValueFrom.SecretKeyRef
		if !strings.Contains(text, "kubectl create secret generic "+ref.Name+" ") || !strings.Contains(text, "\n    "+ref.Key+"=") {
			t.Errorf("README.md makes no Secret %s with %s", ref.Name, ref.Key)
		}
	}
	if found != len(secrets) {
		t.Errorf("%d variables are from a Secret, want %d", found, len(secrets))
	}
}

func TestReadmeNamesWhatNeedsARestart(t *testing.T) {
	settings := regexp.MustCompile(`\{"([a-z_.]+)", .*old\.`).FindAllStringSubmatch(read(t, "../cmd/gateway/process.go"), -1)
	if len(settings) < 4 {
		t.Fatalf("%d settings in process.go", len(settings))
	}
	paragraphs := strings.Split(read(t, "README.md"), "\n\n")
	i := slices.IndexFunc(paragraphs, func(p string) bool { return strings.Contains(p, "need a restart") })
	if i < 0 {
		t.Fatal("README.md does not say what needs a restart")
	}
	for _, s := range settings {
		if !strings.Contains(paragraphs[i], "`"+s[1]+"`") {
			t.Errorf("README.md does not say that %s needs a restart", s[1])
		}
	}
}
