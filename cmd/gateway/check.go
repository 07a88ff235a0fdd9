package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vertexgateway/config"
	"vertexgateway/vertex"
)

type checkCommand struct {
	Config string `placeholder:"FILE" help:"Configuration file; none: the defaults."`
	Live   bool   `help:"Send a request of one token to every model in every location."`
}

// Help is shown by gateway check --help.
func (*checkCommand) Help() string {
	return `The exit code is 1 when something does not work. Without --live models are only looked up in the catalogue, and
endpoints described.`
}

// Results of a check.
const (
	works   = "ok"
	fails   = "FAILED"
	unknown = "unknown" // which is no failure
)

// A checkup finds out what works, and what to do where something does not.
type checkup struct {
	system  *system
	config  *config.Config
	client  *vertex.Client
	project string
	patient patient

	report  *table
	all     int
	failed  int
	advised map[string]bool // remedies that were told
}

// errSick ends a checkup that cannot go on; what is wrong was reported.
var errSick = errors.New("no further checks")

// checkTimeout bounds one question to Google.
const checkTimeout = 20 * time.Second

// Run checks everything and prints the report.
func (c *checkCommand) Run(ctx context.Context, s *system) error {
	u := &checkup{system: s, report: newTable("CHECK", "WHERE", "RESULT", "DETAIL"), advised: map[string]bool{}}
	u.run(ctx, c)
	if err := u.report.write(s.stdout); err != nil {
		return err
	}
	if u.failed > 0 {
		return fmt.Errorf("%d of %s failed", u.failed, counted(u.all, "check"))
	}
	return nil
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// run makes the checks in their order; one that the others need ends it.
func (u *checkup) run(ctx context.Context, c *checkCommand) {
	for _, check := range []func(context.Context) error{
		func(context.Context) error { return u.configuration(c.Config) },
		u.usage,
		u.limits,
		u.credentials,
		func(context.Context) error { return u.ownProject() },
		u.service,
		u.permissions,
		func(ctx context.Context) error { return u.models(ctx, c.Live) },
	} {
		if check(ctx) != nil {
			break
		}
	}
	if u.client != nil {
		u.client.Close()
	}
}

// tell reports a check; the remedy, told once, may be empty.
func (u *checkup) tell(what, where, result, detail, remedy string) {
	detail, rest, _ := strings.Cut(detail, "\n")
	u.report.add(what, where, result, detail)
	u.all++
	if result == fails {
		u.failed++
	}
	if rest != "" {
		u.report.note(rest)
	}
	if remedy != "" && !u.advised[remedy] {
		u.advised[remedy] = true
		u.report.note("-> " + strings.ReplaceAll(remedy, "\n", "\n   "))
	}
}

func (u *checkup) configuration(path string) error {
	c, err := (&settings{Config: path}).load(u.system)
	if err != nil {
		u.tell("config", "", fails, err.Error(), "")
		return errSick
	}
	u.config = c
	u.tell("config", "", works, fmt.Sprintf("%s: %s, %s", cmp.Or(path, "the defaults"), counted(countModels(c), "model"), counted(len(c.Teams), "team")), "")
	return nil
}

func (u *checkup) credentials(ctx context.Context) error {
	client, err := connect(ctx, u.system, u.config.Vertex)
	if err != nil {
		first, rest, _ := strings.Cut(err.Error(), "\n")
		u.tell("credentials", "", fails, first, rest)
		return errSick
	}
	u.client = client
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if _, err := client.Credentials().Token(ctx); err != nil {
		u.tell("credentials", "", fails, who(client.Credentials().Kind, client.Credentials().Account)+": no token: "+err.Error(), signIn)
		return errSick
	}
	u.identify(ctx)
	return nil
}

// identify tells who the credentials are. Google need not be asked for that, but knows it
// of tokens whose credentials do not tell.
func (u *checkup) identify(ctx context.Context) {
	c := u.client.Credentials()
	u.patient.account = c.Account
	left := time.Duration(0)
	if end := c.Expiry(); !end.IsZero() {
		left = time.Until(end)
	}
	if i, err := u.client.Identity(ctx); err == nil {
		u.patient.account, left = cmp.Or(i.Email, c.Account), cmp.Or(i.Left, left)
	}
	detail := who(c.Kind, u.patient.account)
	if left > 0 {
		detail += ", token for " + strings.TrimSuffix(left.Round(time.Minute).String(), "0s")
	}
	u.tell("credentials", "", works, detail, "")
}

// who names an account by its kind and its address, which may not be known.
func who(kind, account string) string {
	switch {
	case kind == "none" && account == "":
		return "none; a placeholder is sent"
	case kind == "none":
		return "none; the placeholder is taken for " + account
	}
	kinds := map[string]string{"authorized_user": "user", "metadata": "the machine's service account"}
	return strings.TrimSpace(cmp.Or(kinds[kind], strings.ReplaceAll(kind, "_", " ")) + " " + account)
}

func (u *checkup) ownProject() error {
	for _, from := range []struct{ where, project string }{
		{"vertex.project", u.config.Vertex.Project},
		{"GOOGLE_CLOUD_PROJECT", u.system.getenv("GOOGLE_CLOUD_PROJECT")},
		{"the credentials", u.client.Credentials().Project},
	} {
		if from.project != "" {
			u.project, u.patient.project = from.project, from.project
			u.tell("project", "", works, from.project+", from "+from.where, "")
			return nil
		}
	}
	u.tell("project", "", fails, "none", "set vertex.project or GOOGLE_CLOUD_PROJECT")
	return errSick
}

func (u *checkup) service(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	const enable = "enable it: gcloud services enable " + vertex.Service + " --project="
	switch on, err := u.client.Enabled(ctx, u.project); {
	case err != nil:
		u.tell("API", "", unknown, "not told whether "+vertex.Service+" is enabled: "+err.Error(), u.patient.remedy(faultOf(err)))
	case !on:
		u.tell("API", "", fails, vertex.Service+" is not enabled", enable+u.project)
	default:
		u.tell("API", "", works, vertex.Service+" is enabled", "")
	}
	return nil
}

// permissions checks what each project has to allow: an endpoint may be in another one.
func (u *checkup) permissions(ctx context.Context) error {
	wanted := map[string][]string{u.project: {vertex.PermissionPredict}}
	order := []string{u.project}
	for _, m := range u.config.Models {
		name, err := vertex.ParseEndpointName(m.Endpoint)
		if err != nil {
			continue
		}
		if wanted[name.Project] == nil {
			order = append(order, name.Project)
			wanted[name.Project] = []string{vertex.PermissionPredict}
		}
		if m.URL == "" && !slices.Contains(wanted[name.Project], vertex.PermissionGet) {
			wanted[name.Project] = append(wanted[name.Project], vertex.PermissionGet)
		}
	}
	for _, project := range order {
		u.permissionsOf(ctx, project, wanted[project])
	}
	return nil
}

func (u *checkup) permissionsOf(ctx context.Context, project string, wanted []string) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	where := ""
	if project != u.project {
		where = project
	}
	held, err := u.client.Permissions(ctx, project, wanted...)
	for _, permission := range wanted {
		at := patient{project: project, account: u.patient.account}
		switch {
		case err != nil:
			u.tell("permission", where, unknown, "not told whether "+permission+" is granted: "+err.Error(), at.remedy(faultOf(err)))
		case !slices.Contains(held, permission):
			u.tell("permission", where, fails, permission+" is missing", at.remedy("permission '"+permission+"'"))
		default:
			u.tell("permission", where, works, permission, "")
		}
	}
}
