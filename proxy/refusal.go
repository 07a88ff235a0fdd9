package proxy

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vertexgateway/translate/openai"
	"vertexgateway/usage"
	"vertexgateway/usage/limit"
)

func limitsUnavailable(cause error) *openai.Error {
	return &openai.Error{Status: http.StatusServiceUnavailable, Type: openai.TypeServer, Code: "limits_unavailable", RetryAfter: time.Second, Cause: cause,
		Message: "The gateway cannot look up the limits of your team at the moment."}
}

// isBudget tells whether a limit is one of money.
func isBudget(limit string) bool { return strings.HasPrefix(limit, "usd_") }

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
		Message: fmt.Sprintf("You exceeded the budget of %s: $%s a %s, of which $%s are spent or reserved. It begins anew at %s.", r.Scope,
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
