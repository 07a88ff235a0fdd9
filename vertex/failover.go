package vertex

import (
	"bytes"
	"net/http"
)

// StatusOverloaded is Anthropic's status for a model without capacity.
const StatusOverloaded = 529

// A Verdict tells what a failed attempt means for the next one.
type Verdict struct {
	// Again: the same location deserves a second try.
	Again bool
	// Next: another location may do better.
	Next bool
	// OneHop: at most one attempt may follow.
	OneHop bool
	// Refresh: the token was refused; a new one deserves one try.
	Refresh bool
	// Cool: the location should be left alone for a while.
	Cool bool
	// Absent: the model is not to be had in this location, and will not be for minutes.
	Absent bool
	// Reason for logs and metrics.
	Reason string
}

// Unreached is the verdict on an attempt that brought no answer: no connection, no
// headers, or no first token in time. Only a connection that failed is tried again at
// once: what was silent would be silent again.
func Unreached(silent bool) Verdict {
	if silent {
		return Verdict{Next: true, Cool: true, Reason: "silent"}
	}
	return Verdict{Again: true, Next: true, Cool: true, Reason: "connect"}
}

// Judge is the table of which failures move to the next location (vertex.md 4.7).
func Judge(location string, status int, body []byte) Verdict {
	switch status {
	case http.StatusTooManyRequests:
		return Verdict{Next: true, Cool: true, Reason: "quota"}
	case StatusOverloaded, http.StatusServiceUnavailable:
		return Verdict{Next: true, Cool: true, Reason: "overloaded"}
	case http.StatusInternalServerError, http.StatusBadGateway:
		return Verdict{Again: true, Next: true, Cool: true, Reason: "server_error"}
	case http.StatusGatewayTimeout, http.StatusRequestTimeout:
		return Verdict{Next: true, OneHop: true, Cool: true, Reason: "timeout"}
	case http.StatusNotFound:
		return Verdict{Next: true, Cool: true, Absent: true, Reason: "not_found"}
	case http.StatusUnauthorized:
		return Verdict{Refresh: true, Reason: "unauthorized"}
	case http.StatusForbidden:
		return judgeForbidden(location, body)
	case http.StatusBadRequest:
		// A stale server behind global, about one call in 550 (vertex.md 4.4).
		if bytes.Contains(body, []byte("Input tag 'adaptive' found")) {
			return Verdict{Next: true, OneHop: true, Reason: "stale_server"}
		}
	}
	if status > http.StatusInternalServerError { // of a proxy or front end on the way, as 520
		return Verdict{Again: true, Next: true, Cool: true, Reason: "server_error"}
	}
	return Verdict{Reason: "refused"}
}

// judgeForbidden: an organisation may forbid the global endpoint and allow regions
// (gcp.restrictEndpointUsage). A missing permission is missing everywhere.
func judgeForbidden(location string, body []byte) Verdict {
	for _, everywhere := range []string{"Permission '", "IAM_PERMISSION_DENIED", "SERVICE_DISABLED", "permission_error", "CONSUMER_INVALID", "BILLING_DISABLED"} {
		if bytes.Contains(body, []byte(everywhere)) {
			return Verdict{Reason: "forbidden"}
		}
	}
	if location != "global" {
		return Verdict{Reason: "forbidden"}
	}
	return Verdict{Next: true, Cool: true, Absent: true, Reason: "global_blocked"}
}
