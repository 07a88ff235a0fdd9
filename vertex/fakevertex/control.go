package fakevertex

import (
	"io"
	"net/http"

	"github.com/go-json-experiment/json"
)

// control lets tests in other languages arrange scenarios and look at requests.
func (s *Server) control(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "PUT /emulator/scenarios":
		s.putScenarios(w, r)
	case "GET /emulator/requests":
		w.Header().Set("Content-Type", plainJSON)
		_ = json.MarshalWrite(w, s.Requests())
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) putScenarios(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	list, err := ParseScenarios(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.Set(list...)
	w.WriteHeader(http.StatusNoContent)
}
