package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"vertexgateway/config"
	"vertexgateway/proxy/fetch"
	"vertexgateway/translate/openai"
)

const (
	// maxLinks is the most images and documents that a request may name by URL.
	maxLinks = 100
	// maxFetched bounds in bytes what they hold together: Vertex takes requests of 30 MB.
	maxFetched = 30 << 20
	// fetchers is how many of a request are fetched at once.
	fetchers = 8
	// maxFetching is how long all of it may take: the client hears nothing meanwhile.
	maxFetching = 30 * time.Second
)

// errSlow is the cause of fetches that end because others took the time.
var errSlow = fmt.Errorf("all that the request names by URL within %s", maxFetching)

// newFetcher makes the fetcher that the configuration describes.
func newFetcher(c config.Fetch) *fetch.Fetcher {
	allowed := make([]netip.Prefix, len(c.AllowPrivate))
	for i, n := range c.AllowPrivate {
		allowed[i] = n.Prefix
	}
	return fetch.New(fetch.Options{MaxBytes: int64(c.MaxBytes), AllowPrivate: allowed})
}

// fetchLinks gets the images and documents that a request names by URL, each URL once,
// and puts them into its parts. The error is about the first part that cannot be had.
func (x *exchange) fetchLinks(links []openai.Link) *openai.Error {
	switch {
	case len(links) == 0:
		return nil
	case !x.snapshot.config.Fetch.Enabled:
		return badLink(links[0].Param, "The gateway is set not to fetch URLs; send the data itself.")
	case len(links) > maxLinks:
		return badLink(links[maxLinks].Param, fmt.Sprintf("The request names %d images and documents by URL, more than the %d that are fetched.", len(links), maxLinks))
	}
	if x.isDryRun() { // which is free, but fetching is work
		if err := x.reserve(openai.Usage{}); err != nil {
			return err
		}
	}
	d := newDownload(links)
	d.run(x.ctx, x.snapshot.fetcher)
	return x.attach(links, d)
}

// attach puts what was fetched into the parts.
func (x *exchange) attach(links []openai.Link, d *download) *openai.Error {
	if err := x.ctx.Err(); err != nil {
		return x.ended(&openai.Error{Status: statusClientLeft, Message: "The client left.", Cause: err})
	}
	if d.total > maxFetched {
		return badLink("messages", fmt.Sprintf("What the request names by URL holds more than %d MiB together.", maxFetched>>20))
	}
	for _, l := range links {
		f := d.files[l.URL]
		if f.err != nil {
			err := badLink(l.Param, "Could not fetch "+f.err.Error()+".")
			err.Cause = errors.Unwrap(f.err)
			return err
		}
		l.Part.Media = &openai.Media{Data: f.data}
	}
	return nil
}

func badLink(param, message string) *openai.Error {
	err := openai.BadRequest("invalid_image_url", param, message)
	err.Quotes = true // a URL
	return err
}

// A download is the fetching of a request's links.
type download struct {
	files    map[string]*linked // by URL
	patience time.Duration

	mu      sync.Mutex
	waiting []*linked // in the order of the request
	total   int       // bytes in all parts
	stop    context.CancelFunc
}

// A linked is what a URL names.
type linked struct {
	url   string
	parts int // that name it
	data  []byte
	err   error
}

func newDownload(links []openai.Link) *download {
	d := &download{files: make(map[string]*linked, len(links)), patience: maxFetching}
	for _, l := range links {
		f, ok := d.files[l.URL]
		if !ok {
			f = &linked{url: l.URL}
			d.files[l.URL] = f
			d.waiting = append(d.waiting, f)
		}
		f.parts++
	}
	return d
}

// run fetches until all is there, or one failed and what stands before it in the request
// is known, or there is too much, or the time is up.
func (d *download) run(ctx context.Context, from *fetch.Fetcher) {
	ctx, d.stop = context.WithTimeoutCause(ctx, d.patience, errSlow)
	defer d.stop()
	var group sync.WaitGroup
	for range min(fetchers, len(d.waiting)) {
		group.Go(func() {
			for f := d.next(); f != nil; f = d.next() {
				data, err := from.Get(ctx, f.url)
				d.done(f, data, err)
			}
		})
	}
	group.Wait()
}

// next is the file to fetch; nil: none is left.
func (d *download) next() *linked {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.waiting) == 0 {
		return nil
	}
	f := d.waiting[0]
	d.waiting = d.waiting[1:]
	return f
}

func (d *download) done(f *linked, data []byte, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f.data, f.err = data, err
	d.total += f.parts * len(data)
	if err != nil {
		d.waiting = nil // all that stands before it has begun
	}
	if d.total > maxFetched {
		d.waiting = nil
		d.stop()
	}
}
