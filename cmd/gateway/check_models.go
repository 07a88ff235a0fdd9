package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"vertexgateway/config"
	"vertexgateway/translate/catalogue"
	"vertexgateway/vertex"
)

// A subject is a model in one location, or an endpoint, as the configuration has it.
type subject struct {
	name     string // that clients send
	location string
	entry    config.Model
	model    *catalogue.Model // nil: an endpoint
}

// An outcome is how a check of a subject ended.
type outcome struct{ result, detail, remedy string }

// models checks each model in each location.
func (u *checkup) models(ctx context.Context, live bool) error {
	all := subjects(u.config)
	outcomes := make([]outcome, len(all))
	each(len(all), func(i int) { outcomes[i] = u.look(ctx, &all[i]) })
	if gateway := u.gateway(all); gateway != nil && live {
		u.tryAll(ctx, gateway, all, outcomes)
	}
	u.tellModels(all, outcomes)
	return nil
}

// each does something n times, several at once: one server that does not answer must not
// keep all others waiting.
func each(n int, do func(i int)) {
	free := make(chan struct{}, triers)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			do(i)
		})
	}
	group.Wait()
}

// tellModels reports the locations of a model together where it is the same in all.
func (u *checkup) tellModels(all []subject, outcomes []outcome) {
	for i := 0; i < len(all); {
		where := []string{all[i].location}
		next := i + 1
		for next < len(all) && all[next].name == all[i].name && outcomes[next] == outcomes[i] {
			where = append(where, all[next].location)
			next++
		}
		o := outcomes[i]
		u.tell(all[i].name, strings.Join(where, " "), o.result, o.detail, o.remedy)
		i = next
	}
}

// subjects are what the gateway would serve.
func subjects(c *config.Config) []subject {
	entries := c.Models
	if len(entries) == 0 {
		entries = []config.Model{{Name: "*"}}
	}
	var all []subject
	seen := map[*catalogue.Model]bool{}
	for _, e := range entries {
		for _, m := range served(c, e) {
			name := e.Name
			if _, family := e.Family(); family {
				if seen[m] {
					continue
				}
				name = m.Undated()
			}
			seen[m] = m != nil
			for _, location := range c.LocationsOf(e, m) {
				all = append(all, subject{name, location, e, m})
			}
		}
	}
	return all
}

// served are the models of an entry; a single nil is for an endpoint. Families have none
// that is retired.
func served(c *config.Config, e config.Model) []*catalogue.Model {
	if e.Endpoint != "" {
		return []*catalogue.Model{nil}
	}
	prefix, family := e.Family()
	if !family {
		m, _ := c.Catalogue.Find(e.Serves()) // validation found it
		return []*catalogue.Model{m}
	}
	return slices.DeleteFunc(c.Catalogue.Models(), func(m *catalogue.Model) bool { return m.Status == "retired" || !m.Begins(prefix) })
}

// look checks a subject by what is known of it.
func (u *checkup) look(ctx context.Context, s *subject) outcome {
	if s.model == nil {
		return u.lookAtEndpoint(ctx, s)
	}
	m := s.model
	switch {
	case m.Status == "retired":
		return outcome{unknown, "retired, but for some projects; --live tells", "serve a newer model"}
	case m.Status == "unknown":
		return outcome{unknown, "not in the catalogue", ""}
	case !slices.Contains(m.Locations, s.location):
		return outcome{unknown, "the catalogue does not have it there", ""}
	}
	detail := "in the catalogue, " + m.Status
	if m.Retires != "" {
		detail += ", retires on " + m.Retires + " at the earliest"
	}
	return outcome{works, detail, ""}
}

func (u *checkup) lookAtEndpoint(ctx context.Context, s *subject) outcome {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	name, err := vertex.ParseEndpointName(s.entry.Endpoint)
	if err != nil {
		return outcome{fails, err.Error(), ""}
	}
	e, err := u.client.Endpoint(ctx, name)
	if err != nil {
		return u.endpointFault(s, name, err)
	}
	switch {
	case len(e.Models) == 0:
		return outcome{fails, "no model is deployed on it", "gcloud ai endpoints deploy-model " + name.ID + " --region=" + name.Location + " --project=" + name.Project + " --model=MODEL --display-name=NAME"}
	case e.Private.Enabled && s.entry.URL == "":
		return outcome{fails, "it is reached by Private Service Connect only", "set its url; gateway endpoints show " + name.String()}
	}
	return outcome{works, "serves " + cmp.Or(e.Models[0].DisplayName, e.Models[0].ID) + " at " + cmp.Or(s.entry.URL, e.Base(), "https://"+vertex.Host(name.Location)), ""}
}

// endpointFault: one with a url works without its description.
func (u *checkup) endpointFault(s *subject, name vertex.EndpointName, err error) outcome {
	at := patient{project: name.Project, account: u.patient.account}
	result := fails
	if s.entry.URL != "" {
		result = unknown
	}
	return outcome{result, "no description of it: " + err.Error(), at.remedy(faultOf(err) + " endpoint")}
}

// overdue is how long one live request may take, the wait for a machine included.
const overdue = 2 * time.Minute

// triers is how many subjects are looked at or tried at a time.
const triers = 4

// request asks for one token, on a path that the subject has.
func (s *subject) request(model string) (path, body string) {
	const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
	m := s.model
	switch {
	case m == nil || m.Offers(catalogue.PathChat):
		return "/v1/chat/completions", fmt.Sprintf(`{"model":%q,"max_tokens":1,"messages":[{"role":"user","content":"Hi"}]}`, model)
	case m.Offers(catalogue.PathEmbeddings):
		return "/v1/embeddings", fmt.Sprintf(`{"model":%q,"input":"Hi"}`, model)
	case m.Offers(catalogue.PathOCR):
		return "/v1/ocr", fmt.Sprintf(`{"model":%q,"document":{"type":"image_url","image_url":"data:image/png;base64,%s"}}`, model, pixel)
	}
	return "/v1/completions", fmt.Sprintf(`{"model":%q,"prompt":"a","suffix":"c","max_tokens":1}`, model)
}
