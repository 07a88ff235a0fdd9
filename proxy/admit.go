package proxy

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vertexgateway/translate/openai"
	"vertexgateway/usage"
	"vertexgateway/usage/limit"
)

const (
	// expectedOutput is the most tokens an answer is expected to have before it is known:
	// clients ask for far more than they use, and must not be held up for that.
	expectedOutput = 1000
	// bytesPerToken is how much text makes a token, about.
	bytesPerToken = 4
	// mediaBytes is how long what is no text is at least.
	mediaBytes = 256
	// mediaTokens is what an image or a document that comes as data is expected to take.
	mediaTokens = 1500
	// mediaPages is how many pages a document for OCR is expected to have.
	mediaPages = 10
)

// A forecast is what a request is expected to use: it is reserved until that is known.
type forecast struct{ openai.Usage }

// forecastOf a request with this body, whose answer may have maxTokens; 0: it does not say.
func forecastOf(body []byte, maxTokens int64) forecast {
	f := forecast{openai.Usage{Input: inputTokens(body), Output: expectedOutput}}
	if maxTokens > 0 {
		f.Output = min(maxTokens, expectedOutput)
	}
	return f
}

// inputTokens guesses how many tokens a request is. What is base64 in it is no text: it comes
// in data URLs or, in Anthropic's form, as data.
func inputTokens(body []byte) int64 {
	media := 0
	text := len(body)
	for _, mark := range [...]string{";base64,", `"data":"`, `"data": "`} {
		for rest := body; ; {
			_, data, found := bytes.Cut(rest, []byte(mark))
			if !found {
				break
			}
			end := bytes.IndexByte(data, '"')
			if end < 0 {
				break
			}
			if end > mediaBytes {
				media++
				text -= end
			}
			rest = data[end:]
		}
	}
	return tokensIn(text) + int64(media)*mediaTokens
}

// tokensIn so many bytes of text.
func tokensIn(n int) int64 { return int64(n+bytesPerToken-1) / bytesPerToken }

// admit lets a request in that its team's limits allow, and reserves what it may use. From
// then on it is one that the usage ledger knows.
func (x *exchange) admit(f forecast) *openai.Error {
	if x.isDryRun() {
		return nil
	}
	if x.snapshot.config.Usage.Sync && !x.gateway.options.Ledger.Accepts() {
		return &openai.Error{Status: http.StatusServiceUnavailable, Type: openai.TypeServer, Code: "usage_store_unavailable", RetryAfter: time.Second,
			Message: "The gateway cannot record usage at the moment, and is set to answer nothing that it cannot record."}
	}
	if err := x.reserve(f); err != nil {
		return err
	}
	x.forecast, x.metered = f, true
	return nil
}

// reserve takes what is forecast from all limits that hold for the request.
func (x *exchange) reserve(f forecast) *openai.Error {
	scopes := x.team.scopes(x.key.Name, x.route)
	if len(scopes) == 0 {
		return nil
	}
	charge, err := x.charge(f, scopes)
	if err != nil {
		return err
	}
	ticket, refusal, failure := x.gateway.options.Limiter.Admit(x.ctx, scopes, charge)
	switch {
	case failure != nil:
		return limitsUnavailable(failure)
	case refusal != nil:
		x.gateway.metrics.limited.WithLabelValues(x.key.Team, refusal.Limit).Inc()
		tellLimits(x.w.Header(), []limit.Level{{Limit: refusal.Limit, Max: refusal.Max, Used: refusal.Max, Reset: refusal.RetryAfter}})
		return overLimit(x.label(), refusal, x.now())
	}
	x.ticket = ticket
	tellLimits(x.w.Header(), ticket.Levels())
	return nil
}

func limitsUnavailable(cause error) *openai.Error {
	return &openai.Error{Status: http.StatusServiceUnavailable, Type: openai.TypeServer, Code: "limits_unavailable", RetryAfter: time.Second, Cause: cause,
		Message: "The gateway cannot look up the limits of your team at the moment."}
}

// isBudget tells whether a limit is one of money.
func isBudget(limit string) bool { return strings.HasPrefix(limit, "usd_") }

// charge is what is reserved. A budget needs a price.
func (x *exchange) charge(f forecast, scopes []*limit.Scope) (limit.Charge, *openai.Error) {
	c := limit.Charge{Tokens: f.Prompt() + f.Output}
	cost := x.price(x.route.places[0], f.Usage)
	c.Micros = cost.Micros
	if !cost.Unknown {
		return c, nil
	}
	for _, s := range scopes {
		if s.PerDay == 0 && s.PerMonth == 0 {
			continue
		}
		if x.snapshot.config.Limits.UnknownPrice == "deny" {
			return c, &openai.Error{Status: http.StatusForbidden, Type: openai.TypeInvalidRequest, Code: "unknown_price", Param: "model", Final: true,
				Message: "The " + s.Title + " has a budget in dollars, and the price of the model '" + x.label() + "' is not known to the gateway."}
		}
		c.Micros = max(c.Micros, 1) // a budget that is used up ends this, too
	}
	return c, nil
}

// price is what an upstream request costs in a place.
func (x *exchange) price(p *place, u openai.Usage) usage.Cost {
	if p.throughput == "dedicated" { // is paid for, used or not
		return usage.Cost{}
	}
	return usage.Price(x.route.prices, p.Location, u)
}

// overLimit is the error of a request that is over a limit, in OpenAI's words, as SDKs and
// agents read them.
func overLimit(model string, r *limit.Refusal, now time.Time) *openai.Error {
	if isBudget(r.Limit) {
		return overBudget(r, now)
	}
	kind, what := "requests", "requests per min (RPM)"
	switch r.Limit {
	case "tokens_per_minute":
		kind, what = "tokens", "tokens per min (TPM)"
	case "concurrency":
		what = "requests at the same time"
	}
	err := &openai.Error{Status: http.StatusTooManyRequests, Type: kind, Code: "rate_limit_exceeded", RetryAfter: r.RetryAfter}
	if r.Never {
		err.Final, err.RetryAfter = true, 0
		err.Message = fmt.Sprintf("Request too large for %s in %s on %s: Limit %d, Requested %d.", model, r.Scope, what, r.Max, r.Asked)
		return err
	}
	err.Message = fmt.Sprintf("Rate limit reached for %s in %s on %s: Limit %d, Used %d, Requested %d. Please try again in %s.",
		model, r.Scope, what, r.Max, r.Used, r.Asked, legibleWait(r.RetryAfter))
	return err
}

// overBudget needs no further try before the budget begins anew.
func overBudget(r *limit.Refusal, now time.Time) *openai.Error {
	period := "day"
	if r.Limit == "usd_per_month" {
		period = "month"
	}
	return &openai.Error{Status: http.StatusTooManyRequests, Type: "insufficient_quota", Code: "insufficient_quota", Final: true,
		Message: fmt.Sprintf("You exceeded the budget of %s: $%.2f a %s, of which $%.2f are spent or reserved. It begins anew at %s.", r.Scope,
			usage.Micros(r.Max).Dollars(), period, usage.Micros(r.Used).Dollars(), now.Add(r.RetryAfter).UTC().Format("2006-01-02 15:04 UTC"))}
}

// legibleWait is a duration as OpenAI writes them: 1s, 6m0s, 120ms.
func legibleWait(d time.Duration) string {
	return max(d, time.Millisecond).Round(time.Millisecond).String()
}

// tellLimits adds OpenAI's headers: of each kind the limit of which least is left.
func tellLimits(h http.Header, levels []limit.Level) {
	for name, kind := range map[string]string{"requests_per_minute": "Requests", "tokens_per_minute": "Tokens"} {
		var least *limit.Level
		for i := range levels {
			if l := &levels[i]; l.Limit == name && (least == nil || l.Max-l.Used < least.Max-least.Used) {
				least = l
			}
		}
		if least == nil {
			continue
		}
		h["X-Ratelimit-Limit-"+kind] = []string{strconv.FormatInt(least.Max, 10)}
		h["X-Ratelimit-Remaining-"+kind] = []string{strconv.FormatInt(max(0, least.Max-least.Used), 10)}
		h["X-Ratelimit-Reset-"+kind] = []string{legibleWait(least.Reset)}
	}
}
