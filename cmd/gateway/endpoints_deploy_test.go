package main

import (
	"os"
	"strings"
	"testing"
)

const (
	deployCall    = "POST /v1beta1/projects/demo/locations/us-central1:deploy"
	operation     = "projects/987/locations/us-central1/operations/55"
	operationCall = "GET /v1beta1/" + operation
	underWay      = `{"name":"` + operation + `"}`
	deployed      = `{"name":"` + operation + `","done":true,"response":{"endpoint":"projects/987/locations/us-central1/endpoints/123"}}`
)

// deploy are the arguments of a good deployment.
func deploy(more ...string) []string {
	return append([]string{"endpoints", "deploy", "--model=gs://weights/llama", "--location=us-central1", "--poll=1ms"}, more...)
}

func TestEndpointsDeploy(t *testing.T) {
	b := newBooth(t, "", "")
	b.google.answers[deployCall] = []string{underWay}
	b.google.answers[operationCall] = []string{underWay, `503`, underWay, deployed}
	b.google.answers[inCentral+"/123"] = []string{tuned}
	b.run(t, exitOK, deploy("--endpoint-name=llama", "--machine-type=g2-standard-12", "--psc-project=a,b", "--max-replicas=2")...)
	b.prints(t, `models:
  - name: llama-ft
    endpoint: projects/demo/locations/us-central1/endpoints/123
`)
	b.says(t, "Deploying gs://weights/llama in us-central1 of demo.")
	if n := strings.Count(b.stderr.String(), ": under way\n"); n != 2 {
		t.Errorf("told %d times that it is under way, want 2:\n%s", n, b.stderr)
	}
	b.says(t, ": deployed\n")
	const want = `{"customModel":{"gcsUri":"gs://weights/llama"},"endpointConfig":{"endpointDisplayName":"llama","privateServiceConnectConfig":{"enablePrivateServiceConnect":true,"projectAllowlist":["a","b"]}},` +
		`"deployConfig":{"dedicatedResources":{"machineSpec":{"machineType":"g2-standard-12","acceleratorType":"NVIDIA_L4","acceleratorCount":1},"minReplicaCount":1,"maxReplicaCount":2}}}`
	if got := b.google.bodies[deployCall]; got != want {
		t.Errorf("asked for %s, want %s", got, want)
	}
}

// The entry is printed even where the endpoint cannot be described.
func TestEndpointsDeployUndescribed(t *testing.T) {
	b := newBooth(t, "", "")
	b.google.answers[operationCall] = []string{deployed}
	b.run(t, exitOK, "endpoints", "deploy", "--follow="+operation)
	b.prints(t, "models:\n  - name: endpoint-123\n    endpoint: projects/demo/locations/us-central1/endpoints/123\n")
}

func TestEndpointsDeployIsChecked(t *testing.T) {
	b := newBooth(t, "", "")
	b.run(t, exitFailed, deploy("--machine-type=g2-standard-24", "--accelerator-count=1")...)
	b.says(t, `machine type "g2-standard-24" has 2 NVIDIA_L4`)
	if _, asked := b.google.bodies[deployCall]; asked {
		t.Error("it was asked for")
	}
	b.google.answers[deployCall], b.google.answers[operationCall] = []string{underWay}, []string{deployed}
	b.run(t, exitOK, deploy("--machine-type=a9-highgpu-1g")...)
	b.says(t, `note: machine type "a9-highgpu-1g" is not known here`)
}

func TestEndpointsDeployFlags(t *testing.T) {
	for _, args := range [][]string{{}, {"--model=gs://weights/llama"}, {"--follow=x", "--model=y"}, {"--follow=x", "--poll=0s"}} {
		newBooth(t, "", "").run(t, exitUsage, append([]string{"endpoints", "deploy"}, args...)...)
	}
}

// Refusals and failures come with what to do about them.
func TestEndpointsDeployFails(t *testing.T) {
	for want, answer := range map[string]struct{ deploy, operation string }{
		"--member=serviceAccount:service-9@gcp-sa-aiplatform.iam.gserviceaccount.com --role=roles/storage.objectViewer": {
			deploy: `400{"error":{"code":400,"status":"FAILED_PRECONDITION","message":"Service account service-9@gcp-sa-aiplatform.iam.gserviceaccount.com does not have [storage.objects.get]"}}`,
		},
		"--role=roles/aiplatform.user": {
			deploy: `403{"error":{"code":403,"status":"PERMISSION_DENIED","message":"Permission 'aiplatform.endpoints.deploy' denied on resource"}}`,
		},
		"the deployment failed: RESOURCE_EXHAUSTED: Quota exceeded\nask for quota": {
			deploy: underWay, operation: `{"name":"` + operation + `","done":true,"error":{"code":8,"message":"Quota exceeded"}}`,
		},
		"The deployment may go on. To follow it:\ngateway endpoints deploy --follow=" + operation: {deploy: underWay, operation: `403`},
	} {
		b := newBooth(t, "", "")
		b.google.answers[deployCall], b.google.answers[operationCall] = []string{answer.deploy}, []string{answer.operation}
		b.run(t, exitFailed, deploy()...)
		b.says(t, want)
		b.prints(t, "")
	}
}

// A signal ends the command and not the deployment.
func TestEndpointsDeployInterrupted(t *testing.T) {
	b := newBooth(t, "", "")
	b.google.answers[deployCall], b.google.answers[operationCall] = []string{underWay}, []string{underWay}
	b.system.stderr = &atText{text: "under way", do: func() { b.signals <- os.Interrupt }, to: b.stderr}
	b.run(t, exitFailed, deploy("--project=demo", "--poll=1h")...)
	b.says(t, "interrupted; the deployment goes on. To follow it:\ngateway endpoints deploy --follow="+operation+" --config=")
	b.says(t, " --project=demo\ngcloud ai operations describe 55 --region=us-central1\n")
}

// atText does something when a text is written.
type atText struct {
	text string
	do   func()
	to   interface{ Write([]byte) (int, error) }
}

func (a *atText) Write(p []byte) (int, error) {
	if strings.Contains(string(p), a.text) {
		a.do()
	}
	return a.to.Write(p)
}

func TestEndpointsDeployInterruptedEarly(t *testing.T) {
	b := newBooth(t, "", "")
	b.google.answers[deployCall] = []string{underWay}
	notify := b.notify
	b.notify = func(c chan<- os.Signal, s ...os.Signal) {
		notify(c, s...)
		c <- os.Interrupt
	}
	b.run(t, exitFailed, deploy("--poll=1h")...)
	b.says(t, "interrupted")
}
