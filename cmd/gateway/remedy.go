package main

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"vertexgateway/vertex"
)

// A patient is what something was asked for when it failed.
type patient struct {
	project   string
	account   string // who asked; empty: not known
	publisher string
	model     string // the publisher's id
	weights   string // gs:// and a folder
}

const reach = "look whether this machine can reach Google, and through a proxy (HTTPS_PROXY) if need be"

// remedies are what to do about what Google says, the first that fits (vertex.md 4.2, 4.3).
// What stands in braces is filled in for the patient.
var remedies = []struct {
	signs  []string // all of them, in lower case
	advice string
}{
	{
		[]string{"storage.objects"},
		"let Vertex AI read the bucket: gcloud storage buckets add-iam-policy-binding {bucket} --member=serviceAccount:{agent} --role=roles/storage.objectViewer",
	},
	{
		[]string{"gs://", "does not exist"},
		"look whether the folder is there and holds config.json, tokenizer and *.safetensors: gcloud storage ls {weights}",
	},
	{
		[]string{"gs://", "not found"},
		"look whether the folder is there and holds config.json, tokenizer and *.safetensors: gcloud storage ls {weights}",
	},
	{
		[]string{"bucket", "region"},
		"put the weights into a bucket of the region, or deploy in the bucket's: gcloud storage buckets describe {bucket} --format='value(location)'",
	},
	{
		[]string{"eula"},
		"read the model's licence in Model Garden, and accept it with --accept-eula",
	},
	{
		[]string{"hugging", "token"},
		"the model is gated: ask for access on Hugging Face, and set GATEWAY_HUGGING_FACE_TOKEN to a read token",
	},
	{
		[]string{"vertexai.allowedmodels"},
		"the organisation policy constraints/vertexai.allowedModels must allow publishers/{publisher}/models/{model}:predict; its administrator can change it",
	},
	{
		[]string{"vertexai.allowedpartnermodelfeatures"},
		"the organisation policy constraints/vertexai.allowedPartnerModelFeatures must allow the feature for publishers/{publisher}/models/{model}; its administrator can change it",
	},
	{
		[]string{"restrictendpointusage"},
		"the organisation policy constraints/gcp.restrictEndpointUsage forbids this host; leave the location out of vertex.locations, or have its administrator allow it",
	},
	{
		[]string{"organization policy"},
		"a policy of the organisation forbids it; its administrator can change it: gcloud org-policies list --project={project}",
	},
	{
		[]string{"is not allowed to use publisher model"},
		"enable the model in Model Garden, which takes roles/consumerprocurement.entitlementManager: {card}",
	},
	{
		[]string{"publisher model", "was not found"},
		"enable the model in Model Garden, which takes roles/consumerprocurement.entitlementManager, or take a location that has it: {card}",
	},
	{
		[]string{"accept", "terms"},
		"accept the publisher's terms in Model Garden, which takes roles/consumerprocurement.entitlementManager: {card}",
	},
	{
		[]string{"quota project"},
		"name one: gcloud auth application-default set-quota-project {project}",
	},
	{
		[]string{"permission '"},
		"grant a role with it: gcloud projects add-iam-policy-binding {project} --member={member} --role={role}",
	},
	{
		[]string{"service_disabled"},
		"enable it: gcloud services enable {service} --project={project}",
	},
	{
		[]string{"has not been used in project"},
		"enable it: gcloud services enable {service} --project={project}",
	},
	{
		[]string{"billing"},
		"link the project to a billing account: https://console.cloud.google.com/billing/linkedaccount?project={project}",
	},
	{
		[]string{"permission_denied"},
		"grant a role with it: gcloud projects add-iam-policy-binding {project} --member={member} --role={role}",
	},
	{
		[]string{"model_not_ready"},
		"its machines are on their way, which takes minutes; try again",
	},
	{
		[]string{"quota"},
		"ask for quota, which new projects have none of, or take another location: https://console.cloud.google.com/iam-admin/quotas?project={project}",
	},
	{
		[]string{"resource_exhausted"},
		"ask for quota, or take another location or machine: https://console.cloud.google.com/iam-admin/quotas?project={project}",
	},
	{
		[]string{"rate_limit_exceeded"},
		"ask for quota, which new projects have none of, or take another location: https://console.cloud.google.com/iam-admin/quotas?project={project}",
	},
	{
		[]string{"refused the gateway's credentials"},
		"grant {role}, or look whether the organisation policy constraints/gcp.restrictEndpointUsage forbids this host: gcloud org-policies describe gcp.restrictEndpointUsage --project={project} --effective",
	},
	{
		[]string{"not_found", "endpoint"},
		"gateway endpoints list shows the endpoints there are",
	},
	{
		[]string{"no such host"},
		reach,
	},
	{
		[]string{"dial tcp"},
		reach,
	},
	{
		[]string{"context deadline exceeded"},
		reach,
	},
	{
		[]string{"could not reach vertex ai"},
		reach,
	},
}

var (
	deniedPermission = regexp.MustCompile(`(?i)permission '([a-z]+\.[a-z.]+)'`)
	serviceAgent     = regexp.MustCompile(`[\w.-]+@[\w.-]+\.gserviceaccount\.com`)
	disabledService  = regexp.MustCompile(`[a-z]+\.googleapis\.com`)
)

// remedy is what to do about a fault; empty: nothing is known that would help.
func (p *patient) remedy(fault string) string {
	lower := strings.ToLower(fault)
	for _, r := range remedies {
		if containsAll(lower, r.signs) {
			return p.fill(r.advice, fault)
		}
	}
	return ""
}

// fill puts the patient's particulars into advice.
func (p *patient) fill(advice, fault string) string {
	bucket, _, _ := strings.Cut(strings.TrimPrefix(p.weights, "gs://"), "/")
	undated, _, _ := strings.Cut(p.model, "@")
	return strings.NewReplacer(
		"{project}", p.project, "{publisher}", p.publisher, "{model}", p.model, "{member}", p.member(),
		"{bucket}", "gs://"+bucket, "{weights}", p.weights, "{role}", roleFor(fault),
		"{agent}", cmp.Or(serviceAgent.FindString(fault), "service-PROJECT_NUMBER@gcp-sa-aiplatform.iam.gserviceaccount.com"),
		"{service}", cmp.Or(disabledService.FindString(fault), vertex.Service),
		"{card}", "https://console.cloud.google.com/vertex-ai/publishers/"+p.publisher+"/model-garden/"+undated+"?project="+p.project,
	).Replace(advice)
}

// member is the account as a policy names it.
func (p *patient) member() string {
	switch {
	case p.account == "":
		return "ACCOUNT"
	case strings.HasSuffix(p.account, ".gserviceaccount.com"):
		return "serviceAccount:" + p.account
	}
	return "user:" + p.account
}

// roleFor is the least predefined role with the permission that a fault tells to be missing.
func roleFor(fault string) string {
	const user = "roles/aiplatform.user"
	denied := deniedPermission.FindStringSubmatch(fault)
	switch {
	case denied == nil:
		return user
	case strings.HasPrefix(denied[1], "serviceusage."):
		return "roles/serviceusage.serviceUsageConsumer"
	case denied[1] == vertex.PermissionGet || denied[1] == vertex.PermissionList:
		return "roles/aiplatform.viewer"
	}
	return user
}

func containsAll(text string, signs []string) bool {
	for _, s := range signs {
		if !strings.Contains(text, s) {
			return false
		}
	}
	return true
}

// faultOf is all that an error says, for [patient.remedy].
func faultOf(err error) string {
	if refusal, ok := errors.AsType[*vertex.APIError](err); ok {
		return fmt.Sprintf("%s %s %s", refusal.Code, refusal.Reason, refusal.Message)
	}
	return err.Error()
}

// advise adds to an error what to do about it.
func (p *patient) advise(err error) error {
	if err == nil {
		return nil
	}
	if remedy := p.remedy(faultOf(err)); remedy != "" {
		return fmt.Errorf("%w\n%s", err, remedy)
	}
	return err
}
