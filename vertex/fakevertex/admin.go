package fakevertex

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
)

// An errand is a call to one of Google's APIs that no model answers.
type errand struct {
	verb   string
	path   *regexp.Regexp // its groups are called as the fields of a path
	need   need
	answer func(*call, []byte) error
}

// A need is what a call takes of the project and of the caller. Empty: nothing.
type need struct{ service, permission string }

const (
	vertexService   = "aiplatform.googleapis.com"
	resourceService = "cloudresourcemanager.googleapis.com"
	usageService    = "serviceusage.googleapis.com"
)

// errandNames are their methods in scenarios and journal.
var errandNames = []string{"describe", "list", "deploy", "operation", "permissions", "service", "identity"}

// errands :: method -> what it is
var errands = map[string]errand{
	"describe": {
		http.MethodGet, regexp.MustCompile(`^/v1(?:beta1)?/projects/(?<project>[^/]+)/locations/(?<location>[^/]+)/endpoints/(?<endpoint>[^/:]+)$`),
		need{vertexService, "aiplatform.endpoints.get"}, (*call).describe,
	},
	"list": {
		http.MethodGet, regexp.MustCompile(`^/v1(?:beta1)?/projects/(?<project>[^/]+)/locations/(?<location>[^/]+)/endpoints$`),
		need{vertexService, "aiplatform.endpoints.list"}, (*call).list,
	},
	"deploy": {
		http.MethodPost, regexp.MustCompile(`^/v1(?:beta1)?/projects/(?<project>[^/]+)/locations/(?<location>[^/]+):deploy$`),
		need{vertexService, "aiplatform.endpoints.deploy"}, (*call).deploy,
	},
	"operation": {
		http.MethodGet, regexp.MustCompile(`^/v1(?:beta1)?/(?<operation>projects/(?<project>[^/]+)/locations/(?<location>[^/]+)/operations/[^/]+)$`),
		need{service: vertexService}, (*call).operation,
	},
	"permissions": {
		http.MethodPost, regexp.MustCompile(`^/v3/projects/(?<project>[^/]+):testIamPermissions$`),
		need{service: resourceService}, (*call).permissions,
	},
	"service": {
		http.MethodGet, regexp.MustCompile(`^/v1/projects/(?<project>[^/]+)/services/(?<service>[^/]+)$`),
		need{usageService, "serviceusage.services.get"}, (*call).service,
	},
	"identity": {http.MethodPost, regexp.MustCompile(`^/tokeninfo$`), need{}, (*call).identity},
}

func parseErrand(s string) path {
	for method, e := range errands {
		if found := e.path.FindStringSubmatch(s); found != nil {
			group := func(name string) string {
				if i := e.path.SubexpIndex(name); i > 0 {
					return found[i]
				}
				return ""
			}
			return path{
				known: true, method: method, project: group("project"), location: group("location"),
				endpoint: group("endpoint"), model: group("endpoint"), item: group("operation") + group("service"),
			}
		}
	}
	return path{}
}

// isErrand reports whether no model is asked. Methods of models have other names.
func (p path) isErrand() bool { return slices.Contains(errandNames, p.method) }

func (p path) verb() string {
	if p.isErrand() {
		return errands[p.method].verb
	}
	return http.MethodPost
}

func (p path) need() need {
	if p.isErrand() {
		return errands[p.method].need
	}
	return need{vertexService, "aiplatform.endpoints.predict"}
}

func errandAPI(method string) *api {
	return &api{
		answer: errands[method].answer,
		usual:  predictAPI.usual,
		refuse: predictAPI.refuse,
	}
}

// denied is the text of IAM (vertex.md 4.3).
func (p path) denied(permission string) *refusal {
	resource := "//" + vertexService + "/" + p.resource()
	r := googleError(http.StatusForbidden, "PERMISSION_DENIED", "Permission '%s' denied on resource '%s' (or it may not exist).", permission, resource)
	r.detail = &errorInfo{
		Type: errorInfoType, Reason: "IAM_PERMISSION_DENIED", Domain: vertexService,
		Metadata: map[string]string{"permission": permission, "resource": resource},
	}
	return r
}

const errorInfoType = "type.googleapis.com/google.rpc.ErrorInfo"

// titles :: service -> what people call it
var titles = map[string]string{
	vertexService:   "Vertex AI API",
	resourceService: "Cloud Resource Manager API",
	usageService:    "Service Usage API",
}

func (p path) disabled(service string) *refusal {
	r := googleError(http.StatusForbidden, "PERMISSION_DENIED",
		"%s has not been used in project %s before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/%s/overview?project=%[2]s then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.",
		titles[service], p.project, service)
	r.detail = &errorInfo{
		Type: errorInfoType, Reason: "SERVICE_DISABLED", Domain: "googleapis.com",
		Metadata: map[string]string{"service": service, "consumer": "projects/" + p.project},
	}
	return r
}

// obstacle is what a scenario puts in the way of any call.
func (c *call) obstacle() error {
	need := c.path.need()
	switch {
	case slices.Contains(c.scenario.Disabled, need.service):
		return c.path.disabled(need.service)
	case slices.Contains(c.scenario.Lacks, need.permission):
		return c.path.denied(need.permission)
	case c.scenario.Fault == "" || c.path.method == "operation":
		return nil
	}
	if err := c.pause(c.scenario.Delay); err != nil {
		return err
	}
	return c.misled(c.scenario.Fault)
}

// describe tells of one endpoint.
func (c *call) describe([]byte) error {
	e := c.estate.find(c.path.location, c.path.endpoint)
	if e == nil {
		return googleError(http.StatusNotFound, "NOT_FOUND", "The Endpoint does not exist.")
	}
	return c.report(e)
}

// report answers an errand.
func (c *call) report(answer any) error {
	if err := c.pause(c.scenario.Delay); err != nil {
		return err
	}
	text, err := json.Marshal(answer, json.Deterministic(true))
	if err != nil {
		return err
	}
	return c.whole(text)
}

// list tells of a location's endpoints, a page at a time.
func (c *call) list([]byte) error {
	query := c.r.URL.Query()
	all := c.estate.in(c.path.location)
	size, err := strconv.Atoi(query.Get("pageSize"))
	if err != nil || size <= 0 {
		size = 100
	}
	from, err := strconv.Atoi(query.Get("pageToken"))
	if query.Get("pageToken") != "" && (err != nil || from < 1 || from > len(all)) {
		return invalidArgument("The page token is invalid.")
	}
	page := all[from:min(from+size, len(all))]
	answer := members{}
	if len(page) > 0 {
		answer = append(answer, member{"endpoints", page})
	}
	if next := from + len(page); next < len(all) {
		answer = append(answer, member{"nextPageToken", strconv.Itoa(next)})
	}
	return c.report(answer)
}

// permissions tells which of those asked for the caller has.
func (c *call) permissions(body []byte) error {
	var b struct {
		Permissions []string `json:"permissions"`
	}
	if err := json.Unmarshal(body, &b, json.RejectUnknownMembers(true)); err != nil {
		return invalidArgument("Invalid JSON payload received. %v", err)
	}
	held := slices.DeleteFunc(b.Permissions, func(p string) bool { return slices.Contains(c.scenario.Lacks, p) })
	if len(held) == 0 {
		return c.report(members{})
	}
	return c.report(members{{"permissions", held}})
}

func (c *call) service([]byte) error {
	state := "ENABLED"
	if slices.Contains(c.scenario.Disabled, c.path.item) {
		state = "DISABLED"
	}
	return c.report(members{{"name", "projects/" + strconv.Itoa(project) + "/services/" + c.path.item}, {"state", state}})
}

// identity is always the same: any token is good.
func (c *call) identity([]byte) error {
	return c.report(members{
		{"azp", "100000000000000000000"}, {"aud", "100000000000000000000"},
		{"email", "emulator@example.com"}, {"email_verified", "true"},
		{"scope", "https://www.googleapis.com/auth/cloud-platform https://www.googleapis.com/auth/userinfo.email"},
		{"expires_in", "3600"}, {"access_type", "online"},
	})
}
