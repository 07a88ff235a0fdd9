package anthropic_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"vertexgateway/translate"
	"vertexgateway/translate/anthropic"
	"vertexgateway/translate/catalogue"
	"vertexgateway/translate/openai"
	"vertexgateway/translate/openai/openaitest"
	"vertexgateway/translate/responses"
)

// What real clients sent to OpenAI and to those who speak its API becomes a request that
// the emulator takes, on a model of each generation, or a 400 that names the field.
func TestRecordedRequests(t *testing.T) {
	u := newUpstream(t)
	taken, refused := 0, map[string]int{}
	for _, r := range openaitest.Recordings(t, isChat) {
		for _, model := range []string{"claude-haiku-4-5", "claude-sonnet-4-6", "claude-opus-5", "claude-opus-5-5"} {
			m, _ := catalogue.Builtin().Find(model)
			param, ok := u.takes(t, r.ID, m, r.Request.Body)
			if ok {
				taken++
			} else {
				refused[param]++
			}
		}
	}
	t.Logf("taken %d, refused by field: %v", taken, refused)
	if taken < 2500 {
		t.Errorf("only %d requests were taken", taken)
	}
}

// isChat reports whether a recording holds a whole chat request: shortened ones hold images
// cut in the middle.
func isChat(r *openaitest.Recording) bool {
	return strings.HasSuffix(r.API, "-chat") && bytes.HasPrefix(r.Request.Body, []byte("{")) && !r.Has("shortened")
}

// takes tells whether the emulator takes what becomes of a request, and if the gateway
// refuses it, for which field.
func (u *upstream) takes(t *testing.T, id string, m *catalogue.Model, body []byte) (param string, ok bool) {
	t.Helper()
	chat, fault := openai.DecodeChatRequest(body)
	if fault == nil && len(chat.Messages) == 0 && len(chat.Input) > 0 {
		chat.Messages, fault = responses.Messages(chat.Input, chat.Instructions)
	}
	o := anthropic.Options{Version: "vertex-2023-10-16", UserKey: "p", WebSearch: true}
	var req *anthropic.Request
	if fault == nil {
		for _, l := range chat.Links() {
			l.Part.Media = &openai.Media{Data: []byte("%PDF-1.4\n")}
		}
		req, fault = anthropic.NewRequest(chat, m, o)
	}
	if fault != nil {
		if fault.Status != http.StatusBadRequest || fault.Param == "" {
			t.Errorf("%s, %s: %d %q: %v", id, m.ID, fault.Status, fault.Param, fault)
		}
		return fault.Code + " " + fault.Param, false
	}
	w := u.post(m, req.Body)
	if repair, ok := anthropic.Diagnose(translate.ParseError(w.Code, w.Body.Bytes())); ok && repair.Name == "signature" { // another account's
		better, o := repair.Apply(m, o)
		if req, fault = anthropic.NewRequest(chat, better, o); fault != nil {
			t.Fatal(fault)
		}
		w = u.post(m, req.Body)
	}
	if w.Code != http.StatusOK {
		t.Errorf("%s, %s: %d %s", id, m.ID, w.Code, w.Body)
	}
	return "", w.Code == http.StatusOK
}
