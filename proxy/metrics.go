package proxy

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"vertexgateway/translate/openai"
	"vertexgateway/usage/ledger"
)

// metrics are the series of contract.md. Label values come from the configuration and
// the catalogue only, never from a client.
type metrics struct {
	factory    promauto.Factory
	requests   *prometheus.CounterVec
	duration   *prometheus.HistogramVec
	firstToken *prometheus.HistogramVec
	tokens     *prometheus.CounterVec
	pages      *prometheus.CounterVec
	cost       *prometheus.CounterVec
	unpriced   *prometheus.CounterVec
	limited    *prometheus.CounterVec
	attempts   *prometheus.CounterVec
	fallbacks  *prometheus.CounterVec
	repairs    *prometheus.CounterVec
	inflight   *prometheus.GaugeVec
	panics     prometheus.Counter
	reloadOK   prometheus.Gauge
	reloadedAt prometheus.Gauge
}

func newMetrics(registry prometheus.Registerer) *metrics {
	f := promauto.With(registry)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return f.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		return f.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help,
			Buckets: []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600}}, labels)
	}
	return &metrics{
		factory:    f,
		requests:   counter("gateway_requests_total", "Requests answered, by HTTP status; 499: the client left.", "team", "model", "endpoint", "status"),
		duration:   histogram("gateway_request_duration_seconds", "From a request's arrival to the end of its answer.", "model", "endpoint"),
		firstToken: histogram("gateway_time_to_first_token_seconds", "From a request's arrival to the first content.", "model", "location"),
		tokens:     counter("gateway_tokens_total", "Tokens by type: input, output, cache_read, cache_write; reasoning is part of output.", "team", "model", "type"),
		pages:      counter("gateway_pages_total", "Pages that were read by OCR.", "team", "model"),
		cost:       counter("gateway_cost_usd_total", "Cost in US dollars by the catalogue's prices, where they are known.", "team", "model"),
		unpriced:   counter("gateway_unpriced_requests_total", "Requests that used something whose price is not known.", "team", "model"),
		limited:    counter("gateway_limited_total", "Requests refused by a limit.", "team", "limit"),
		attempts:   counter("gateway_upstream_attempts_total", "Calls made upstream.", "model", "location", "outcome"),
		fallbacks:  counter("gateway_fallbacks_total", "Moves from one location to the next.", "model", "from", "to", "reason"),
		repairs:    counter("gateway_repairs_total", "Requests that a model refused and that were mended.", "model", "repair"),
		inflight:   f.NewGaugeVec(prometheus.GaugeOpts{Name: "gateway_inflight_requests", Help: "Requests being answered."}, []string{"endpoint"}),
		panics:     f.NewCounter(prometheus.CounterOpts{Name: "gateway_panics_total", Help: "Requests that ended in a fault of the gateway's own code."}),
		reloadOK:   f.NewGauge(prometheus.GaugeOpts{Name: "gateway_config_last_reload_successful", Help: "1 if the last load of the configuration succeeded, else 0."}),
		reloadedAt: f.NewGauge(prometheus.GaugeOpts{Name: "gateway_config_last_reload_success_timestamp_seconds", Help: "When a configuration was last loaded."}),
	}
}

// watchLocation registers the gauge that tells whether a model's location is in use.
func (m *metrics) watchLocation(model, location string, available func() float64) {
	m.factory.NewGaugeFunc(prometheus.GaugeOpts{Name: "gateway_location_available",
		Help:        "1 unless the model's location is left alone after a failure.",
		ConstLabels: prometheus.Labels{"model": model, "location": location}}, available)
}

// watch registers what others count.
func (m *metrics) watch(l *ledger.Ledger, shared func() bool) {
	m.factory.NewGaugeFunc(prometheus.GaugeOpts{Name: "gateway_usage_queue_depth", Help: "Rows of usage that are not in the store yet."},
		func() float64 { return float64(l.Waiting()) })
	m.factory.NewCounterFunc(prometheus.CounterOpts{Name: "gateway_usage_lost_total", Help: "Rows of usage that could be kept nowhere but in the log."},
		func() float64 { return float64(l.Lost()) })
	m.factory.NewGaugeFunc(prometheus.GaugeOpts{Name: "gateway_limits_shared", Help: "1 while limits are counted in Redis, else 0."}, func() float64 {
		if shared() {
			return 1
		}
		return 0
	})
}

func (m *metrics) observe(x *exchange, seconds float64) {
	m.requests.WithLabelValues(x.key.Team, x.label(), x.endpoint, strconv.Itoa(x.status)).Inc()
	m.duration.WithLabelValues(x.label(), x.endpoint).Observe(seconds)
	if x.firstToken > 0 {
		m.firstToken.WithLabelValues(x.label(), x.location).Observe(x.firstToken.Seconds())
	}
	m.countTokens(x.key.Team, x.label(), &x.usage)
	if x.cost.Micros > 0 {
		m.cost.WithLabelValues(x.key.Team, x.label()).Add(x.cost.Micros.Dollars())
	}
	if x.cost.Unknown {
		m.unpriced.WithLabelValues(x.key.Team, x.label()).Inc()
	}
	if x.usage.Pages > 0 {
		m.pages.WithLabelValues(x.key.Team, x.label()).Add(float64(x.usage.Pages))
	}
}

func (m *metrics) countTokens(team, model string, u *openai.Usage) {
	for _, t := range [...]struct {
		kind string
		n    int64
	}{
		{"input", u.Input}, {"output", u.Output}, {"cache_read", u.CacheRead},
		{"cache_write", u.CacheWrite()}, {"reasoning", u.Reasoning},
	} {
		if t.n > 0 {
			m.tokens.WithLabelValues(team, model, t.kind).Add(float64(t.n))
		}
	}
}
