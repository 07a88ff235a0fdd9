package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// A network is the name server of a test and what listens on loopback: 127.0.0.1 stands
// for the Internet, which the fetcher may reach, 127.0.0.2 for the inside.
type network struct {
	t *testing.T

	mu    sync.Mutex
	hosts map[string][][]string // by name: the addresses of each lookup in turn, the last for all further ones
}

var internet = netip.MustParsePrefix("127.0.0.1/32")

func newNetwork(t *testing.T) *network {
	return &network{t: t, hosts: make(map[string][][]string)}
}

func (n *network) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go n.answer(server)
		return client, nil
	}}
}

// fetcher is one that may reach the Internet.
func (n *network) fetcher(o Options, servers ...*httptest.Server) *Fetcher {
	o.AllowPrivate = append(o.AllowPrivate, internet)
	return n.stranger(o, servers...)
}

// stranger is a fetcher to which loopback is what it is.
func (n *network) stranger(o Options, servers ...*httptest.Server) *Fetcher {
	o.Resolver = n.resolver()
	f := New(o)
	roots := x509.NewCertPool()
	for _, s := range servers {
		roots.AddCert(s.Certificate())
	}
	f.transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	n.t.Cleanup(f.transport.CloseIdleConnections)
	return f
}

// answer answers one question about a name, over a stream (RFC 1035, section 4).
func (n *network) answer(c net.Conn) {
	defer c.Close()
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return
	}
	query := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(c, query); err != nil {
		return
	}
	var labels []string
	end := 12
	for query[end] != 0 {
		label := query[end+1 : end+1+int(query[end])]
		labels = append(labels, string(label))
		end += 1 + len(label)
	}
	question := query[12 : end+5]
	kind := binary.BigEndian.Uint16(query[end+1:])
	code, records := n.records(strings.Join(labels, "."), kind)
	reply := append([]byte{query[0], query[1], 0x81, 0x80 | code, 0, 1, 0, byte(len(records)), 0, 0, 0, 0}, question...)
	for _, r := range records {
		reply = append(reply, 0xc0, 12, byte(kind>>8), byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(len(r)))
		reply = append(reply, r...)
	}
	_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)) //nolint:gosec // some dozen bytes
}

const (
	typeA    = 1
	typeAAAA = 28
)

// records are the addresses of a name of one type; a lookup ends with IPv4.
func (n *network) records(name string, kind uint16) (code byte, found [][]byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	turns := n.hosts[name]
	if turns == nil {
		return 3, nil
	}
	for _, text := range turns[0] {
		addr := netip.MustParseAddr(text)
		if addr.Is4() == (kind == typeA) && (kind == typeA || kind == typeAAAA) {
			found = append(found, addr.AsSlice())
		}
	}
	if kind == typeA && len(turns) > 1 {
		n.hosts[name] = turns[1:]
	}
	return 0, found
}

// A site is a server with a count of connections to it.
type site struct {
	*httptest.Server
	accepted atomic.Int64
}

// serve starts a server at an address: ip:port, a port of 0 being any.
func serve(t *testing.T, address string, secure bool, h http.HandlerFunc) *site {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("this machine has no such loopback address: %v", err)
	}
	s := new(site)
	s.Server = httptest.NewUnstartedServer(h)
	s.Listener.Close()
	s.Listener = countingListener{l, &s.accepted}
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

// port is that of the server.
func (s *site) port() string {
	u, err := url.Parse(s.URL)
	if err != nil {
		panic(err)
	}
	return u.Port()
}

func (s *site) wantUntouched(t *testing.T) {
	t.Helper()
	if n := s.accepted.Load(); n != 0 {
		t.Errorf("%d connections to %s, want none", n, s.URL)
	}
}

type countingListener struct {
	net.Listener
	accepted *atomic.Int64
}

func (l countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.accepted.Add(1)
	}
	return c, err
}
