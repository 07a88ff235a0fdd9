package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"vertexgateway/vertex"
)

func TestRemedies(t *testing.T) {
	p := patient{project: "my-project", account: "gw@my-project.iam.gserviceaccount.com", publisher: "anthropic", model: "claude-opus-5", weights: "gs://weights/llama"}
	for fault, want := range map[string]string{
		"Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform'":                                            "add-iam-policy-binding my-project --member=serviceAccount:gw@my-project.iam.gserviceaccount.com --role=roles/aiplatform.user",
		"PERMISSION_DENIED IAM Permission 'aiplatform.endpoints.list' denied on resource":                                        "--role=roles/aiplatform.viewer",
		"Caller does not have required permission to use project p. Grant the caller the Permission 'serviceusage.services.use'": "--role=roles/serviceusage.serviceUsageConsumer",
		"[{Project `1` is not allowed to use Publisher Model `x`":                                                                "https://console.cloud.google.com/vertex-ai/publishers/anthropic/model-garden/claude-opus-5?project=my-project",
		"Publisher Model `x` was not found or your project does not have access to it.":                                          "enable the model in Model Garden",
		"Organization Policy constraint constraints/vertexai.allowedModels violated":                                             "constraints/vertexai.allowedModels must allow publishers/anthropic/models/claude-opus-5:predict",
		"Organization Policy constraint constraints/vertexai.allowedPartnerModelFeatures violated for projects/1":                "constraints/vertexai.allowedPartnerModelFeatures",
		"Request is disallowed by organization's constraints/gcp.restrictEndpointUsage constraint":                               "leave the location out of vertex.locations",
		"Organization Policy constraint constraints/x.y violated":                                                                "gcloud org-policies list --project=my-project",
		"upstream_auth_error Vertex AI refused the gateway's credentials. The caller may not.":                                   "gcp.restrictEndpointUsage --project=my-project",
		"PERMISSION_DENIED SERVICE_DISABLED Cloud Resource Manager API has not been used (cloudresourcemanager.googleapis.com)":  "gcloud services enable cloudresourcemanager.googleapis.com --project=my-project",
		"Vertex AI API has not been used in project 1 before or it is disabled":                                                  "gcloud services enable aiplatform.googleapis.com --project=my-project",
		"The API requires a quota project, which is not set by default.":                                                         "set-quota-project my-project",
		"RESOURCE_EXHAUSTED  The following quotas are exceeded: custom_model_serving_nvidia_l4_gpus":                             "https://console.cloud.google.com/iam-admin/quotas?project=my-project",
		"rate_limit_exceeded Resource exhausted, please try again later.":                                                        "ask for quota",
		"model_not_ready The model is not yet ready; quota":                                                                      "try again",
		"Service account `service-7@gcp-sa-aiplatform.iam.gserviceaccount.com` does not have `[storage.objects.get]`":            "buckets add-iam-policy-binding gs://weights --member=serviceAccount:service-7@gcp-sa-aiplatform.iam.gserviceaccount.com",
		"Path gs://weights/llama does not exist":                                                                                 "gcloud storage ls gs://weights/llama",
		"The bucket must be in the same region as the endpoint":                                                                  "gcloud storage buckets describe gs://weights",
		"Please accept the EULA of this model":                                                                                   "--accept-eula",
		"This Hugging Face model is gated; provide an access token":                                                              "GATEWAY_HUGGING_FACE_TOKEN",
		"NOT_FOUND  Endpoint `x` is not there":                                                                                   "gateway endpoints list",
		"upstream_error The gateway could not reach Vertex AI.":                                                                  "HTTPS_PROXY",
		"dial tcp 10.0.0.1:443: connect: connection refused":                                                                     "HTTPS_PROXY",
		"Get \"https://x\": context deadline exceeded":                                                                           "HTTPS_PROXY",
		"This project has no billing account":                                                                                    "https://console.cloud.google.com/billing/linkedaccount?project=my-project",
	} {
		got := p.remedy(fault)
		if !strings.Contains(got, want) {
			t.Errorf("%s: remedy %q, want one with %q", fault, got, want)
		}
		if strings.ContainsAny(got, "{}") {
			t.Errorf("%s: remedy %q has a gap", fault, got)
		}
	}
	if got := p.remedy("Something else."); got != "" {
		t.Errorf("remedy %q for who knows what", got)
	}
}

func TestMember(t *testing.T) {
	for account, want := range map[string]string{"": "ACCOUNT", "me@example.com": "user:me@example.com", "a@b.iam.gserviceaccount.com": "serviceAccount:a@b.iam.gserviceaccount.com"} {
		if got := (&patient{account: account}).member(); got != want {
			t.Errorf("%q: %q, want %q", account, got, want)
		}
	}
}

// Advice keeps what it is about.
func TestAdvise(t *testing.T) {
	p := patient{project: "my-project"}
	refusal := &vertex.APIError{Status: 403, Code: "PERMISSION_DENIED", Reason: "SERVICE_DISABLED", Message: "no"}
	err := p.advise(fmt.Errorf("asked: %w", refusal))
	if !errors.Is(err, refusal) || !strings.Contains(err.Error(), "gcloud services enable") {
		t.Errorf("%v", err)
	}
	if err := p.advise(nil); err != nil {
		t.Errorf("%v", err)
	}
	if err := p.advise(errors.New("plain")); err.Error() != "plain" {
		t.Errorf("%v", err)
	}
}
