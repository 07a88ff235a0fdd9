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

// The entry is printed even where the endpoint cannot be described, with the project that
// Google says: what is followed may be another project's than the configuration's.
func TestEndpointsDeployUndescribed(t *testing.T) {
	b := newBooth(t, "", "")
	b.google.answers[operationCall] = []string{deployed}
	b.run(t, exitOK, "endpoints", "deploy", "--follow="+operation)
	b.prints(t, "models:\n  - name: endpoint-123\n    endpoint: projects/987/locations/us-central1/endpoints/123\n")
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
	for _, args := range [][]string{{}, {"--model=gs://weights/llama"}, {"--follow=" + operation, "--model=y"}, {"--follow=" + operation, "--poll=0s"}, {"--follow=x"}} {
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

// An operation on an endpoint does not name it in its answer, and one on something else
// has none: no half entry is printed then.
func TestEndpointsDeployFollowsOthers(t *testing.T) {
	const onEndpoint = "projects/987/locations/us-central1/endpoints/123/operations/56"
	b := newBooth(t, "", "")
	b.google.answers["GET /v1beta1/"+onEndpoint] = []string{`{"name":"` + onEndpoint + `","done":true,"response":{"deployedModel":{"id":"45"}}}`}
	b.google.answers[inCentral+"/123"] = []string{tuned}
	b.run(t, exitOK, "endpoints", "deploy", "--follow="+onEndpoint)
	b.prints(t, "models:\n  - name: llama-ft\n    endpoint: projects/demo/locations/us-central1/endpoints/123\n")

	b = newBooth(t, "", "")
	b.google.answers[operationCall] = []string{`{"name":"` + operation + `","done":true,"response":{}}`}
	b.run(t, exitFailed, "endpoints", "deploy", "--follow="+operation)
	b.prints(t, "")
	b.says(t, "does not tell its endpoint; gateway endpoints list")
}

// What does not exist does not go on.
func TestEndpointsDeployFollowsNothing(t *testing.T) {
	b := newBooth(t, "", "")
	b.run(t, exitFailed, "endpoints", "deploy", "--follow="+operation)
	if b.says(t, "NOT_FOUND"); strings.Contains(b.stderr.String(), "may go on") {
		t.Errorf("it goes on: %s", b.stderr)
	}
}

// Who tries again after a failure pays twice if the first try was taken.
func TestEndpointsDeployMayHaveBegun(t *testing.T) {
	for answer, want := range map[string]bool{`503`: true, `not JSON`: true, `400`: false, `429`: false} {
		b := newBooth(t, "", "")
		b.google.answers[deployCall] = []string{answer}
		b.run(t, exitFailed, deploy()...)
		if told := strings.Contains(b.stderr.String(), "It may have begun all the same"); told != want {
			t.Errorf("%s: %s", answer, b.stderr)
		}
	}
}

func TestQuoted(t *testing.T) {
	for word, want := range map[string]string{"gateway.yaml": "gateway.yaml", "my file": "'my file'", "it's": `'it'\''s'`, "$HOME": "'$HOME'"} {
		if got := quoted(word); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// A signal ends the command and not the deployment.
func TestEndpointsDeployInterrupted(t *testing.T) {
	b := newBooth(t, "", "")
	b.google.answers[deployCall], b.google.answers[operationCall] = []string{underWay}, []string{underWay}
	b.system.stderr = &atText{text: "under way", do: func() { b.signals <- os.Interrupt }, to: b.stderr}
	b.run(t, exitFailed, deploy("--project=demo", "--poll=1h")...)
	b.says(t, "interrupted; the deployment goes on. To follow it:\ngateway endpoints deploy --follow="+operation+" --config=")
	b.says(t, " --project=demo\ngcloud ai operations describe 55 --region=us-central1 --project=987\n")
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
