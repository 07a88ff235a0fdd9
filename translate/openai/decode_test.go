package openai_test

import (
	"testing"

	"vertexgateway/translate/openai"
)

// What a client is told of a body that cannot be read.
func TestDecodeErrors(t *testing.T) {
	tests := []struct{ body, code, param, message string }{
		{``, "invalid_json", "", ""},
		{`{`, "invalid_json", "", ""},
		{`{"model":"a"}}`, "invalid_json", "", ""},
		{"{\"model\":\"a\xff\"}", "invalid_json", "", ""},
		{`{"model":"a","model":"b"}`, "invalid_json", "model", ""},
		{`[]`, "invalid_type", "", "Invalid request body: expected an object, but got an array."},
		{`{"model":1}`, "invalid_type", "model", "Invalid type for 'model': expected a string, but got a number."},
		{`{"messages":{}}`, "invalid_type", "messages", "Invalid type for 'messages': expected an array, but got an object."},
		{`{"messages":["a"]}`, "invalid_type", "messages[0]", "Invalid type for 'messages[0]': expected an object, but got a string."},
		{`{"messages":[{},{"content":1}]}`, "invalid_type", "messages[1].content", "Invalid type for 'messages[1].content': expected a string or an array of content parts, but got a number."},
		{`{"messages":[{"content":["a"]}]}`, "invalid_type", "messages[0].content[0]", "Invalid type for 'messages[0].content[0]': expected an object, but got a string."},
		{`{"messages":[{"content":[{"image_url":[]}]}]}`, "invalid_type", "messages[0].content[0].image_url", "Invalid type for 'messages[0].content[0].image_url': expected an object, but got an array."},
		{`{"messages":[{"tool_calls":[{"function":{"name":true}}]}]}`, "invalid_type", "messages[0].tool_calls[0].function.name", "Invalid type for 'messages[0].tool_calls[0].function.name': expected a string, but got a boolean."},
		{`{"max_tokens":1.5}`, "invalid_type", "max_tokens", ""},
		{`{"temperature":"hot"}`, "invalid_type", "temperature", "Invalid type for 'temperature': expected a number, but got a string."},
		{`{"stream":"yes"}`, "invalid_type", "stream", "Invalid type for 'stream': expected a boolean, but got a string."},
		{`{"stop":[1]}`, "invalid_type", "stop[0]", "Invalid type for 'stop[0]': expected a string, but got a number."},
		{`{"stop":{}}`, "invalid_type", "stop", "Invalid type for 'stop': expected a string or an array of strings, but got an object."},
		{`{"tool_choice":[]}`, "invalid_type", "tool_choice", "Invalid type for 'tool_choice': expected a string or an object, but got an array."},
		{`{"tools":[{"function":null},{"function":[]}]}`, "invalid_type", "tools[1].function", "Invalid type for 'tools[1].function': expected an object, but got an array."},
	}
	for _, tt := range tests {
		t.Run(tt.body, func(t *testing.T) {
			_, fault := openai.DecodeChatRequest([]byte(tt.body))
			if fault == nil {
				t.Fatal("no error")
			}
			if fault.Status != 400 || fault.Code != tt.code || fault.Param != tt.param {
				t.Errorf("%d %s %q, want 400 %s %q", fault.Status, fault.Code, fault.Param, tt.code, tt.param)
			}
			if tt.message != "" && fault.Message != tt.message {
				t.Errorf("message %q, want %q", fault.Message, tt.message)
			}
		})
	}
}

// A member that is null is absent; of some it only matters whether they are there.
func TestDecodeNulls(t *testing.T) {
	chat, fault := openai.DecodeChatRequest([]byte(`{"messages":[
		{"role":"user","content":null,"tool_calls":null,"cache_control":null,"audio":null,"function_call":null,"name":null},
		{"role":"user","content":"a","cache_control":{"type":"ephemeral"},"audio":false,"function_call":{"name":"f"}}],
		"stop":null,"tools":null,"tool_choice":null,"max_tokens":null,"temperature":null}`))
	if fault != nil {
		t.Fatal(fault)
	}
	if m := chat.Messages[0]; m.CacheControl != nil || bool(m.Audio) || m.FunctionCall != nil || len(m.Content.Text) > 0 || m.Content.Parts != nil {
		t.Errorf("nulls became %+v", m)
	}
	if m := chat.Messages[1]; m.CacheControl == nil || !m.Audio || m.FunctionCall == nil || string(m.Content.Text) != `"a"` {
		t.Errorf("members became %+v", m)
	}
	if chat.Stop != nil || chat.ToolChoice.Mode != "" || chat.MaxTokens != nil || chat.Temperature != nil {
		t.Errorf("nulls became %+v", chat)
	}
}

func FuzzDecodeChatRequest(f *testing.F) {
	f.Add([]byte(`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":"x"}]}],"stop":["a"],"tool_choice":{"type":"function","name":"f"}}`))
	f.Add([]byte(`{"messages":[{"content":{}}]}`))
	f.Add([]byte(`{"tools":[{"function":{"parameters":`))
	f.Fuzz(func(t *testing.T, body []byte) {
		chat, fault := openai.DecodeChatRequest(body)
		if (chat == nil) == (fault == nil) {
			t.Fatalf("request %v with error %v", chat, fault)
		}
		if fault != nil && (fault.Status != 400 || fault.Message == "" || fault.Code == "") {
			t.Errorf("error %+v", fault)
		}
	})
}
