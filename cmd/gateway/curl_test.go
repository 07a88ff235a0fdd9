package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// curl is as much of that program as the scripts and the demo's line need, so that
// neither depends on what is installed. Its exit code is 22 for an error status, as that
// of curl --fail-with-body.
func curl() {
	var headers []string
	flags := flag.NewFlagSet("curl", flag.ExitOnError)
	flags.Bool("N", false, "as it always does, it writes without waiting for more")
	data := flags.String("d", "", "post `text`, or with @ before a name the file of that name")
	method := flags.String("X", "", "`method`")
	flags.Func("H", "send a `header`", func(h string) error { headers = append(headers, h); return nil })
	var urls []string
	for rest := os.Args[1:]; len(rest) > 0; {
		_ = flags.Parse(rest) // exits by itself
		if rest = flags.Args(); len(rest) > 0 {
			urls, rest = append(urls, rest[0]), rest[1:]
		}
	}
	if name, ok := strings.CutPrefix(*data, "@"); ok {
		text, err := os.ReadFile(name)
		if err != nil {
			fmt.Fprintln(os.Stderr, "curl:", err)
		}
		*data = string(text)
	}
	if *method == "" {
		*method = map[bool]string{true: http.MethodGet, false: http.MethodPost}[*data == ""]
	}
	code, err := fetch(*method, strings.Join(urls, " "), *data, headers)
	if err != nil {
		fmt.Fprintln(os.Stderr, "curl:", err)
	}
	os.Exit(code)
}

func fetch(method, url, data string, headers []string) (code int, err error) {
	req, err := http.NewRequest(method, url, strings.NewReader(data))
	if err != nil {
		return 3, err
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		req.Header.Set(name, strings.TrimSpace(value))
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 7, err
	}
	defer res.Body.Close()
	if _, err := io.Copy(os.Stdout, res.Body); err != nil {
		return 18, err
	}
	if res.StatusCode >= 400 {
		return 22, fmt.Errorf("status %d", res.StatusCode)
	}
	return 0, nil
}
