package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"vertexgateway/config"
	"vertexgateway/proxy"
	"vertexgateway/vertex"
)

// gateway makes one as serve runs it, with which each subject can be tried; nil: serve
// would not start either, which was reported.
func (u *checkup) gateway(all []subject) http.Handler {
	c := trial(u.config, all)
	accounts, err := openAccounts(context.Background(), c, zap.NewNop())
	if err != nil {
		u.tell("models", "", fails, err.Error(), "")
		return nil
	}
	gateway, err := proxy.New(c, proxy.Options{
		Ledger:   accounts.ledger,
		Limiter:  accounts.limiter,
		Connect:  func(config.Vertex) (*vertex.Client, error) { return u.client, nil },
		Project:  u.project,
		Log:      zap.NewNop(),
		Registry: prometheus.NewRegistry(),
		Now:      time.Now,
		Rand:     rand.Float64,
	})
	if err != nil {
		message := err.Error()
		for i, s := range slices.Backward(all) { // trial-12 before trial-1
			message = strings.ReplaceAll(message, trialName(i), s.name)
		}
		u.tell("models", "", fails, message, "")
		return nil
	}
	return gateway.Handler()
}

// tryAll sends a request for each subject.
func (u *checkup) tryAll(ctx context.Context, gateway http.Handler, all []subject, outcomes []outcome) {
	each(len(all), func(i int) {
		now := u.try(ctx, gateway, &all[i], trialName(i))
		if now.result != fails || outcomes[i].result != fails { // else what was seen before is the cause
			outcomes[i] = now
		}
	})
}

// trial is the configuration with an entry for each subject, which is tried nowhere else,
// and for everybody.
func trial(c *config.Config, all []subject) *config.Config {
	t := *unaccounted(c)
	t.Teams, t.Models = nil, nil
	for i, s := range all {
		e := s.entry
		e.Name = trialName(i)
		if s.model != nil {
			e.Model, e.Locations = s.model.Publisher+"/"+s.model.ID, []string{s.location}
		}
		t.Models = append(t.Models, e)
	}
	return &t
}

// trialName is the name of the nth subject's entry.
func trialName(n int) string { return fmt.Sprint("trial-", n) }

// try sends one request and judges the answer.
func (u *checkup) try(ctx context.Context, gateway http.Handler, s *subject, name string) outcome {
	ctx, cancel := context.WithTimeout(ctx, overdue)
	defer cancel()
	path, body := s.request(name)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader(body))
	if err != nil {
		return outcome{fails, err.Error(), ""}
	}
	req.Header.Set("Content-Type", "application/json")
	w := &answer{header: http.Header{}}
	whole := serve(gateway, w, req)
	switch {
	case !whole && ctx.Err() != nil:
		return outcome{fails, "no answer within " + overdue.String(), ""}
	case !whole:
		return outcome{fails, "the answer broke off", ""}
	case w.status == http.StatusOK:
		return outcome{works, "answers", ""}
	}
	return u.diagnose(s, name, w)
}

// serve does what net/http would: a handler whose client has gone, or whose answer broke,
// panics so as to break the connection; the answer is then not whole.
func serve(h http.Handler, w http.ResponseWriter, r *http.Request) (whole bool) {
	defer func() {
		cause := recover()
		if err, _ := cause.(error); cause != nil && !errors.Is(err, http.ErrAbortHandler) {
			panic(cause)
		}
	}()
	h.ServeHTTP(w, r)
	return true
}

// diagnose finds the remedy for an answer that is an error.
func (u *checkup) diagnose(s *subject, name string, w *answer) outcome {
	var fault struct {
		Error struct {
			Message string `json:"message"`
			Code    string `json:"code"`
		} `json:"error"`
	}
	if err := json.Unmarshal(w.body.Bytes(), &fault); err != nil {
		return outcome{fails, fmt.Sprintf("status %d", w.status), ""}
	}
	at := u.patient
	if s.model != nil {
		at.publisher, at.model = s.model.Publisher, s.model.ID
	}
	message := strings.ReplaceAll(fault.Error.Message, name, s.name)
	return outcome{fails, cmp.Or(message, fault.Error.Code), at.remedy(fault.Error.Code + " " + message)}
}

// An answer is what a handler writes.
type answer struct {
	header http.Header
	status int // 0: nothing was written
	body   bytes.Buffer
}

// Header is for the handler.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader is for the handler.
func (a *answer) WriteHeader(status int) { a.status = cmp.Or(a.status, status) }

// Write is for the handler.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}
