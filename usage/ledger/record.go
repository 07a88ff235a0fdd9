package ledger

import (
	"time"

	"vertexgateway/translate/openai"
	"vertexgateway/usage"
)

// A Record is one request: a row of the ledger.
type Record struct {
	// ID of the row, unique for ever; empty: Append gives it one.
	ID string
	// Time the request arrived.
	Time time.Time
	// RequestID is the x-request-id, which clients may repeat.
	RequestID string
	// Team and Key that asked; empty where no key is asked for. Of a token the Key is
	// jwt: and its subject.
	Team, Key string
	// Endpoint as in the metrics: chat_completions, completions, embeddings, ocr.
	Endpoint string
	// Model is the name of the configuration or the catalogue, as in the metrics.
	Model string
	// Asked is the model's name as the client wrote it.
	Asked string
	// Served is the publisher's id of the model, Publisher who that is.
	Served, Publisher string
	// Location of the last attempt; empty: there was none.
	Location string
	// Attempts are the calls made upstream.
	Attempts int
	// Provisioned: provisioned throughput answered, which costs nothing more.
	Provisioned bool
	// Status of the HTTP answer; 499: the client left.
	Status int
	// End is finished, error, cut or cancelled.
	End string
	// Stream tells whether the answer was streamed.
	Stream bool
	// Tokens of all attempts.
	Tokens openai.Usage
	// Cost of all attempts.
	Cost usage.Cost
	// Estimated: some of the tokens were not reported by the upstream, but estimated.
	Estimated bool
	// FirstToken is the time to the first content; 0: none came. Duration is to the end.
	FirstToken, Duration time.Duration
}
