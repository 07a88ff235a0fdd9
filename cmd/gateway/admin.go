package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"vertexgateway/config"
)

// askTimeout bounds one call to the admin address.
const askTimeout = 5 * time.Second

// remote are the flags of the commands that speak to a running gateway.
type remote struct {
	Config      string `placeholder:"FILE" help:"Configuration file of that gateway."`
	AdminListen string `placeholder:"ADDR" help:"Its admin address, in place of the file's."`
}

// address is where the gateway answers to this machine. With an address given, the
// configuration may be broken: the gateway may still run with the one before.
func (r *remote) address(s *system) (string, error) {
	listen := r.AdminListen
	if listen == "" {
		c, err := config.Load(r.Config, s.lookupenv)
		if err != nil {
			return "", err
		}
		listen = c.AdminListen
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil || port == "0" || port == "" {
		return "", fmt.Errorf("admin address %q: want host:port with the port it listens on", listen)
	}
	return net.JoinHostPort(reachable(host), port), nil
}

// reachable is the loopback address where host means all addresses.
func reachable(host string) string {
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		return "127.0.0.1" // also for ::, which takes both families
	}
	return host
}

// ask calls the admin address, without proxy. An answer other than 200 is an error with
// its text.
func ask(ctx context.Context, method, url string) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, http.NoBody)
	if err != nil {
		return err
	}
	transport := new(http.Transport)
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return errors.New(res.Status + ": " + strings.TrimSpace(string(text)))
	}
	return nil
}
