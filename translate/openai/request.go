// Package openai holds OpenAI's chat types: the language spoken inside the gateway
// between what clients send and what models take. It knows the wire forms and nothing
// of models, locations or HTTP.
package openai

import (
	"cmp"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A ChatRequest is the body of POST /v1/chat/completions, with the extensions that
// clients made common (openai-claude.md A.10). A field that is null is absent: many
// clients write nulls. Values of type [jsontext.Value] keep the client's bytes; they are
// valid JSON.
type ChatRequest struct {
	Model               string          `json:"model"`
	Messages            []Message       `json:"messages"`
	MaxCompletionTokens *int64          `json:"max_completion_tokens"`
	MaxTokens           *int64          `json:"max_tokens"`
	Temperature         *float64        `json:"temperature"`
	TopP                *float64        `json:"top_p"`
	TopK                *int64          `json:"top_k"`
	N                   *int64          `json:"n"`
	Stop                OneOrMany       `json:"stop"`
	Stream              bool            `json:"stream"`
	StreamOptions       StreamOptions   `json:"stream_options"`
	Tools               []Tool          `json:"tools"`
	ToolChoice          ToolChoice      `json:"tool_choice"`
	ParallelToolCalls   *bool           `json:"parallel_tool_calls"`
	ReasoningEffort     string          `json:"reasoning_effort"`
	ResponseFormat      *ResponseFormat `json:"response_format"`
	User                string          `json:"user"`
	SafetyIdentifier    string          `json:"safety_identifier"`
	Modalities          []string        `json:"modalities"`
	PresencePenalty     *float64        `json:"presence_penalty"`
	FrequencyPenalty    *float64        `json:"frequency_penalty"`
	Logprobs            bool            `json:"logprobs"`
	Store               bool            `json:"store"`
	ServiceTier         string          `json:"service_tier"`
	Moderation          jsontext.Value  `json:"moderation"`

	// Functions and FunctionCall are the form of tools before there were tools.
	Functions    []Function `json:"functions"`
	FunctionCall ToolChoice `json:"function_call"`

	WebSearchOptions     *WebSearchOptions  `json:"web_search_options"`
	PromptCacheRetention string             `json:"prompt_cache_retention"`
	PromptCacheOptions   PromptCacheOptions `json:"prompt_cache_options"`

	// CacheControl of the whole request, LiteLLM's and Anthropic's.
	CacheControl *CacheControl `json:"cache_control"`
	// Thinking is Anthropic's own field.
	Thinking *Thinking `json:"thinking"`
	// Reasoning is OpenRouter's.
	Reasoning *Reasoning `json:"reasoning"`
	// IncludeReasoning is OpenRouter's, EnableThinking and ChatTemplateKwargs are Qwen's.
	IncludeReasoning   *bool              `json:"include_reasoning"`
	EnableThinking     *bool              `json:"enable_thinking"`
	ChatTemplateKwargs ChatTemplateKwargs `json:"chat_template_kwargs"`
	// System and StopSequences are Anthropic's names.
	System        Content   `json:"system"`
	StopSequences OneOrMany `json:"stop_sequences"`
	// AnthropicBeta are values of Anthropic's header, in the body or added from the header.
	AnthropicBeta OneOrMany `json:"anthropic_beta"`
	// Usage is OpenRouter's way to ask for usage in a stream.
	Usage struct {
		Include bool `json:"include"`
	} `json:"usage"`
	// Input stands in the place of Messages in the requests of some agents, in the form of
	// the Responses API.
	Input           jsontext.Value `json:"input"`
	Instructions    jsontext.Value `json:"instructions"`
	MaxOutputTokens *int64         `json:"max_output_tokens"`
	Text            struct {
		Format *TextFormat `json:"format"`
	} `json:"text"`
	// ExtraBody is sent by those who take an SDK's option for a field of the API.
	ExtraBody jsontext.Value `json:"extra_body"`

	// Others are the members that stand above nowhere.
	Others jsontext.Value `json:",embed"`
}

// OutputLimit is the most tokens the answer may have; 0: the request does not say.
func (r *ChatRequest) OutputLimit() int64 {
	for _, limit := range []*int64{r.MaxCompletionTokens, r.MaxTokens} {
		if limit != nil {
			return *limit
		}
	}
	return 0
}

// StreamOptions of a streamed request.
type StreamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// ResponseFormat tells the form of the answer's text.
type ResponseFormat struct {
	// Type is text, json_object or json_schema.
	Type       string      `json:"type"`
	JSONSchema *JSONSchema `json:"json_schema"`
	// Schema beside the type json_object is some clients' own.
	Schema jsontext.Value `json:"schema"`
}

// A JSONSchema is the schema of an answer, with its name.
type JSONSchema struct {
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Schema      jsontext.Value `json:"schema"`
	Strict      bool           `json:"strict"`
}

// A TextFormat is a [ResponseFormat] as the Responses API has it.
type TextFormat struct {
	Type string `json:"type"`
	JSONSchema
}

// WebSearchOptions let the model search the web.
type WebSearchOptions struct {
	// SearchContextSize is low, medium or high; empty: medium.
	SearchContextSize string        `json:"search_context_size"`
	UserLocation      *UserLocation `json:"user_location"`
}

// A UserLocation is where the user is, more or less.
type UserLocation struct {
	Type        string `json:"type"`
	Approximate *Place `json:"approximate"`
	// Place is where it stands in the Responses API's form.
	Place
}

// A Place is a point on the map in words; each may be empty.
type Place struct {
	City     string `json:"city"`
	Country  string `json:"country"`
	Region   string `json:"region"`
	Timezone string `json:"timezone"`
}

// PromptCacheOptions tell who marks what is cached.
type PromptCacheOptions struct {
	Mode string `json:"mode"` // implicit, explicit or empty
	TTL  string `json:"ttl"`
}

// CacheControl marks the end of a prefix that is to be cached.
type CacheControl struct {
	Type string `json:"type"`
	TTL  string `json:"ttl"` // 5m, 1h or empty
}

// Thinking is how a request thinks, in Anthropic's form.
type Thinking struct {
	Type         string `json:"type"`
	BudgetTokens *int64 `json:"budget_tokens"`
	Display      string `json:"display"`
}

// Reasoning is how a request thinks, in OpenRouter's form.
type Reasoning struct {
	Effort    string `json:"effort"`
	MaxTokens *int64 `json:"max_tokens"`
	Exclude   bool   `json:"exclude"`
	Enabled   *bool  `json:"enabled"`
}

// ChatTemplateKwargs are options of open models' chat templates.
type ChatTemplateKwargs struct {
	EnableThinking *bool `json:"enable_thinking"`
}

// A Message is one entry of the conversation.
type Message struct {
	Role       string     `json:"role"`
	Content    Content    `json:"content"`
	ToolCalls  []ToolCall `json:"tool_calls"`
	ToolCallID string     `json:"tool_call_id"`
	Name       string     `json:"name"`
	Refusal    string     `json:"refusal"`
	// ReasoningDetails carry thinking and its signatures back in OpenRouter's form,
	// ThinkingBlocks in LiteLLM's (openai-claude.md A.11).
	ReasoningDetails []ReasoningDetail `json:"reasoning_details"`
	ThinkingBlocks   []Part            `json:"thinking_blocks"`
	// FunctionCall is the one call of an assistant before there were tools.
	FunctionCall *FunctionCall `json:"function_call"`
	Audio        Given         `json:"audio"`
	CacheControl *CacheControl `json:"cache_control"`
	// IsError of a tool message is an extension: the tool failed.
	IsError bool `json:"is_error"`
	// Prefix and Partial ask to go on from a last assistant message.
	Prefix  bool `json:"prefix"`
	Partial bool `json:"partial"`

	// Kept is the publisher's own form of an assistant's turn, where the gateway still has
	// it; nil: it has not.
	Kept jsontext.Value `json:"-"`
}

// Given tells that a member was there and not null, where no more of it is asked.
type Given bool

// Content of a message: Text when it was a string, Parts when it was an array, neither
// when it was null or absent.
type Content struct {
	Text  jsontext.Value // a JSON string, as the client wrote it
	Parts []Part
}

// A Part is one element of a content array: OpenAI's, or a content block of Anthropic's,
// as some clients put into OpenAI's messages. Which fields count depends on the type.
type Part struct {
	Type     string         `json:"type"`
	Text     jsontext.Value `json:"text"` // a JSON string
	Refusal  jsontext.Value `json:"refusal"`
	ImageURL ImageURL       `json:"image_url"`
	File     File           `json:"file"`

	CacheControl          *CacheControl   `json:"cache_control"`
	PromptCacheBreakpoint *PromptCacheTTL `json:"prompt_cache_breakpoint"`

	// FileData and the rest are the Responses API's flat form of a file.
	FileData string   `json:"file_data"`
	FileID   string   `json:"file_id"`
	FileURL  ImageURL `json:"file_url"`
	Filename string   `json:"filename"`
	// DocumentURL is Mistral's form of one.
	DocumentURL ImageURL `json:"document_url"`

	// Of Anthropic's content blocks.
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Input     jsontext.Value `json:"input"`
	ToolUseID string         `json:"tool_use_id"`
	Content   jsontext.Value `json:"content"`
	IsError   bool           `json:"is_error"`
	Source    *Source        `json:"source"`
	Title     string         `json:"title"`
	Thinking  jsontext.Value `json:"thinking"`
	Signature jsontext.Value `json:"signature"`
	Data      jsontext.Value `json:"data"`

	// Media is what was fetched from the part's link; nil: nothing was.
	Media *Media `json:"-"`
}

// PromptCacheTTL is how long a prefix is to stay cached.
type PromptCacheTTL struct {
	TTL string `json:"ttl"`
}

// ImageURL is where an image or a file is, or the data itself as a data: URI.
type ImageURL struct {
	URL string
}

// A File is a document: its data, or what names it.
type File struct {
	FileData string `json:"file_data"` // base64 or a data: URI
	FileID   string `json:"file_id"`
	FileURL  string `json:"file_url"`
	Filename string `json:"filename"`
}

// A Source is where the data of an Anthropic image or document comes from.
type Source struct {
	Type      string `json:"type"` // base64, text or url
	MediaType string `json:"media_type"`
	Data      string `json:"data"`
	URL       string `json:"url"`
}

// Media is an image or a document.
type Media struct {
	Data []byte
}

// A ToolCall is a call the assistant made.
type ToolCall struct {
	ID       string       `json:"id"`
	Type     string       `json:"type"` // function or custom; empty: function
	Function FunctionCall `json:"function"`
	Custom   CustomCall   `json:"custom"`
}

// A FunctionCall names a function and its arguments: a JSON string that holds JSON, by
// OpenAI's rule, but some clients send the JSON itself.
type FunctionCall struct {
	Name      string         `json:"name"`
	Arguments jsontext.Value `json:"arguments"`
}

// A CustomCall names a custom tool and its input, a JSON string that holds any text.
type CustomCall struct {
	Name  string         `json:"name"`
	Input jsontext.Value `json:"input"`
}

// A ReasoningDetail is one piece of reasoning in OpenRouter's form.
type ReasoningDetail struct {
	Type      string         `json:"type"` // reasoning.text or reasoning.encrypted
	Text      jsontext.Value `json:"text"`
	Signature jsontext.Value `json:"signature"`
	Data      jsontext.Value `json:"data"`
	Format    string         `json:"format"`
	Index     int            `json:"index"`
}

// A Tool is one tool the model may call, in one of the forms that clients send: OpenAI's
// with the function inside, the flat one of the Responses API, a custom tool, or
// Anthropic's with its input_schema.
type Tool struct {
	Type     string   `json:"type"` // empty: Anthropic's
	Function Function `json:"function"`
	Custom   Custom   `json:"custom"`
	// Name and the rest are of the flat forms.
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Parameters  jsontext.Value `json:"parameters"`
	InputSchema jsontext.Value `json:"input_schema"`
	Format      jsontext.Value `json:"format"`

	CacheControl *CacheControl `json:"cache_control"`
	Extras
	// Others are the members that stand above nowhere: the options of a server's tool.
	Others jsontext.Value `json:",embed"`
}

// Extras are Anthropic's additions to a tool, which may stand on it or in its function.
type Extras struct {
	DeferLoading        bool           `json:"defer_loading"`
	EagerInputStreaming bool           `json:"eager_input_streaming"`
	InputExamples       jsontext.Value `json:"input_examples"`
	AllowedCallers      jsontext.Value `json:"allowed_callers"`
}

// A Function describes a tool.
type Function struct {
	Name         string         `json:"name"`
	Description  string         `json:"description"`
	Parameters   jsontext.Value `json:"parameters"`
	Strict       bool           `json:"strict"`
	CacheControl *CacheControl  `json:"cache_control"`
	Extras
}

// A Custom tool takes any text, or text of a format.
type Custom struct {
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Format      jsontext.Value `json:"format"`
}

// ToolChoice tells whether and which tool must be called.
type ToolChoice struct {
	// Mode is auto, none, required, or the type of what is named: function, custom,
	// allowed_tools...; empty: not given, or only a name is.
	Mode string
	// Name of the tool.
	Name string
	// Allowed are the names of the tools that may be called, or the types of those without a
	// name, in AllowedMode; with the mode allowed_tools.
	Allowed     []string
	AllowedMode string
	// Single: no parallel calls, in Anthropic's form.
	Single bool
}

// OneOrMany is a list of strings that may be written as one string.
type OneOrMany []string

// UnmarshalJSONFrom reads anything, and keeps only whether it was there.
func (g *Given) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*g = dec.PeekKind() != 'n'
	return dec.SkipValue()
}

// UnmarshalJSONFrom reads null, a string, or an array of parts.
func (c *Content) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case 'n':
		return dec.SkipValue()
	case '[':
		return json.UnmarshalDecode(dec, &c.Parts)
	case '"':
		text, err := dec.ReadValue()
		c.Text = text.Clone()
		return err
	}
	return wrongType(dec, "a string or an array of content parts")
}

// UnmarshalJSONFrom reads {"url": ...} or a bare string, as LangChain sends it.
func (u *ImageURL) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case 'n':
		return dec.SkipValue()
	case '"':
		return json.UnmarshalDecode(dec, &u.URL)
	case '{':
		var image struct {
			URL string `json:"url"`
		}
		err := json.UnmarshalDecode(dec, &image)
		u.URL = image.URL
		return err
	}
	return wrongType(dec, "an object")
}

// A choice is the object form of a [ToolChoice], in all shapes: OpenAI's, the flat one of
// the Responses API, and Anthropic's.
type choice struct {
	Type         string  `json:"type"`
	Name         string  `json:"name"`
	Function     named   `json:"function"`
	Custom       named   `json:"custom"`
	AllowedTools allowed `json:"allowed_tools"`
	Single       bool    `json:"disable_parallel_tool_use"`
	allowed      `json:",embed"`
}

type named struct {
	Name string `json:"name"`
}

type allowed struct {
	Mode  string         `json:"mode"`
	Tools []allowedTools `json:"tools"`
}

type allowedTools struct {
	Type     string `json:"type"`
	Name     string `json:"name"`
	Function named  `json:"function"`
	Custom   named  `json:"custom"`
}

// UnmarshalJSONFrom reads a mode, or an object that names tools.
func (c *ToolChoice) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case 'n':
		return dec.SkipValue()
	case '"':
		return json.UnmarshalDecode(dec, &c.Mode)
	case '{':
		var object choice
		err := json.UnmarshalDecode(dec, &object)
		c.read(&object)
		return err
	}
	return wrongType(dec, "a string or an object")
}

func (c *ToolChoice) read(object *choice) {
	c.Mode, c.Single = object.Type, object.Single
	c.Name = cmp.Or(object.Function.Name, object.Custom.Name, object.Name)
	set := object.AllowedTools
	if len(set.Tools) == 0 {
		set = object.allowed
	}
	c.AllowedMode = set.Mode
	for _, tool := range set.Tools {
		c.Allowed = append(c.Allowed, cmp.Or(tool.Function.Name, tool.Custom.Name, tool.Name, tool.Type))
	}
}

// UnmarshalJSONFrom reads null, a string or an array of strings.
func (s *OneOrMany) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case 'n':
		return dec.SkipValue()
	case '"':
		var one string
		err := json.UnmarshalDecode(dec, &one)
		*s = OneOrMany{one}
		return err
	case '[':
		return json.UnmarshalDecode(dec, (*[]string)(s))
	}
	return wrongType(dec, "a string or an array of strings")
}

// HidesReasoning tells whether the client does not want to see the model's thoughts.
func (r *ChatRequest) HidesReasoning() bool {
	return r.Reasoning != nil && r.Reasoning.Exclude || r.IncludeReasoning != nil && !*r.IncludeReasoning
}

// A Warning tells the client what the gateway changed or dropped.
type Warning struct {
	Param string // of the request
	What  string // dropped, clamped...
}

// Warnings are told each once. The zero value has none.
type Warnings []Warning

// maxWarnings keeps a body of nothing but unknown members from becoming a long header.
const maxWarnings = 32

// Add adds one, unless it is there already or there are 32.
func (w *Warnings) Add(param, what string) {
	added := Warning{Param: param, What: what}
	if len(*w) < maxWarnings && !slices.Contains(*w, added) {
		*w = append(*w, added)
	}
}
