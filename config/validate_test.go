package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// hashA and hashB are hashes as a key has one.
var (
	hashA = strings.Repeat("a", 64)
	hashB = strings.Repeat("b", 64)
)

// problems is what Validate finds in c, each as line:column message.
func problems(t *testing.T, c *Config) []string {
	t.Helper()
	err := c.Validate()
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("not joined: %T", err)
	}
	var found []string
	for _, err := range joined.Unwrap() {
		p, ok := errors.AsType[*Problem](err)
		if !ok {
			t.Fatalf("not a Problem: %v", err)
		}
		found = append(found, fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Message))
	}
	return found
}

func TestValidate(t *testing.T) {
	for _, test := range []struct {
		name, content string
		want          []string
	}{
		{"addresses", "listen: localhost\nadmin_listen: 127.0.0.1:http\n", []string{
			`1:9 listen: "localhost": want host:port, as in 127.0.0.1:8080`,
			`2:15 admin_listen: "127.0.0.1:http": want a port from 0 to 65535, got "http"`,
		}},
		{"empty address", "listen: ''\nadmin_listen: 'a b:65536'\n", []string{
			`1:9 listen: "": want host:port, as in 127.0.0.1:8080`,
			`2:15 admin_listen: "a b:65536": want a port from 0 to 65535, got "65536"`,
			`2:15 admin_listen: "a b:65536": want an IP address or a host name, got "a b"`,
		}},
		{"same address twice", "listen: 127.0.0.1:9090\n", []string{
			`0:0 admin_listen: "127.0.0.1:9090": the address of listen; each needs its own`,
		}},
		{"any free port twice", "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n", nil},
		{"loopback addresses", "listen: localhost:1\n", nil},
		{"IPv6 loopback", "listen: '[::1]:1'\n", nil},
		{"IPv4 in IPv6 loopback", "listen: '[::ffff:127.0.0.2]:1'\n", nil},
		{"everywhere without teams", "listen: :8080\n", []string{
			`1:9 listen: ":8080": not a loopback address, and without keys anybody could call; add a team with a key to teams (a key's sha256), or listen on 127.0.0.1`,
		}},
		{"a host name without keys", "listen: example.com:8080\nteams: [{name: a}]\n", []string{
			`1:9 listen: "example.com:8080": not a loopback address, and without keys anybody could call; add a team with a key to teams (a key's sha256), or listen on 127.0.0.1`,
		}},
		{"everywhere with a key", "listen: 0.0.0.0:8080\nadmin_listen: :9090\nteams: [{name: a, keys: [{sha256: " + hashA + "}]}]\n", nil},

		{"project", "vertex: {project: a/b}\n", []string{`1:19 vertex.project: "a/b": not a project id`}},
		{"project of a domain", "vertex: {project: example.com:my-project-1}\n", nil},
		{"credentials", "vertex: {credentials: ' '}\n", []string{
			`1:23 vertex.credentials: " ": want adc, none or the path of a credentials file`,
		}},
		{"locations", "vertex:\n  locations: [us, US, a.b, -a, a-, us, '', " + strings.Repeat("a", 64) + "]\n", []string{
			`2:19 vertex.locations[1]: "US": not a location, as global, us or europe-west1 are`,
			`2:23 vertex.locations[2]: "a.b": not a location, as global, us or europe-west1 are`,
			`2:28 vertex.locations[3]: "-a": not a location, as global, us or europe-west1 are`,
			`2:32 vertex.locations[4]: "a-": not a location, as global, us or europe-west1 are`,
			`2:36 vertex.locations[5]: "us": named before`,
			`2:40 vertex.locations[6]: "": not a location, as global, us or europe-west1 are`,
			`2:44 vertex.locations[7]: "` + strings.Repeat("a", 64) + `": not a location, as global, us or europe-west1 are`,
		}},
		{"locations without a model", "vertex: {locations: [us-eastt5]}\n", []string{
			`1:21 vertex.locations: ["us-eastt5"]: no model of the catalogue is served there`,
		}},
		{"base URL without scheme", "vertex: {base_url: localhost:1}\n", []string{`1:20 vertex.base_url: want an absolute http or https URL`}},
		{"base URL without host", "vertex: {base_url: 'http:///x'}\n", []string{`1:20 vertex.base_url: want an absolute http or https URL`}},
		{"base URL of another scheme", "vertex: {base_url: 'ftp://x'}\n", []string{`1:20 vertex.base_url: want an absolute http or https URL`}},
		{"base URL that is none", "vertex: {base_url: 'http://a b/'}\n", []string{`1:20 vertex.base_url: want an absolute http or https URL`}},
		{"base URL with a user", "vertex: {base_url: 'http://u:p@x'}\n", []string{`1:20 vertex.base_url: want a URL without user and password`}},
		{"base URL with a query", "vertex: {base_url: 'http://x/?key=1'}\n", []string{`1:20 vertex.base_url: want a URL without query and fragment`}},
		{"base URL with an empty query", "vertex: {base_url: 'http://x/?'}\n", []string{`1:20 vertex.base_url: want a URL without query and fragment`}},
		{"base URL with a fragment", "vertex: {base_url: 'http://x/#a'}\n", []string{`1:20 vertex.base_url: want a URL without query and fragment`}},
		{"base URL", "vertex: {base_url: 'https://x:1/path'}\n", nil},
		{"versions", "vertex: {anthropic_version: '', http_version: 3}\n", []string{
			`1:29 vertex.anthropic_version: "": want a version without spaces, as in vertex-2023-10-16`,
			`1:47 vertex.http_version: "3": want 1.1 or 2`,
		}},
		{"plain versions", "vertex: {anthropic_version: v, http_version: 2}\n", nil},

		{"fallback", "fallback:\n  max_attempts: 0\n  first_token_timeout: 0s\n  cooldown: {min: 5m}\n", []string{
			`2:17 fallback.max_attempts: 0: want 1 or more`,
			`3:24 fallback.first_token_timeout: 0s: want more than 0`,
			`4:19 fallback.cooldown.min: 5m: above max, 2m`,
		}},
		{"no cool-down, no grace", "fallback: {cooldown: {min: 0, max: 0}}\nshutdown_grace: 0s\n", nil},
		{"thinking store", "thinking_store: {entries: -1, ttl: 0}\n", []string{
			`1:27 thinking_store.entries: -1: want 1 or more; 0 keeps nothing`,
			`1:36 thinking_store.ttl: 0s: want more than 0; entries: 0 keeps nothing`,
		}},
		{"no thinking store", "thinking_store: {entries: 0}\n", nil},
		{"fetch", "fetch: {max_bytes: 0}\n", []string{
			`1:20 fetch.max_bytes: 0: want more than 0; enabled: false fetches nothing`,
		}},
		{"fetch from anywhere", "fetch: {allow_private: [0.0.0.0/0, '::/0']}\n", nil},
		{"log", "log: {level: loud, format: xml}\n", []string{
			`1:14 log.level: "loud": want debug, info, warn or error`,
			`1:28 log.format: "xml": want json or console`,
		}},

		{"teams", "teams:\n- keys: []\n- name: ' '\n- name: a\n- {name: a}\n", []string{
			`2:3 teams[0].name: "": a team needs a name`,
			`3:9 teams[1].name: " ": a team needs a name`,
			`5:10 teams[3].name: "a": a second team of this name`,
		}},
		{"keys", "teams:\n- name: a\n  keys:\n  - name: k\n  - sha256: sk-secret\n  - sha256: " + hashA + "\n  - sha256: " + emptyHash +
			"\n  - sha256: " + hashA + "0\n- name: b\n  keys: [{sha256: " + hashB + "}, {sha256: " + strings.ToUpper(hashA) + "}]\n", []string{
			`4:5 teams[0].keys[0].sha256: want the key's SHA-256 as 64 hexadecimal digits`,
			`5:13 teams[0].keys[1].sha256: want the key's SHA-256 as 64 hexadecimal digits`,
			`7:13 teams[0].keys[3].sha256: the hash of an empty key`,
			`8:13 teams[0].keys[4].sha256: want the key's SHA-256 as 64 hexadecimal digits`,
			`10:95 teams[1].keys[1].sha256: the same hash as teams[0].keys[2].sha256`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			write(t, test.content)
			c, err := Load("gateway.yaml", env())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, problems(t, c)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestValidateModels(t *testing.T) {
	for _, test := range []struct {
		name, content string
		want          []string
	}{
		{"spellings", "models: [{name: claude-opus-4-5}, {name: claude-opus-4-5@20251101}, {name: anthropic/claude-haiku-4.5}]\n", nil},
		{"a model newer than the catalogue", "models: [{name: claude-opus-9-9}]\n", nil},
		{"an alias over a catalogue name", "models: [{name: claude-opus-4-5, model: claude-haiku-4-5}]\n", nil},
		{"families", "models: [{name: '*'}, {name: claude-*}, {name: claude-opus-4*}, {name: claude-opus-9*}, {name: cl*}]\n", nil},
		{"unknown", "models:\n- name: gpt-4o\n- name: cluade-sonnet-4-5\n- {name: fast, model: haiku}\n- {name: anthropic/foo}\n", []string{
			"2:9 models[0].name: \"gpt-4o\": unknown model; an alias needs `model:` with a name of the catalogue",
			`3:9 models[1].name: "cluade-sonnet-4-5": unknown model; did you mean "claude-sonnet-4-5"?`,
			`4:23 models[2].model: "haiku": unknown model`,
			"5:10 models[3].name: \"anthropic/foo\": unknown model; an alias needs `model:` with a name of the catalogue",
		}},
		{"other publishers", "models: [{name: mistralai/new-model}, {name: x, model: google/gemini}, {name: codestral-2}, {name: meta/llama-3.3-70b-instruct-maas}]\n", nil},
		{"families of other publishers", "models: [{name: mistral*}, {name: mistralai/*}, {name: anthropic/*}, {name: deepseek-ai/deep*}, {name: meta/new-*}]\n", nil},
		{"unknown publishers", "models: [{name: nobody/new-model}, {name: x, model: google/claude-opus-5}, {name: nobody/*}]\n", []string{
			"1:17 models[0].name: \"nobody/new-model\": unknown model; an alias needs `model:` with a name of the catalogue",
			`1:53 models[1].model: "google/claude-opus-5": unknown model; did you mean "claude-opus-5"?`,
			`1:83 models[2].name: "nobody/*": no model of the catalogue is named so`,
		}},
		{"what only Claude does", "models:\n- {name: codestral-2, cache: auto, structured_output: tool, web_search: true}\n- {name: '*', cache: auto, web_search: true}\n- {name: gemini-3.8-flash, cache: off, structured_output: native}\n", []string{
			`2:30 models[0].cache: "auto": only Claude's prompts are marked`,
			`2:55 models[0].structured_output: "tool": only Claude answers by a tool`,
			`2:73 models[0].web_search: true: only Claude searches`,
		}},
		{"provisioned throughput", "models:\n- {name: claude-opus-4-1, provisioned_throughput: dedicated}\n- {name: claude-fable-5-2, locations: [global], provisioned_throughput: spill}\n" +
			"- {name: claude-opus-5, locations: [global], provisioned_throughput: spill}\n- {name: x, model: glm-5-maas, provisioned_throughput: dedicated}\n" +
			"- {name: y, model: glm-5-maas, provisioned_throughput: shared}\n- {name: claude-*, provisioned_throughput: only}\n", []string{
			`4:70 models[2].provisioned_throughput: "spill": claude-opus-5 has no provisioned throughput in ["global"]`,
			`5:56 models[3].provisioned_throughput: "dedicated": glm-5-maas has no provisioned throughput in ["global"]`,
			`7:44 models[5].provisioned_throughput: "only": want auto, dedicated, shared or spill`,
		}},
		{"names", "models: [{model: claude-opus-5}, {name: a b, model: claude-opus-5}, {name: x, model: claude-opus-5}, {name: x, model: claude-opus-5}]\n", []string{
			`1:10 models[0].name: missing; it is what clients send`,
			`1:41 models[1].name: "a b": want a name without spaces; * may only stand at the end`,
			`1:109 models[3].name: "x": a second model of this name`,
		}},
		{"broken families", "models: [{name: 'cl*ude-*'}, {name: 'cl*ude'}, {name: gtp-*}, {name: claude-opus-*, model: claude-opus-5}]\n", []string{
			`1:17 models[0].name: "cl*ude-*": * may only stand at the end`,
			`1:37 models[1].name: "cl*ude": want a name without spaces; * may only stand at the end`,
			`1:55 models[2].name: "gtp-*": no model of the catalogue is named so`,
			`1:92 models[3].model: "claude-opus-5": a family such as "claude-opus-*" serves its models under their own names`,
		}},
		{"max_tokens", "models: [{name: claude-opus-4-1, max_tokens: 32000}, {name: x, model: claude-opus-4-1, max_tokens: 32001}, {name: claude-*, max_tokens: -1}]\n", []string{
			`1:100 models[1].max_tokens: 32001: above the 32000 that claude-opus-4-1@20250805 can answer with`,
			`1:137 models[2].max_tokens: -1: want 1 or more; 0 is the model's largest`,
		}},
		{"features", "models:\n- {name: claude-opus-5, cache: on, structured_output: json}\n- {name: claude-*, cache: Auto, structured_output: off}\n", []string{
			`2:32 models[0].cache: "on": want off or auto`,
			`2:55 models[0].structured_output: "json": want auto, native or tool`,
			`3:27 models[1].cache: "Auto": want off or auto`,
			`3:52 models[1].structured_output: "off": want auto, native or tool`,
		}},
		{"plain features", "models: [{name: claude-opus-5, cache: off, structured_output: tool, web_search: true}, {name: claude-*, cache: 'auto', structured_output: native}]\n", nil},
		{"its own locations", "models: [{name: claude-opus-5, locations: [eu, not_one, eu]}]\n", []string{
			`1:48 models[0].locations[1]: "not_one": not a location, as global, us or europe-west1 are`,
			`1:57 models[0].locations[2]: "eu": named before`,
		}},
		{"locations outside", "vertex: {locations: [us, eu]}\nmodels: [{name: claude-opus-5, locations: [eu, global]}]\n", []string{
			`2:48 models[0].locations[1]: "global": not in vertex.locations ["us" "eu"], and nothing outside them is ever called`,
		}},
		{"no location left", "vertex: {locations: [us]}\nmodels: [{name: x, model: claude-opus-4-1}, {name: claude-opus-5}]\n", []string{
			`2:27 models[0].model: "claude-opus-4-1": served in ["global" "us-east5"], none of which is in vertex.locations ["us"]`,
		}},
		{"a location the catalogue does not know of for the model", "vertex: {locations: [us]}\nmodels: [{name: claude-opus-4-1, locations: [us]}]\n", nil},
		{"a family of which some are not served", "vertex: {locations: [us]}\nmodels: [{name: claude-opus-*}]\n", nil},
		{"a family of which none is served", "vertex: {locations: [us-central1]}\nmodels: [{name: claude-opus-*}, {name: claude-sonnet-*, locations: [us-central1]}]\n", []string{
			`2:17 models[0].name: "claude-opus-*": none of its models is served in vertex.locations ["us-central1"]`,
		}},
		{"the catalogue of which some are not served", "vertex: {locations: [us]}\n", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			write(t, test.content)
			c, err := Load("gateway.yaml", env())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, problems(t, c)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestValidateEndpoints(t *testing.T) {
	const name, rest = "endpoint: projects/p/locations/us-central1/endpoints/7", "models:\n- {name: ft, endpoint: projects/p/locations/us-central1/endpoints/7, "
	for _, test := range []struct {
		name, content string
		want          []string
	}{
		{"only its name", "models: [{name: ft, " + name + "}]\n", nil},
		{"all that it may have", rest + "url: https://10.0.0.5, upstream_model: m, tls: {ca_file: a, server_name: b.c}, prices: {input: 1}, max_tokens: 9, provisioned_throughput: auto, cache: off}\n", nil},
		{"empty is absent", rest + "url: '', upstream_model: '', tls: {ca_file: '', server_name: '', insecure_skip_verify: false}}\n" +
			"- {name: claude-opus-5, endpoint: '', url: '', upstream_model: '', tls: {ca_file: '', server_name: '', insecure_skip_verify: false}}\n", nil},
		{"over a name of the catalogue", "models: [{name: claude-opus-5, " + name + "}]\n", nil},
		{"hosts", rest + "url: 'http://10.0.0.5'}\n- {name: b, " + name + ", url: 'https://[fd00::1]:8443'}\n- {name: c, " + name + ", url: https://7.us-central1-8.prediction.vertexai.goog, tls: {insecure_skip_verify: true, server_name: x}}\n", nil},
		{"its location", "vertex: {locations: [us-central1]}\n" + rest + "}\n", nil},
		{"no name", "models:\n- {" + name + "}\n- {name: ft*, " + name + "}\n- {name: a b, " + name + "}\n", []string{
			`2:3 models[0].name: missing; it is what clients send`,
			`3:10 models[1].name: "ft*": want a name without spaces; * may only stand at the end`,
			`4:10 models[2].name: "a b": want a name without spaces; * may only stand at the end`,
		}},
		{"the same name twice", "models:\n- {name: ft, " + name + "}\n- {name: ft, " + name + "}\n", []string{
			`3:10 models[1].name: "ft": a second model of this name`,
		}},
		{"no endpoint", "models:\n- {name: ft, endpoint: '7'}\n", []string{
			`2:24 models[0].endpoint: "7": want projects/PROJECT/locations/LOCATION/endpoints/ID`,
		}},
		{"a location outside", "vertex: {locations: [us, eu]}\n" + rest + "}\n", []string{
			`3:24 models[0].endpoint: "us-central1": not in vertex.locations ["us" "eu"], and nothing outside them is ever called`,
		}},
		{"what a model of the catalogue has", "models:\n- name: ft\n  " + name + "\n  model: claude-opus-5\n  locations: [us-central1]\n  provisioned_throughput: spill\n  cache: auto\n  structured_output: tool\n  web_search: true\n", []string{
			`4:10 models[0].model: "claude-opus-5": an endpoint serves a model of its own; what that is called there is upstream_model`,
			`5:14 models[0].locations: ["us-central1"]: an endpoint is where its name says`,
			`6:27 models[0].provisioned_throughput: "spill": an endpoint has machines of its own`,
			`7:10 models[0].cache: "auto": only Claude's prompts are marked`,
			`8:22 models[0].structured_output: "tool": only Claude answers by a tool`,
			`9:15 models[0].web_search: true: only Claude searches`,
		}},
		{"prices of the catalogue's models", "models:\n- {name: claude-opus-5, prices: {input: 0, output: 0}}\n- {name: fast, model: claude-haiku-4-5, prices: {input: 1}}\n- {name: claude-*, prices: {input: 2, regional: 1.1}}\n", nil},
		{"prices that are none", "models:\n- {name: claude-opus-5, prices: {input: -1}}\n- {name: claude-*, prices: {web_searches: -2}}\n", []string{
			`2:33 models[0].prices: input -1: not a price`,
			`3:28 models[1].prices: web_searches -2: not a price`,
		}},
		{"prices", rest + "prices: {input: -1, long: {output: -2}}}\n", []string{
			`2:78 models[0].prices: input -1: not a price; long.output -2: not a price`,
		}},
		{"without an endpoint", "models:\n- name: claude-opus-5\n  url: https://10.0.0.5\n  upstream_model: m\n  tls: {ca_file: a}\n  prices: {input: 1}\n- {name: claude-*, upstream_model: m}\n", []string{
			`3:8 models[0].url: only beside endpoint`,
			`4:19 models[0].upstream_model: "m": only beside endpoint`,
			`5:8 models[0].tls: only beside endpoint`,
			`7:36 models[1].upstream_model: "m": only beside endpoint`,
		}},
		{"tls without a URL", rest + "tls: {insecure_skip_verify: true}}\n", []string{
			`2:75 models[0].tls: only beside url: hosts that are looked up prove themselves to everybody`,
		}},
		{"tls without encryption", rest + "url: 'http://h', tls: {server_name: x}}\n", []string{
			`2:92 models[0].tls: nothing is proven over http`,
		}},
		{"tls that contradicts itself", rest + "url: 'https://h', tls: {ca_file: a, insecure_skip_verify: true}}\n", []string{
			`2:128 models[0].tls.insecure_skip_verify: true: then ca_file "a" is good for nothing`,
		}},
		{"a server name that is none", rest + "url: 'https://h', tls: {server_name: 'https://h'}}\n", []string{
			`2:107 models[0].tls.server_name: "https://h": want a host name`,
		}},
		{"URL without scheme", rest + "url: 10.0.0.5}\n", []string{`2:75 models[0].url: want an absolute http or https URL`}},
		{"URL with a path", rest + "url: 'https://h/v1'}\n", []string{`2:75 models[0].url: want only https:// or http:// and a host`}},
		{"URL with a slash", rest + "url: 'https://h/'}\n", []string{`2:75 models[0].url: want only https:// or http:// and a host`}},
		{"URL with a user", rest + "url: 'https://u:p@h'}\n", []string{`2:75 models[0].url: want a URL without user and password`}},
		{"URL with a query", rest + "url: 'https://h?key=1'}\n", []string{`2:75 models[0].url: want a URL without query and fragment`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			write(t, test.content)
			c, err := Load("gateway.yaml", env())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, problems(t, c)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An address may hold a password.
func TestAnEndpointsURLIsNotQuoted(t *testing.T) {
	write(t, "models:\n- {name: ft, endpoint: projects/p/locations/l/endpoints/7, url: 'https://u:secret@h'}\n")
	c, err := Load("gateway.yaml", env())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("the error is %v", err)
	}
}

func TestValidateCountsTheOverriddenValueAndNamesItsFlag(t *testing.T) {
	write(t, "listen: 0.0.0.0:80\nlog: {level: loud}\n")
	c, err := Load("gateway.yaml", env())
	if err != nil {
		t.Fatal(err)
	}
	c.Apply(Overrides{Listen: "127.0.0.1:80", LogLevel: "info"})
	if err := c.Validate(); err != nil {
		t.Errorf("the overrides repair the file: %v", err)
	}
	c.Apply(Overrides{Listen: "10.0.0.1:80", AdminListen: "x", LogLevel: "quiet", LogFormat: "xml"})
	want := `--admin-listen (GATEWAY_ADMIN_LISTEN): "x": want host:port, as in 127.0.0.1:8080
--listen (GATEWAY_LISTEN): "10.0.0.1:80": not a loopback address, and without keys anybody could call; add a team with a key to teams (a key's sha256), or listen on 127.0.0.1
--log-level (GATEWAY_LOG_LEVEL): "quiet": want debug, info, warn or error
--log-format (GATEWAY_LOG_FORMAT): "xml": want json or console`
	if diff := cmp.Diff(want, c.Validate().Error()); diff != "" {
		t.Error(diff)
	}
}

func TestValidateQuotesTheFile(t *testing.T) {
	write(t, "log:\n  level: ${LEVEL} # loud\nteams:\n- name: a\n  keys:\n    - {name: k, sha256: sk-secret}\n- keys:\n")
	c, err := Load("gateway.yaml", env("LEVEL=loud"))
	if err != nil {
		t.Fatal(err)
	}
	want := `gateway.yaml:6:25: teams[0].keys[0].sha256: want the key's SHA-256 as 64 hexadecimal digits
   6 |     - {name: k, sha256: *********}
     |                         ^
gateway.yaml:7:3: teams[1].name: "": a team needs a name
   7 | - keys:
     |   ^
gateway.yaml:2:10: log.level: "loud": want debug, info, warn or error
   2 |   level: ${LEVEL} # loud
     |          ^`
	if diff := cmp.Diff(want, c.Validate().Error()); diff != "" {
		t.Error(diff)
	}
}

func TestValidateQuotesTheStoreOfThinking(t *testing.T) {
	write(t, "thinking_store: {entries: -1}\n")
	c, err := Load("gateway.yaml", env())
	if err != nil {
		t.Fatal(err)
	}
	want := `gateway.yaml:1:27: thinking_store.entries: -1: want 1 or more; 0 keeps nothing
   1 | thinking_store: {entries: -1}
     |                           ^`
	if diff := cmp.Diff(want, c.Validate().Error()); diff != "" {
		t.Error(diff)
	}
}

func TestValidateWithoutAFile(t *testing.T) {
	c := Default()
	c.Log.Level = "loud"
	want := `log.level: "loud": want debug, info, warn or error`
	if diff := cmp.Diff(want, c.Validate().Error()); diff != "" {
		t.Error(diff)
	}
}
