package config

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNothingWrittenIsTheDefault(t *testing.T) {
	for _, content := range []string{"", "\n", "# only a comment\n", "---\n", "---\n...\n", "\ufeff", "listen:\nvertex: ~\nmodels: null\nfallback: {cooldown: }\n"} {
		if diff := cmp.Diff(Default(), load(t, content), settings); diff != "" {
			t.Errorf("%q: %s", content, diff)
		}
	}
	c, err := Load("", env())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), c, settings); diff != "" {
		t.Error(diff)
	}
}

func TestMissingFile(t *testing.T) {
	t.Chdir(t.TempDir())
	c, err := Load("none.yaml", env())
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("the error is %v", err)
	}
	if c != nil {
		t.Error("a Config beside the error")
	}
}

func TestOneSettingLeavesItsNeighboursAtTheirDefault(t *testing.T) {
	want := Default()
	want.Fallback.Cooldown.Max = Duration(5e9)
	want.Log.Content = true
	got := load(t, "fallback: {cooldown: {max: 5s}}\nlog: {content: true}\n")
	if diff := cmp.Diff(want, got, settings); diff != "" {
		t.Error(diff)
	}
}

func TestSpellingsOfValues(t *testing.T) {
	hash := strings.Repeat("0123ABCDef", 7)[:64]
	c := load(t, "\ufefflisten: &a 127.0.0.1:7\r\nvertex:\r\n  project: 0123456789012345678901\r\n  anthropic_version: >-\r\n    folded\r\n"+
		"  locations: &l [us, eu]\r\nmodels:\r\n- {name: claude-opus-5, locations: *l}\r\nteams:\r\n- name: 1.10\r\n  keys: [{sha256: "+hash+"}]\r\n")
	want := Default()
	want.Listen = "127.0.0.1:7"
	want.Vertex.Project = "0123456789012345678901"
	want.Vertex.AnthropicVersion = "folded"
	want.Vertex.Locations = []string{"us", "eu"}
	want.Models = []Model{{Name: "claude-opus-5", Locations: []string{"us", "eu"}}}
	want.Teams = []Team{{Name: "1.10", Keys: []Key{{SHA256: strings.ToLower(hash)}}}}
	if diff := cmp.Diff(want, c, settings); diff != "" {
		t.Error(diff)
	}
}

func TestVariablesTakeTheTypeOfTheSetting(t *testing.T) {
	c := load(t, `
listen: ${HOST}:${PORT}
vertex: {project: "${PROJECT}", credentials: "$${HOST}/${YAML}", locations: ["${L}"]}
models: [{name: x, model: claude-opus-5, max_tokens: "${MAX}"}]
strict: ${YES}
shutdown_grace: ${GRACE}
`, "HOST=127.0.0.1", "PORT=80", "PROJECT=007", "YAML=a: [b] # ${HOST}\nstrict: false", "L=us", "MAX=12", "YES=true", "GRACE=5s")
	want := Default()
	want.Listen = "127.0.0.1:80"
	want.Vertex.Project = "007"
	want.Vertex.Credentials = "${HOST}/a: [b] # ${HOST}\nstrict: false"
	want.Vertex.Locations = []string{"us"}
	want.Models = []Model{{Name: "x", Model: "claude-opus-5", MaxTokens: 12}}
	want.Strict = true
	want.ShutdownGrace = Duration(5e9)
	if diff := cmp.Diff(want, c, settings); diff != "" {
		t.Error(diff)
	}
}

func TestMistakesArePointedAt(t *testing.T) {
	for _, test := range []struct{ name, content, want string }{
		{"all of them, in order", "listne: x\nfallback:\n  max_attempts: four\n  cooldown: {min: 30 s, max: 1}\nmodels:\n  - claude\n", `
gateway.yaml:1:1: listne: unknown key; did you mean "listen"?
   1 | listne…
     | ^
gateway.yaml:3:17: fallback.max_attempts: want a whole number, got four
   3 |   max_attempts: four
     |                 ^
gateway.yaml:4:19: fallback.cooldown.min: want a duration with its unit, as in 30s or 2m, got "30 s"
   4 |   cooldown: {min: 30 s, max: 1}
     |                   ^
gateway.yaml:4:30: fallback.cooldown.max: want a duration with its unit, as in 30s or 2m, got "1"
   4 |   cooldown: {min: 30 s, max: 1}
     |                              ^
gateway.yaml:6:5: models[0]: want keys and values, got claude
   6 |   - claude
     |     ^`},
		{"syntax", "log: [\n", `
gateway.yaml:1:6: sequence end token ']' not found
   1 | log: [
     |      ^`},
		{"a variable in braces without quotes", "log: {level: ${L}}\n", `
gateway.yaml:1:15: ',' or '}' must be specified
   1 | log: {level: ${L}}
     |               ^`},
		{"a key twice", "listen: a\n\"listen\": b\n", `
gateway.yaml:2:1: mapping key "listen" already defined at [1:1]
   2 | "listen": b
     | ^`},
		{"a second document", "strict: true\n---\nstrict: false\n", `
gateway.yaml:3:1: a second document; the file may hold one
   3 | strict: false
     | ^`},
		{"a list on top", "- listen\n", `
gateway.yaml:1:1: want keys and values, got a list
   1 | - listen
     | ^`},
		{"text on top", "listen\n", `
gateway.yaml:1:1: want keys and values, got listen
   1 | listen
     | ^`},
		{"mapping for a list", "models: {name: x}\n", `
gateway.yaml:1:9: models: want a list, got keys and values
   1 | models: {name: x}
     |         ^`},
		{"list for a value", "listen:\n  - a\n", `
gateway.yaml:2:3: listen: want a single value, got a list
   2 |   - a
     |   ^`},
		{"boolean for text", "listen: true\n", `
gateway.yaml:1:9: listen: want text (quote it), got true
   1 | listen: true
     |         ^`},
		{"text for a boolean", "strict: \"true\"\n", `
gateway.yaml:1:9: strict: want true or false, got "true"
   1 | strict: "true"
     |         ^`},
		{"yes for a boolean", "strict: yes\n", `
gateway.yaml:1:9: strict: want true or false, got yes
   1 | strict: yes
     |         ^`},
		{"a fraction for a whole number", "fallback: {max_attempts: 1.5}\n", `
gateway.yaml:1:26: fallback.max_attempts: want a whole number, got 1.5
   1 | fallback: {max_attempts: 1.5}
     |                          ^`},
		{"a negative duration", "shutdown_grace: -1s\n", `
gateway.yaml:1:17: shutdown_grace: want a duration that is not negative, got "-1s"
   1 | shutdown_grace: -1s
     |                 ^`},
		{"claims", "teams:\n- {name: a, jwt: {claims: [email]}}\n- name: b\n  jwt:\n    claims:\n      groups: [x]\n      <<: {c: d}\n      ? k\n      : {e: f}\n      &a x: y\n      *a : z\n", `
gateway.yaml:2:27: teams[0].jwt.claims: want keys and values, got a list
   2 | - {name: a, jwt: {claims: [email]}}
     |                           ^
gateway.yaml:6:15: teams[1].jwt.claims.groups: want a single value, got a list
   6 |       groups: [x]
     |               ^
gateway.yaml:7:7: teams[1].jwt.claims: want a text before each colon, got <<
   7 |       <<: {c: d}
     |       ^
gateway.yaml:8:7: teams[1].jwt.claims: want a text before each colon, got ? k
   8 |       ? k
     |       ^
gateway.yaml:10:7: teams[1].jwt.claims: want a text before each colon, got &a x
  10 |       &a x: y
     |       ^
gateway.yaml:11:7: teams[1].jwt.claims: want a text before each colon, got *a
  11 |       *a : z
     |       ^`},
		{"a claim twice", "teams:\n- name: a\n  jwt: {claims: {email: a, email: b}}\n", `
gateway.yaml:3:28: mapping key "email" already defined at [3:18]
   3 |   jwt: {claims: {email: a, email: b}}
     |                            ^`},
		{"fractions of a limit", "teams:\n- name: a\n  limits: {concurrency: 1.5, tokens_per_minute: 99999999999999999999, usd_per_day: 1e400, usd_per_month: $5}\n", `
gateway.yaml:3:25: teams[0].limits.concurrency: want a whole number, got 1.5
   3 |   limits: {concurrency: 1.5, tokens_per_minute: 99999999999999999999, usd_per_day: 1e400, usd_per_month: $5}
     |                         ^
gateway.yaml:3:49: teams[0].limits.tokens_per_minute: want a whole number, got 99999999999999999999
   3 |   limits: {concurrency: 1.5, tokens_per_minute: 99999999999999999999, usd_per_day: 1e400, usd_per_month: $5}
     |                                                 ^
gateway.yaml:3:84: teams[0].limits.usd_per_day: want a number, got 1e400
   3 |   limits: {concurrency: 1.5, tokens_per_minute: 99999999999999999999, usd_per_day: 1e400, usd_per_month: $5}
     |                                                                                    ^
gateway.yaml:3:106: teams[0].limits.usd_per_month: want a number, got $5
   3 |   limits: {concurrency: 1.5, tokens_per_minute: 99999999999999999999, usd_per_day: 1e400, usd_per_month: $5}
     |                                                                                                          ^`},
		{"days", "usage: {retention: 1.5d}\n", `
gateway.yaml:1:20: usage.retention: want a duration with its unit, as in 30s or 2m, got "1.5d"
   1 | usage: {retention: 1.5d}
     |                    ^`},
		{"sizes and networks", "fetch:\n  max_bytes: 5 MB\n  allow_private: [10.0.0.0/8, intranet, 10.1.2.3/16]\n", `
gateway.yaml:2:14: fetch.max_bytes: want a size, as in 5MiB, 500KB or 1048576, got "5 MB"
   2 |   max_bytes: 5 MB
     |              ^
gateway.yaml:3:31: fetch.allow_private[1]: want addresses, as in 10.0.0.0/8 or 10.1.2.3, got "intranet"
   3 |   allow_private: [10.0.0.0/8, intranet, 10.1.2.3/16]
     |                               ^
gateway.yaml:3:41: fetch.allow_private[2]: want 10.1.0.0/16, got "10.1.2.3/16"
   3 |   allow_private: [10.0.0.0/8, intranet, 10.1.2.3/16]
     |                                         ^`},
		{"an empty element", "teams:\n  -\n", `
gateway.yaml:2:5: teams[0]: empty
   2 |   -
     |     ^`},
		{"a tag", "listen: !!str 5\n", `
gateway.yaml:1:9: listen: want a single value, got a tag
   1 | listen: !!str 5
     |         ^`},
		{"an alias of nothing", "listen: *a\n", `
gateway.yaml:1:9: listen: no anchor &a before its use
   1 | listen: *a
     |         ^`},
		{"an alias of itself", "models: &a [*a]\n", `
gateway.yaml:1:12: models[0]: want keys and values, got a list
   1 | models: &a [*a]
     |            ^`},
		{"unset variable", "log:\n  level: ${NOPE}\n", `
gateway.yaml:2:10: log.level: the environment variable NOPE is not set
   2 |   level: ${NOPE}
     |          ^`},
		{"not a variable", "listen: ${1}\nadmin_listen: a${B\n", `
gateway.yaml:1:9: listen: "${1}": want ${NAME}; a literal ${ is written $${
   1 | listen: ${1}
     |         ^
gateway.yaml:2:15: admin_listen: "${B": want ${NAME}; a literal ${ is written $${
   2 | admin_listen: a${B
     |               ^`},
		{"a variable of the wrong type", "strict: ${T}\nfallback: {max_attempts: \"${EMPTY}\"}\n", `
gateway.yaml:1:9: strict: want true or false, got text
   1 | strict: ${T}
     |         ^
gateway.yaml:2:26: fallback.max_attempts: want a whole number, got ""
   2 | fallback: {max_attempts: "${EMPTY}"}
     |                          ^`},
		{"JSON with tabs and Windows line ends", "{\r\n\t\"lisen\": \"a\",\r\n\t\"lisTen\": \"b\"\r\n}\r\n", `
gateway.yaml:2:2: lisen: unknown key; did you mean "listen"?
   2 | 	lisen…
     | 	^
gateway.yaml:3:2: lisTen: unknown key; did you mean "listen"?
   3 | 	lisTen…
     | 	^`},
		{"an empty second document", "strict: true\n---\n", `
gateway.yaml:2:1: a second document; the file may hold one
   2 | ---
     | ^`},
		{"a duration in a list", "shutdown_grace: [1s]\n", `
gateway.yaml:1:17: shutdown_grace: want a single value, got a list
   1 | shutdown_grace: [1s]
     |                 ^`},
		{"a wide character before", "log: {level: \"ü\", content: 1}\n", `
gateway.yaml:1:28: log.content: want true or false, got 1
   1 | log: {level: "ü", content: 1}
     |                            ^`},
		{"secrets are not quoted", "teams:\n- {name: true, keys: [{sha256: sk-1, key: 'sk-2'}]}\n- password: sk-3\nvertex: {base_url: [http://u:sk-4@h], \"base_url2\": x}\n", `
gateway.yaml:2:10: teams[0].name: want text (quote it), got true
   2 | - {name: true, keys: [{sha256: ****, key: ******}]}
     |          ^
gateway.yaml:2:38: teams[0].keys[0].key: unknown key
   2 |                                      key…
     |                                      ^
gateway.yaml:3:3: teams[1].password: unknown key
   3 |   password…
     |   ^
gateway.yaml:4:20: vertex.base_url: want a single value, got a list
   4 | vertex: {base_url: ****************], "base_url2": x}
     |                    ^
gateway.yaml:4:39: vertex.base_url2: unknown key; did you mean "base_url"?
   4 |                                       base_url2…
     |                                       ^`},
	} {
		t.Run(test.name, func(t *testing.T) {
			write(t, test.content)
			_, err := Load("gateway.yaml", env("T=text", "EMPTY="))
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), err.Error()); diff != "" {
				t.Errorf("%s\n%s", diff, err)
			}
		})
	}
}

func TestClaims(t *testing.T) {
	for _, content := range []string{
		"teams: [{name: a, jwt: {issuer: 'https://h', audience: a, claims: {email: a@b, ok: true, n: 007, x: 1.50, 'https://c/d': \"${V}\", 12: 'null', no: no}}}]\n",
		"teams:\n- name: a\n  jwt:\n    issuer: https://h\n    audience: a\n    claims:\n      email: &e a@b\n      ok: true\n      n: 007\n      x: 1.50\n      https://c/d: ${V}\n      12: 'null'\n      no: no\n",
	} {
		want := map[string]string{"email": "a@b", "ok": "true", "n": "007", "x": "1.50", "https://c/d": "v: w", "12": "null", "no": "no"}
		if diff := cmp.Diff(want, load(t, content, "V=v: w").Teams[0].JWT.Claims); diff != "" {
			t.Error(diff)
		}
	}
}

// Wherever somebody writes an address with a password, no message shows that.
func TestPasswordsAreNotQuoted(t *testing.T) {
	for _, content := range []string{
		"usage: {store: 'mysql://u:secret@h', on_disconnect: x}\n",
		"usage: {store: 'postgres:/u:secret@h'}\n",
		"usage:\n  store: postgres://u:a,secret@/d # x\n",
		"usage:\n  store: \"postgres:u: secret}h\"\n",
		"usage:\n  store: 'postgres:u:, secret'\n",
		"usage:\n  store: mysql:u:,secret\n",
		"usage:\n  store:\n    mysql://u:p@secret@h\n",
		"usage:\n  store:\n  - postgres://u:secret@h\n",
		"usage: postgres://u:secret@h\n",
		"usage: 'postgres://u:secret@h'\n",
		"stor: postgres://u:secret@h\n",
		"limits: {redis: 'redis://:secret@h/x'}\n",
		"limits: {redis: 'redis:secret@h', fail: x}\n",
		"limits: redis://:secret@h\n",
		"limits: [redis://:secret@h]\n",
		"limits: {fail: redis://:secret@h, redis: {a: 'redis://:secret@h'}}\n",
	} {
		write(t, content)
		c, err := Load("gateway.yaml", env())
		if err == nil {
			err = c.Validate()
		}
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error is %v", content, err)
		}
	}
}

func TestProblemsCanBeTakenApart(t *testing.T) {
	write(t, "strict: 1\n")
	_, err := Load("gateway.yaml", env())
	p, ok := errors.AsType[*Problem](err)
	if !ok || p.File != "gateway.yaml" || p.Line != 1 || p.Column != 9 || p.Message != "strict: want true or false, got 1" {
		t.Errorf("%+v", p)
	}
}

// FuzzLoad: whatever the file holds, reading it neither panics nor points outside of it.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"listen: a\nvertex: {project: p, locations: [a b, 'b', \"c.d\"]}\n",
		"teams: [{jwt: {claims: {a: true, ? b: *x, <<: {}}}}]\nusage: {retention: 4d, store: postgres://u:p@h}\n",
		"log: &a {level: info}\nvertex: *a\n? x\n: y\n",
		"a: |\n  x\n- b: !!str >-\n", "models:\n - name: x\n   <<: *q\n...\n---\n%YAML", "log: ${X}\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		d := newDocument("f", content, env("X=x"))
		d.into(Default())
		for _, err := range d.problems {
			if p, ok := errors.AsType[*Problem](err); ok && (p.Line < 1 || p.Column < 1 || p.Error() == "") {
				t.Errorf("%+v", p)
			}
		}
	})
}
