package fakevertex

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
)

// A fault is a failure that people meet, by its usual text.
type fault struct {
	status int
	grpc   string // Google's name for it; empty: the text stands alone
	text   func(*call) string
}

// faults :: name in a scenario -> what it is (vertex.md 4.2, 4.3, 4.5, 8.5). Of undeployed, eula
// and endpoint_policy the real texts are not known.
var faults = map[string]fault{
	"cold": {http.StatusTooManyRequests, "", always("Model is not yet ready for inference. Please wait while model completes scale-up from zero, then try your request again")},
	"busy": {http.StatusServiceUnavailable, "", always("503 Took too long to respond when processing")},
	"moved": {http.StatusBadRequest, "FAILED_PRECONDITION", func(c *call) string {
		dns := newEndpoint(c.path.location, c.path.endpoint, "").dedicate().DNS
		return fmt.Sprintf("Dedicated Endpoint cannot be accessed through the shared Vertex AI domain aiplatform.googleapis.com. Please access the endpoint using its dedicated domain name '%s'", dns)
	}},
	"undeployed": {http.StatusBadRequest, "FAILED_PRECONDITION", func(c *call) string {
		return fmt.Sprintf("Endpoint %s has no deployed model.", newEndpoint(c.path.location, c.path.endpoint, "").Name)
	}},
	"quota":  {http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", always("The following quota metrics exceed quota limits: aiplatform.googleapis.com/custom_model_serving_nvidia_l4_gpus")},
	"bucket": {http.StatusBadRequest, "FAILED_PRECONDITION", wrongBucket},
	"eula":   {http.StatusBadRequest, "FAILED_PRECONDITION", always("The model requires its End User License Agreement (EULA) to be accepted: set accept_eula in model_config.")},
	"not_enabled": {http.StatusBadRequest, "FAILED_PRECONDITION", func(c *call) string {
		return fmt.Sprintf("Project `%d` is not allowed to use Publisher Model `projects/%s/locations/%s/publishers/%s/models/%s`", project, c.path.project, c.path.location, c.path.publisher, c.path.model)
	}},
	"model_policy": {http.StatusBadRequest, "FAILED_PRECONDITION", func(c *call) string {
		return fmt.Sprintf("Organization Policy constraint constraints/vertexai.allowedModels violated for `projects/%d` attempting to use a disallowed Gen AI model %s. Please contact your organization administrator to fix this violation by adding `publishers/%s/models/%[2]s:predict` to the allowed values.", project, c.path.model, c.path.publisher)
	}},
	"endpoint_policy": {http.StatusForbidden, "PERMISSION_DENIED", func(c *call) string {
		return fmt.Sprintf("Request is disallowed by organization's constraints/gcp.restrictEndpointUsage constraint for 'projects/%d'.", project)
	}},
}

func always(text string) func(*call) string { return func(*call) string { return text } }

// wrongBucket is what Google says to weights that it must not read.
func wrongBucket(c *call) string {
	weights := "gs://other/weights"
	if o := c.undertaking(); o != nil && o.weights != "" {
		weights = o.weights
	}
	return fmt.Sprintf("Service account `service-%d@gcp-sa-aiplatform.iam.gserviceaccount.com` does not have `[storage.objects.get]` IAM permission(s) to the directory %s. Please either copy the files to the Google Cloud Storage bucket owned by your project, or grant the required IAM permission(s) to the service account.",
		project, strconv.Quote(weights))
}

// misled is the refusal with a fault's text, or the scenario's.
func (c *call) misled(name string) *refusal {
	f := faults[name]
	return &refusal{status: f.status, grpc: f.grpc, text: cmp.Or(c.scenario.Message, f.text(c)), plain: f.grpc == ""}
}

// grpcCodes are the numbers that operations have for errors.
var grpcCodes = map[string]int{"INVALID_ARGUMENT": 3, "PERMISSION_DENIED": 7, "RESOURCE_EXHAUSTED": 8, "FAILED_PRECONDITION": 9, "UNAVAILABLE": 14}
