package translate

import (
	"github.com/go-json-experiment/json/jsontext"

	"vertexgateway/translate/openai"
)

// Reminder marks a text, a JSON string, as coming from the system, for a place where no
// message of the system's may stand (openai-claude.md A.5).
func Reminder(text jsontext.Value) jsontext.Value {
	const before, after = `"<system-reminder>\n`, `\n</system-reminder>"`
	return jsontext.Value(before + string(text[1:len(text)-1]) + after)
}

// InvalidArguments is an object that holds a call's arguments which are no JSON: models
// take nothing else, and shall see what they wrote (openai-claude.md A.4).
func InvalidArguments(plain string) jsontext.Value {
	return append(openai.AppendString([]byte(`{"INVALID_JSON":`), plain), '}')
}

// silent :: members of a request that mean nothing to a model: dropping them changes no
// answer. The second line is for routers between publishers, of which there is one here
// (openai-claude.md A.10).
var silent = map[string]bool{
	"metadata": true, "prompt_cache_key": true, "audio": true,
	"provider": true, "transforms": true, "models": true, "route": true, "plugins": true,
}

// IsSilent tells whether a member of a request may be dropped without a word.
func IsSilent(member string) bool { return silent[member] }
