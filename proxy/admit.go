package proxy

import (
	"net/http"

	"vertexgateway/translate/openai"
	"vertexgateway/usage"
	"vertexgateway/usage/limit"
)

// admit lets a request in that its team's limits allow, and reserves what it may use. From
// then on it is one that the usage ledger knows.
func (x *exchange) admit(f openai.Usage) *openai.Error {
	if x.isDryRun() {
		return nil
	}
	if !x.gateway.options.Ledger.Accepts() {
		return usageUnavailable("The gateway cannot record usage at the moment, and is set to answer nothing that it cannot record.", nil)
	}
	if err := x.reserve(f); err != nil {
		return err
	}
	x.forecast, x.metered = f, true
	return nil
}

// reserve takes what is forecast from all limits that hold for the request.
func (x *exchange) reserve(f openai.Usage) *openai.Error {
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
		if !refusal.Never {
			tellLimits(x.w.Header(), []limit.Level{{Limit: refusal.Limit, Max: refusal.Max, Used: refusal.Used, Reset: refusal.RetryAfter}})
		}
		return overLimit(x.label(), refusal, x.now())
	}
	x.ticket = ticket
	tellLimits(x.w.Header(), ticket.Levels())
	return nil
}

// charge is what is reserved. A budget needs a price.
func (x *exchange) charge(f openai.Usage, scopes []*limit.Scope) (limit.Charge, *openai.Error) {
	c := limit.Charge{Tokens: f.Prompt() + f.Output}
	known := true
	for _, p := range x.route.places { // who answers is not known yet: the dearest may
		cost := x.price(p, f)
		c.Micros = max(c.Micros, cost.Micros)
		known = known && !cost.Unknown
	}
	if known {
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
	if p.isProvisioned() { // is paid for, used or not
		return usage.Cost{}
	}
	return usage.Price(x.route.prices, p.Location, u)
}
