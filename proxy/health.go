package proxy

import (
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// The phases of a gateway's life.
const (
	phaseStarting int32 = iota
	phaseRunning
	phaseDraining
)

// Started tells the probes that the gateway listens.
func (g *Gateway) Started() { g.phase.CompareAndSwap(phaseStarting, phaseRunning) }

// Quit is closed when /quitquitquit was called.
func (g *Gateway) Quit() <-chan struct{} { return g.quit }

// Admin serves metrics, probes and the call to shut down.
func (g *Gateway) Admin() http.Handler {
	r := chi.NewRouter()
	for path, why := range map[string]func() string{"/livez": func() string { return "" }, "/startupz": g.unstarted, "/readyz": g.unready} {
		answer := func(w http.ResponseWriter, _ *http.Request) { say(w, why()) }
		r.Get(path, answer)
		r.Head(path, answer)
	}
	r.Post("/quitquitquit", g.quitQuitQuit)
	r.Method(http.MethodGet, "/metrics", promhttp.HandlerFor(g.options.Registry, promhttp.HandlerOpts{}))
	return r
}

// say answers a probe: all is well unless there is a reason why not.
func say(w http.ResponseWriter, why string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if why != "" {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, why+"\n") // nobody to tell
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}

func (g *Gateway) unstarted() string {
	if g.phase.Load() == phaseStarting {
		return "starting"
	}
	return ""
}

func (g *Gateway) unready() string {
	if g.phase.Load() == phaseDraining {
		return "draining"
	}
	if why := g.unstarted(); why != "" {
		return why
	}
	credentials := g.snapshot.Load().client.Credentials()
	if credentials.Ready() {
		return ""
	}
	if err := credentials.Err(); err != nil {
		return "no token: " + err.Error()
	}
	return "no token yet"
}

// quitQuitQuit asks the process to drain; only callers on this machine may, and no web
// page in a browser there.
func (g *Gateway) quitQuitQuit(w http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if ip := net.ParseIP(strings.Trim(host, "[]")); err != nil || ip == nil || !ip.IsLoopback() || r.Header.Get("Origin") != "" {
		http.Error(w, "only for callers on this machine", http.StatusForbidden)
		return
	}
	g.quitOnce.Do(func() { close(g.quit) })
	say(w, "")
}
