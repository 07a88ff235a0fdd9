package proxy

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"vertexgateway/translate/openai"
	"vertexgateway/usage"
	"vertexgateway/usage/limit"
)

// limitsUnavailable is the error of a request of which nobody knows whether it is over a limit.
func limitsUnavailable(cause error) *openai.Error {
	return unavailable("limits_unavailable", "The gateway cannot look up the limits of your team at the moment.", cause)
}

// usageUnavailable is the error of a request for which the ledger is needed, and is away.
func usageUnavailable(message string, cause error) *openai.Error {
	return unavailable("usage_store_unavailable", message, cause)
}

func unavailable(code, message string, cause error) *openai.Error {
	return &openai.Error{Status: http.StatusServiceUnavailable, Type: openai.TypeServer, Code: code, RetryAfter: time.Second, Message: message, Cause: cause}
}

// overLimit is the error of a request that is over a limit, in OpenAI's words, as SDKs and
// agents read them.
func overLimit(model string, r *limit.Refusal, now time.Time) *openai.Error {
	switch {
	case limit.IsBudget(r.Limit) && r.Held:
		return &openai.Error{Status: http.StatusTooManyRequests, Type: "requests", Code: "rate_limit_exceeded", RetryAfter: r.RetryAfter,
			Message: fmt.Sprintf("What is left of the budget of %s ($%s) is reserved for requests that are under way. Please try again in %s.",
				r.Scope, amount(r.Max), legibleWait(r.RetryAfter))}
	case limit.IsBudget(r.Limit):
		return overBudget(r, now)
	}
	kind, what := "requests", "requests per min (RPM)"
	switch r.Limit {
	case limit.TokensPerMinute:
		kind, what = "tokens", "tokens per min (TPM)"
	case limit.Concurrency:
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
	if r.Limit == limit.USDPerMonth {
		period = "month"
	}
	return &openai.Error{Status: http.StatusTooManyRequests, Type: "insufficient_quota", Code: "insufficient_quota", Final: true,
		Message: fmt.Sprintf("You exceeded the budget of %s: $%s a %s, of which $%s are spent. It begins anew at %s.", r.Scope,
			amount(r.Max), period, amount(r.Used), now.Add(r.RetryAfter).UTC().Format("2006-01-02 15:04 UTC"))}
}

// amount is in dollars, with as many digits as it takes.
func amount(micros int64) string {
	return strconv.FormatFloat(usage.Micros(micros).Dollars(), 'f', -1, 64)
}

// legibleWait is a duration as OpenAI writes them: 1s, 6m0s, 120ms.
func legibleWait(d time.Duration) string {
	return max(d, time.Millisecond).Round(time.Millisecond).String()
}

// tellLimits adds OpenAI's headers: of each kind the limit of which least is left.
func tellLimits(h http.Header, levels []limit.Level) {
	for name, kind := range map[string]string{limit.RequestsPerMinute: "Requests", limit.TokensPerMinute: "Tokens"} {
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
