package translate_test

import (
	"testing"
	"time"

	"vertexgateway/translate"
	"vertexgateway/translate/openai/openaitest"
)

// Every form of vertex.md 4.1 becomes an error that clients understand.
func TestParseError(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   string // the client's status and error
	}{
		{"Anthropic", 400, `{"type":"error","error":{"type":"invalid_request_error","message":"messages: at least one message is required"},"request_id":"req_vrtx_1"}`,
			`400 {"error":{"message":"messages: at least one message is required","type":"invalid_request_error","param":null,"code":null}}`},
		{"Google", 429, `{"error":{"code":429,"message":"Quota exceeded for aiplatform.googleapis.com/online_prediction_requests_per_base_model with base model: anthropic-claude-opus-4.","status":"RESOURCE_EXHAUSTED"}}`,
			`429 {"error":{"message":"Quota exceeded for aiplatform.googleapis.com/online_prediction_requests_per_base_model with base model: anthropic-claude-opus-4.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`},
		{"Google in an array", 503, `[{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}]`,
			`503 {"error":{"message":"busy","type":"server_error","param":null,"code":"upstream_error"}}`},
		{"Anthropic in Google's message", 400, `{"error":{"code":400,"message":"{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"prompt is too long: 2 tokens > 1 maximum\"}}","status":"INVALID_ARGUMENT"}}`,
			`400 {"error":{"message":"prompt is too long: 2 tokens > 1 maximum","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`},
		{"a code that is a string", 400, `{"type":"error","error":{"type":"invalid_request_error","code":"400","message":"no"}}`,
			`400 {"error":{"message":"no","type":"invalid_request_error","param":null,"code":null}}`},
		{"FastAPI", 422, `{"detail":[{"loc":["body","x"],"msg":"Extra inputs are not permitted"}]}`,
			`400 {"error":{"message":"x: Extra inputs are not permitted","type":"invalid_request_error","param":"x","code":null}}`},
		{"FastAPI in words", 404, `{"detail":"Not Found"}`,
			`404 {"error":{"message":"Not Found","type":"invalid_request_error","param":"model","code":"model_not_found"}}`},
		{"FastAPI without a place", 422, `{"detail":[{"msg":"no"}]}`,
			`400 {"error":{"message":"no","type":"invalid_request_error","param":null,"code":null}}`},
		{"another list", 422, `{"detail":["no"]}`,
			`400 {"error":{"message":"[\"no\"]","type":"invalid_request_error","param":null,"code":null}}`},
		{"Mistral", 422, `{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","messages",0,"refusal"],"msg":"Extra inputs are not permitted","input":1},{"loc":["body","x"],"msg":"Wrong"}]},"type":"invalid_request_error","param":null,"code":null}`,
			`400 {"error":{"message":"messages[0].refusal: Extra inputs are not permitted; x: Wrong","type":"invalid_request_error","param":"messages[0].refusal","code":null}}`},
		{"vLLM", 400, `{"error":{"message":"max_tokens must be at least 1, got -1.","type":"BadRequestError","param":"max_tokens","code":400}}`,
			`400 {"error":{"message":"max_tokens must be at least 1, got -1.","type":"invalid_request_error","param":"max_tokens","code":null}}`},
		{"vLLM in a stream", 0, `{"error":{"message":"no","type":"BadRequestError","param":null,"code":400}}`,
			`400 {"error":{"message":"no","type":"invalid_request_error","param":null,"code":null}}`},
		{"a code that is no status", 0, `{"error":{"message":"no","code":3001}}`,
			`500 {"error":{"message":"no","type":"server_error","param":null,"code":"upstream_error"}}`},
		{"vLLM's window", 400, `{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.","type":"BadRequestError","param":null,"code":400}`,
			`400 {"error":{"message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`},
		{"another address", 400, `{"error":{"code":400,"message":"Use the dedicated DNS 1.us-central1-123456.prediction.vertexai.goog.","status":"FAILED_PRECONDITION"}}`,
			`502 {"error":{"message":"The endpoint has another address than the one the gateway calls.","type":"server_error","param":null,"code":"upstream_error"}}`},
		{"flat", 404, `{"object":"error","message":"The model does not exist.","type":"NotFoundError","code":404}`,
			`404 {"error":{"message":"The model does not exist.","type":"invalid_request_error","param":"model","code":"model_not_found"}}`},
		{"plain text", 429, `Slow down.`,
			`429 {"error":{"message":"Slow down.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`},
		{"scaling up from zero", 429, "Model is not yet ready for inference. Please wait\n",
			`503 {"error":{"message":"Model is not yet ready for inference. Please wait","type":"server_error","param":null,"code":"model_not_ready"}}`},
		{"a client's words about it", 400, `{"detail":[{"loc":["body","model not yet ready for inference"],"msg":"no"}]}`,
			`400 {"error":{"message":"model not yet ready for inference: no","type":"invalid_request_error","param":"model not yet ready for inference","code":null}}`},
		{"a web page", 502, `<html>secret</html>`,
			`503 {"error":{"message":"The upstream answered with status Bad Gateway.","type":"server_error","param":null,"code":"upstream_error"}}`},
		{"nothing", 500, ``,
			`500 {"error":{"message":"The upstream answered with status Internal Server Error.","type":"server_error","param":null,"code":"upstream_error"}}`},
		{"without projects", 400, "[{\"error\":{\"code\":400,\"message\":\"Project `123456` is not allowed to use Publisher Model `projects/my-project/locations/global/publishers/anthropic/models/m`\",\"status\":\"FAILED_PRECONDITION\"}}]",
			"404 {\"error\":{\"message\":\"Project `PROJECT` is not allowed to use Publisher Model `projects/PROJECT/locations/global/publishers/anthropic/models/m`\",\"type\":\"invalid_request_error\",\"param\":\"model\",\"code\":\"model_not_found\"}}"},
		{"a policy", 400, `[{"error":{"code":400,"message":"Organization Policy constraint constraints/vertexai.allowedPartnerModelFeatures violated for projects/524636045653attempting to use","status":"FAILED_PRECONDITION"}}]`,
			`400 {"error":{"message":"Organization Policy constraint constraints/vertexai.allowedPartnerModelFeatures violated for projects/PROJECTattempting to use","type":"invalid_request_error","param":null,"code":"unsupported_parameter"}}`},
		{"in a stream", 0, `{"type":"error","error":{"details":null,"type":"overloaded_error","message":"Overloaded"}}`,
			`503 {"error":{"message":"Overloaded","type":"server_error","param":null,"code":"overloaded"}}`},
		{"credentials", 403, `{"error":{"code":403,"message":"Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/projects/my-project/locations/us'.","status":"PERMISSION_DENIED"}}`,
			`502 {"error":{"message":"Vertex AI refused the gateway's credentials. Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/projects/PROJECT/locations/us'.","type":"server_error","param":null,"code":"upstream_auth_error"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := translate.ParseError(tt.status, []byte(tt.body))
			got := string(e.AppendJSON([]byte{byte('0' + e.Status/100), byte('0' + e.Status/10%10), byte('0' + e.Status%10), ' '}))
			if got != tt.want {
				t.Errorf("got\n%s, want\n%s", got, tt.want)
			}
			openaitest.Load(t).Check(t, "ErrorResponse", []byte(got[4:]))
		})
	}
}

// Scaling up takes its time: who asks again at once would only be refused again.
func TestNotReady(t *testing.T) {
	e := translate.ParseError(429, []byte("Model is not yet ready for inference."))
	if e.Code != translate.NotReady || e.RetryAfter != 30*time.Second || e.Upstream != 429 || e.Final {
		t.Errorf("%+v", e)
	}
}

func FuzzParseError(f *testing.F) {
	f.Add(200, []byte(`[{"error":{"message":"{\"error\":1}"}}]`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if e := translate.ParseError(status, body); e.Status < 400 || e.Status > 599 || e.Message == "" {
			t.Errorf("status %d, message %q", e.Status, e.Message)
		}
	})
}
