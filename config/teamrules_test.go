package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A mistake is a configuration and what Validate says of it, each as line:column message.
type mistake struct {
	name, content string
	want          []string
}

func (m mistake) check(t *testing.T) {
	t.Run(m.name, func(t *testing.T) {
		write(t, m.content)
		c, err := Load("gateway.yaml", env())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m.want, problems(t, c)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestValidateNamesOfTeams(t *testing.T) {
	long := strings.Repeat("ä", 100)
	for _, m := range []mistake{
		{"plain", "teams:\n- name: search and rescue (Zürich)\n- name: " + long + "\n", nil},
		{"not for counters", "teams:\n- name: 'a{b'\n- name: \"a\\tb\"\n- name: a}\n- name: ä" + long + "\n", []string{
			`2:9 teams[0].name: "a{b": want a name without control characters, { and }`,
			`3:9 teams[1].name: "a\tb": want a name without control characters, { and }`,
			`4:9 teams[2].name: "a}": want a name without control characters, { and }`,
			`5:9 teams[3].name: "` + long + `ä": want at most 100 characters, got 101`,
		}},
		{"formulas", "teams: [{name: '=1+1'}, {name: '@a'}]\n", []string{
			`1:16 teams[0].name: "=1+1": want a name that begins with a letter or a digit: spreadsheets take others for formulas`,
			`1:32 teams[1].name: "@a": want a name that begins with a letter or a digit: spreadsheets take others for formulas`,
		}},
		{"of keys", "teams:\n- name: a\n  keys:\n  - {name: '{k}', sha256: " + hashA + "}\n  - {name: k" + long + ", sha256: " + hashB + "}\n", []string{
			`4:12 teams[0].keys[0].name: "{k}": want a name without control characters, { and }`,
			`5:12 teams[0].keys[1].name: "k` + long + `": want at most 100 characters, got 101`,
		}},
	} {
		m.check(t)
	}
}

// Metrics cannot have such a label.
func TestATeamsNameIsText(t *testing.T) {
	c := Default()
	c.Teams = []Team{{Name: "a\xff"}}
	if diff := cmp.Diff([]string{`0:0 teams[0].name: "a\xff": want a name without control characters, { and }`}, problems(t, c)); diff != "" {
		t.Error(diff)
	}
}

func TestValidateLimitsOfKeys(t *testing.T) {
	a, b := ", sha256: "+hashA, ", sha256: "+hashB
	for _, m := range []mistake{
		{"a key replaces another", "teams:\n- name: a\n  keys:\n  - {name: k" + a + ", limits: {concurrency: 1}}\n  - {name: k" + b + ", limits: {concurrency: 1}}\n", nil},
		{"the same name in two teams", "teams:\n- {name: a, keys: [{name: k" + a + ", limits: {concurrency: 1}}]}\n- {name: b, keys: [{name: k" + b + "}]}\n", nil},
		{"without names or limits", "teams:\n- name: a\n  keys:\n  - {name: ''" + a + "}\n  - {name: ''" + b + ", limits: {}}\n", nil},
		{"one name, two limits", "teams:\n- name: a\n  keys:\n  - {name: k" + a + ", limits: {concurrency: 1}}\n  - name: k\n    sha256: " + hashB + "\n    limits: {concurrency: 2}\n", []string{
			`7:13 teams[0].keys[1].limits: not those of teams[0].keys[0], which has the same name "k" and so shares them`,
		}},
		{"one name, limits and none", "teams:\n- name: a\n  keys:\n  - {name: k" + a + ", limits: {concurrency: 1}}\n  - {name: k" + b + "}\n", []string{
			`5:5 teams[0].keys[1].limits: not those of teams[0].keys[0], which has the same name "k" and so shares them`,
		}},
		{"limits without a name", "teams:\n- name: a\n  keys:\n  - sha256: " + hashA + "\n    limits: {concurrency: 1}\n", []string{
			"5:13 teams[0].keys[0].limits: a key with limits needs a name, by which they are counted",
		}},
		{"no names, limits and none", "teams:\n- name: a\n  keys:\n  - {name: ''" + a + ", limits: {concurrency: 1}}\n  - {name: ''" + b + "}\n", []string{
			"4:98 teams[0].keys[0].limits: a key with limits needs a name, by which they are counted",
		}},
		{"limits that are none", "teams:\n- name: a\n  keys:\n  - {name: k" + a + ", limits: {concurrency: -1}}\n", []string{
			"4:111 teams[0].keys[0].limits.concurrency: -1: want 1 or more; leave it out for no limit",
		}},
	} {
		m.check(t)
	}
}

func TestValidateLimits(t *testing.T) {
	for _, m := range []mistake{
		{"all", "teams: [{name: a, limits: {requests_per_minute: 1, tokens_per_minute: 1, concurrency: 1, usd_per_day: 0.000001, usd_per_month: 1000000000}}]\n", nil},
		{"day and month alike", "teams: [{name: a, limits: {usd_per_day: 3, usd_per_month: 3}}, {name: b, limits: {usd_per_day: 5}}]\n", nil},
		{"nothing said", "teams:\n- name: a\n  limits: {concurrency: , usd_per_day: null}\n- name: b\n  limits:\n", nil},
		{"0 said", "teams:\n- name: a\n  limits:\n    requests_per_minute: 0\n    tokens_per_minute: 0\n    concurrency: 0\n    usd_per_day: 0\n    usd_per_month: 0.0\n", []string{
			"4:26 teams[0].limits.requests_per_minute: 0: want 1 or more; leave it out for no limit",
			"5:24 teams[0].limits.tokens_per_minute: 0: want 1 or more; leave it out for no limit",
			"6:18 teams[0].limits.concurrency: 0: want 1 or more; leave it out for no limit",
			"7:18 teams[0].limits.usd_per_day: 0: want 0.000001 or more; leave it out for no limit",
			"8:20 teams[0].limits.usd_per_month: 0: want 0.000001 or more; leave it out for no limit",
		}},
		{"negative", "teams:\n- name: a\n  limits: {requests_per_minute: -1, tokens_per_minute: -2, concurrency: -3, usd_per_day: -4, usd_per_month: -0.5}\n", []string{
			"3:33 teams[0].limits.requests_per_minute: -1: want 1 or more; leave it out for no limit",
			"3:56 teams[0].limits.tokens_per_minute: -2: want 1 or more; leave it out for no limit",
			"3:73 teams[0].limits.concurrency: -3: want 1 or more; leave it out for no limit",
			"3:90 teams[0].limits.usd_per_day: -4: want 0.000001 or more; leave it out for no limit",
			"3:109 teams[0].limits.usd_per_month: -0.5: want 0.000001 or more; leave it out for no limit",
		}},
		{"too little, too much", "teams:\n- name: a\n  limits: {usd_per_day: 0.0000009, usd_per_month: 1000000001}\n", []string{
			"3:25 teams[0].limits.usd_per_day: 0.0000009: want 0.000001 or more; leave it out for no limit",
			"3:51 teams[0].limits.usd_per_month: 1000000001: want at most 1000000000; leave it out for no limit",
		}},
		{"a day above a month", "teams:\n- name: a\n  limits: {usd_per_day: 50.5, usd_per_month: 50}\n", []string{
			"3:25 teams[0].limits.usd_per_day: 50.5: above usd_per_month, 50",
		}},
	} {
		m.check(t)
	}
}

func TestANegativeLimitIsToldWithoutAFile(t *testing.T) {
	c := Default()
	c.Teams = []Team{{Name: "a", Limits: Limits{Concurrency: -1}}}
	if diff := cmp.Diff([]string{"0:0 teams[0].limits.concurrency: -1: want 1 or more; leave it out for no limit"}, problems(t, c)); diff != "" {
		t.Error(diff)
	}
}

func TestValidateLimitsOfModels(t *testing.T) {
	for _, m := range []mistake{
		{"plain", "teams: [{name: a, model_limits: [{models: [claude-*], limits: {concurrency: 1}}, {models: [claude-opus-*, '*'], limits: {usd_per_day: 1}}]}]\n", nil},
		{"no models, no limits", "teams:\n- name: a\n  model_limits:\n  - limits: {concurrency: 1}\n  - models: [claude-*]\n  - {models: [claude-opus-*], limits: {}}\n  - {models: [claude-opus-5], limits: {concurrency: }}\n", []string{
			"4:5 teams[0].model_limits[0].models: missing; limits of all models are the team's limits",
			"5:5 teams[0].model_limits[1].limits: no limit in it",
			"6:39 teams[0].model_limits[2].limits: no limit in it",
			"7:39 teams[0].model_limits[3].limits: no limit in it",
		}},
		{"a limit of 0 is told once", "teams:\n- name: a\n  model_limits: [{models: [claude-*], limits: {concurrency: 0}}]\n", []string{
			"3:61 teams[0].model_limits[0].limits.concurrency: 0: want 1 or more; leave it out for no limit",
		}},
		{"the same models twice", "teams:\n- name: a\n  model_limits: [{models: [claude-*], limits: {concurrency: 1}}, {models: [claude-*], limits: {usd_per_day: 1}}]\n", []string{
			`3:75 teams[0].model_limits[1].models: ["claude-*"]: limited before`,
		}},
		{"unknown models", "teams:\n- name: a\n  model_limits: [{models: [claude-opus-55, nope-*], limits: {usd_per_month: 0}}]\n", []string{
			`3:44 teams[0].model_limits[0].models[1]: "nope-*": no model that is served is named so`,
			"3:77 teams[0].model_limits[0].limits.usd_per_month: 0: want 0.000001 or more; leave it out for no limit",
		}},
	} {
		m.check(t)
	}
}

func TestValidateModelsOfTeams(t *testing.T) {
	const entries = "models:\n- {name: claude-sonnet-4-5}\n- {name: fast, model: claude-haiku-4-5}\n- {name: ft, endpoint: projects/p/locations/us/endpoints/7}\n- {name: mistralai/new-model}\n- {name: gemini-*}\n"
	for _, m := range []mistake{
		{"of the catalogue", "teams: [{name: a, models: ['*', claude-*, claude-opus-4-5, claude-opus-4-5@20251101, claude-opus-4-5-20251101, anthropic/claude-*, google/gemini-2.5-pro]}]\n", nil},
		{"newer than the catalogue", "teams: [{name: a, models: [claude-opus-9-9, claude-opus-9-*, anthropic/claude-new-1, mistralai/new-*, mistralai/new-model]}]\n", nil},
		{"of entries", entries + "teams: [{name: a, models: [claude-sonnet-4-5, claude-sonnet-*, fast, ft, f*, mistralai/new-model, mistralai/*, gemini-2.5-pro, gemini-2*]}]\n", nil},
		{"what an alias stands for", entries + "teams: [{name: a, models: [claude-haiku-4-5, claude-haiku-*]}]\n", nil},
		{"unknown", "teams:\n- name: a\n  models: [claude-opus-55, gpt-4o, gpt-*, '']\n", []string{
			`3:28 teams[0].models[1]: "gpt-4o": no model of this name is served`,
			`3:43 teams[0].models[3]: "": want the name of a model, or its beginning and a *`,
		}},
		{"not served", entries + "teams:\n- name: a\n  models: [claude-opus-5, claude-opus-*, claude-opus-9-9, fasst, mistralai/other, llama-ft]\n", []string{
			`9:12 teams[0].models[0]: "claude-opus-5": no model of this name is served`,
			`9:27 teams[0].models[1]: "claude-opus-*": no model that is served is named so`,
			`9:42 teams[0].models[2]: "claude-opus-9-9": no model of this name is served`,
			`9:59 teams[0].models[3]: "fasst": no model of this name is served; did you mean "fast"?`,
			`9:66 teams[0].models[4]: "mistralai/other": no model of this name is served`,
			`9:83 teams[0].models[5]: "llama-ft": no model of this name is served`,
		}},
		{"unknown models are told without their locations", "teams:\n- {name: a, models: [gpt-4o], locations: [us-west7]}\n", []string{
			`2:22 teams[0].models[0]: "gpt-4o": no model of this name is served`,
		}},
		{"not patterns", "teams:\n- name: a\n  models: ['cl*ude', '**', 'a b', claude-*, claude-*]\n", []string{
			`3:12 teams[0].models[0]: "cl*ude": * may only stand at the end`,
			`3:22 teams[0].models[1]: "**": * may only stand at the end`,
			`3:28 teams[0].models[2]: "a b": want the name of a model, or its beginning and a *`,
			`3:45 teams[0].models[4]: "claude-*": named before`,
		}},
		{"mistakes of models are told first", "models: [{name: cluade-sonnet-4-5}]\nteams: [{name: a, models: [claude-sonnet-4-5, 'a*b'], locations: [eu]}]\n", []string{
			`1:17 models[0].name: "cluade-sonnet-4-5": unknown model; did you mean "claude-sonnet-4-5"?`,
			`2:47 teams[0].models[1]: "a*b": * may only stand at the end`,
		}},
		{"a broken endpoint", "models: [{name: ft, endpoint: '7'}]\nteams: [{name: a, models: [ft], locations: [eu]}]\n", []string{
			`1:31 models[0].endpoint: "7": want projects/PROJECT/locations/LOCATION/endpoints/ID`,
		}},
	} {
		m.check(t)
	}
}

func TestValidateLocationsOfTeams(t *testing.T) {
	for _, m := range []mistake{
		{"some", "teams: [{name: a, locations: [eu, europe-west1]}]\n", nil},
		{"some of vertex.locations", "vertex: {locations: [global, us, eu]}\nteams: [{name: a, locations: [eu, us]}]\n", nil},
		{"some outside of vertex.locations", "vertex: {locations: [global, us, eu]}\nteams: [{name: a, locations: [eu, europe-west1]}]\n", nil},
		{"none", "teams:\n- name: a\n  locations: [EU, eu, eu]\n", []string{
			`3:15 teams[0].locations[0]: "EU": not a location, as global, us or europe-west1 are`,
			`3:23 teams[0].locations[2]: "eu": named before`,
		}},
		{"where nothing is served", "teams:\n- name: a\n  locations: [eu-west7]\n", []string{
			`3:14 teams[0].locations: ["eu-west7"]: no model that the team may ask for is served there`,
		}},
		{"where nothing is served of vertex.locations", "vertex: {locations: [us, me-west1]}\nteams:\n- name: a\n  locations: [me-west1]\n", []string{
			`4:14 teams[0].locations: ["me-west1"]: no model that the team may ask for is served there`,
		}},
		{"where its models are not", "teams:\n- name: a\n  models: [claude-opus-4-1, ft]\n  locations: [eu, us]\nmodels: [{name: claude-*}, {name: ft, endpoint: projects/p/locations/us-central1/endpoints/7}]\n", []string{
			`4:14 teams[0].locations: ["eu" "us"]: no model that the team may ask for is served there`,
		}},
		{"where an endpoint is", "teams:\n- name: a\n  models: [ft]\n  locations: [us-central1]\nmodels: [{name: claude-*}, {name: ft, endpoint: projects/p/locations/us-central1/endpoints/7}]\n", nil},
		{"where an alias is", "teams:\n- name: a\n  models: [fast]\n  locations: [us-east5]\nmodels: [{name: fast, model: claude-haiku-4-5, locations: [us-east5]}]\n", nil},
		{"where its entry is not", "teams:\n- name: a\n  models: [claude-opus-5]\n  locations: [eu]\nmodels: [{name: claude-*}, {name: claude-opus-5, locations: [us]}]\n", []string{
			`4:14 teams[0].locations: ["eu"]: no model that the team may ask for is served there`,
		}},
		{"where its family is not", "teams:\n- name: a\n  models: [claude-opus-9-9]\n  locations: [eu]\nmodels: [{name: claude-opus-*, locations: [us]}]\n", []string{
			`4:14 teams[0].locations: ["eu"]: no model that the team may ask for is served there`,
		}},
		{"where a newer model would be", "teams:\n- name: a\n  models: [claude-opus-9-9]\n  locations: [eu]\n", nil},
	} {
		m.check(t)
	}
}

func TestValidateJWT(t *testing.T) {
	const google = "issuer: https://accounts.google.com, audience: a"
	for _, m := range []mistake{
		{"plain", "teams: [{name: a, jwt: {issuer: 'https://id.example.com/realms/x', audience: a}}]\n", nil},
		{"opens the gateway", "listen: 0.0.0.0:8080\nteams: [{name: a, jwt: {issuer: 'https://id.example.com', audience: a}}]\n", nil},
		{"on loopback", "teams: [{name: a, jwt: {issuer: 'http://127.0.0.1:8000', audience: a}}, {name: b, jwt: {issuer: 'http://localhost', audience: a}}, {name: c, jwt: {issuer: 'http://[::1]:1', audience: a}}]\n", nil},
		{"Google", "teams: [{name: a, jwt: {" + google + ", claims: {email: x@p.iam.gserviceaccount.com, email_verified: true}}}]\n", nil},
		{"empty is none", "listen: 0.0.0.0:8080\nteams: [{name: a, jwt: {issuer: '', audience: '', claims: {}}}, {name: b, jwt: {}}]\n", []string{
			`1:9 listen: "0.0.0.0:8080": not a loopback address, and without keys anybody could call; add a team with a key to teams (a key's sha256), or listen on 127.0.0.1`,
		}},
		{"nothing in it but a claim", "teams:\n- name: a\n  jwt:\n    claims: {email: a}\n", []string{
			"4:5 teams[0].jwt.issuer: missing; it is what stands in the tokens as iss",
			`4:5 teams[0].jwt.audience: "": missing; it is what stands in the tokens as aud`,
		}},
		{"issuers", "teams:\n- {name: a, jwt: {audience: a, issuer: accounts.google.com}}\n- {name: b, jwt: {audience: a, issuer: 'http://id.example.com'}}\n- {name: c, jwt: {audience: a, issuer: 'https://u:secret@h'}}\n" +
			"- {name: d, jwt: {audience: a, issuer: 'https://h?x=1'}}\n- {name: e, jwt: {audience: a, issuer: 'https:///x'}}\n- {name: f, jwt: {audience: ' ', issuer: 'https://h#x'}}\n", []string{
			"2:40 teams[0].jwt.issuer: want an absolute http or https URL",
			"3:40 teams[1].jwt.issuer: want https: who changes the keys on their way can sign tokens",
			"4:40 teams[2].jwt.issuer: want a URL without user and password",
			"5:40 teams[3].jwt.issuer: want a URL without query and fragment",
			"6:40 teams[4].jwt.issuer: want an absolute http or https URL",
			"7:42 teams[5].jwt.issuer: want a URL without query and fragment",
			`7:29 teams[5].jwt.audience: " ": missing; it is what stands in the tokens as aud`,
		}},
		{"claims", "teams:\n- name: a\n  jwt:\n    issuer: https://h\n    audience: a\n    claims:\n      '': x\n      hd:\n      https://example.com/team: ''\n      iss: https://h\n      aud: a\n      exp: 1\n", []string{
			`7:11 teams[0].jwt.claims.: "": a claim needs a name`,
			"11:12 teams[0].jwt.claims.aud: that is audience",
			"8:10 teams[0].jwt.claims.hd: empty; want the value that lets in",
			"9:33 teams[0].jwt.claims.https://example.com/team: empty; want the value that lets in",
			"10:12 teams[0].jwt.claims.iss: that is issuer",
		}},
		{"everybody", "teams:\n- {name: a, jwt: {" + google + "}}\n- {name: b, jwt: {audience: a, issuer: https://token.actions.githubusercontent.com, claims: {}}}\n- name: c\n  jwt:\n    audience: a\n    issuer: https://accounts.google.com/\n    claims:\n      email_verified: true\n", []string{
			`2:18 teams[0].jwt.claims: "https://accounts.google.com" gives tokens to everybody; say whose are good, as in email: NAME@PROJECT.iam.gserviceaccount.com`,
			`3:93 teams[1].jwt.claims: "https://token.actions.githubusercontent.com" gives tokens to everybody; say whose are good, as in repository: OWNER/REPOSITORY`,
			`9:7 teams[2].jwt.claims: "https://accounts.google.com/" gives tokens to everybody; say whose are good, as in email: NAME@PROJECT.iam.gserviceaccount.com`,
		}},
		{"told apart", "teams:\n- {name: a, jwt: {" + google + ", claims: {email: a}}}\n- {name: b, jwt: {" + google + ", claims: {email: b}}}\n- {name: c, jwt: {" + google + "b, claims: {email: a}}}\n- {name: d, jwt: {issuer: https://h, audience: a, claims: {email: a}}}\n- {name: e, jwt: {" + google + ", claims: {sub: a}}}\n- {name: f}\n", nil},
		{"the same", "teams:\n- {name: a, jwt: {" + google + ", claims: {email: a}}}\n- {name: b, jwt: {" + google + ", claims: {email: a}}}\n", []string{
			"3:18 teams[1].jwt: tokens for it are good for teams[0].jwt too, or the other way; with the same issuer and audience each needs a claim that the other's tokens lack",
		}},
		{"one in the other", "teams:\n- {name: a, jwt: {issuer: https://h, audience: a, claims: {x: '1', y: '2'}}}\n- {name: b}\n- {name: c, jwt: {issuer: https://h, audience: a, claims: {y: '2'}}}\n- {name: d, jwt: {issuer: https://i, audience: a}}\n- {name: e, jwt: {issuer: https://i, audience: a, claims: {z: '1'}}}\n", []string{
			"4:18 teams[2].jwt: tokens for it are good for teams[0].jwt too, or the other way; with the same issuer and audience each needs a claim that the other's tokens lack",
			"6:18 teams[4].jwt: tokens for it are good for teams[3].jwt too, or the other way; with the same issuer and audience each needs a claim that the other's tokens lack",
		}},
	} {
		m.check(t)
	}
}

func TestValidateUsage(t *testing.T) {
	const team = "teams: [{name: a, limits: {usd_per_day: 1}}, {name: b, keys: [{name: k, sha256: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, limits: {usd_per_month: 1}}], model_limits: [{models: ['*'], limits: {usd_per_month: 1}}]}]\n"
	for _, m := range []mistake{
		{"SQLite", "usage: {store: 'sqlite:/var/lib/gateway/usage.db', retention: 1h, on_disconnect: drain, journal: ''}\n", nil},
		{"PostgreSQL", "usage: {store: 'postgres://u:p@h:5432/d?sslmode=require', retention: 0}\n", nil},
		{"PostgreSQL twice", "usage: {store: 'postgresql://h1:1,h2:2/d'}\n", nil},
		{"PostgreSQL on a socket", "usage: {store: 'postgres:///d?host=/run/postgresql'}\n", nil},
		{"none", "usage: {store: none, retention: 2h, journal: usage.db}\n" + team, nil},
		{"kept for ever", "usage: {retention: 0}\n" + team, nil},
		{"kept long enough", "usage: {retention: 31d}\n" + team, nil},
		{"too short for months", "usage: {retention: 30d}\n" + team, []string{
			"1:20 usage.retention: 30d: teams[1].keys[0].limits.usd_per_month is counted from the rows of a month; want 31d or more",
			"1:20 usage.retention: 30d: teams[1].model_limits[0].limits.usd_per_month is counted from the rows of a month; want 31d or more",
		}},
		{"too short for days", "usage:\n  retention: 23h\n" + team, []string{
			"2:14 usage.retention: 23h: teams[0].limits.usd_per_day is counted from the rows of a day; want 1d or more",
			"2:14 usage.retention: 23h: teams[1].keys[0].limits.usd_per_month is counted from the rows of a month; want 31d or more",
			"2:14 usage.retention: 23h: teams[1].model_limits[0].limits.usd_per_month is counted from the rows of a month; want 31d or more",
		}},
		{"too short for anything", "usage: {retention: 59m, on_disconnect: wait}\n" + team, []string{
			`1:40 usage.on_disconnect: "wait": want cancel or drain`,
			"1:20 usage.retention: 59m: want 1h or more; 0 keeps rows for ever",
		}},
		{"no store", "usage: {store: ''}\n", []string{
			"1:16 usage.store: want sqlite:PATH, postgres://USER:PASSWORD@HOST/DATABASE or none",
		}},
		{"another store", "usage: {store: 'mysql://u:secret@h/d'}\n", []string{
			"1:16 usage.store: want sqlite:PATH, postgres://USER:PASSWORD@HOST/DATABASE or none",
		}},
		{"a path", "usage:\n  store:\n    usage.db\n", []string{
			"3:5 usage.store: want sqlite:PATH, postgres://USER:PASSWORD@HOST/DATABASE or none",
		}},
		{"SQLite nowhere", "usage: {store: 'sqlite: '}\n", []string{
			"1:16 usage.store: want a path, as in sqlite:usage.db",
		}},
		{"the journal's file", "usage: {store: 'sqlite:a.db', journal: a.db}\n", []string{
			`1:40 usage.journal: "a.db": the file of store; each needs its own`,
		}},
		{"PostgreSQL nowhere", "usage: {store: 'postgres://u:secret@/d'}\n", []string{
			"1:16 usage.store: want a URL with a host, as in postgres://USER:PASSWORD@HOST/DATABASE",
		}},
		{"PostgreSQL as no URL", "usage: {store: 'postgres:u:secret@h'}\n", []string{
			"1:16 usage.store: want a URL with a host, as in postgres://USER:PASSWORD@HOST/DATABASE",
		}},
		{"PostgreSQL with a bad port", "usage: {store: 'postgres://u:secret@h:x/d'}\n", []string{
			"1:16 usage.store: want a URL with a host, as in postgres://USER:PASSWORD@HOST/DATABASE",
		}},
	} {
		m.check(t)
	}
}

func TestValidateCounting(t *testing.T) {
	for _, m := range []mistake{
		{"Redis", "limits: {redis: 'redis://h', fail: open, unknown_price: allow}\n", nil},
		{"Redis with everything", "limits: {redis: 'rediss://u:p@h:6380/3', fail: closed}\n", nil},
		{"not Redis", "limits: {redis: 'h:6379', fail: ask, unknown_price: free}\n", []string{
			"1:17 limits.redis: want redis://HOST or rediss://HOST, as in rediss://USER:PASSWORD@HOST:6379/0",
			`1:33 limits.fail: "ask": want local, open or closed`,
			`1:53 limits.unknown_price: "free": want deny or allow`,
		}},
		{"another scheme", "limits: {redis: 'http://u:secret@h'}\n", []string{
			"1:17 limits.redis: want redis://HOST or rediss://HOST, as in rediss://USER:PASSWORD@HOST:6379/0",
		}},
		{"nowhere", "limits: {redis: 'redis://:secret@'}\n", []string{
			"1:17 limits.redis: want redis://HOST or rediss://HOST, as in rediss://USER:PASSWORD@HOST:6379/0",
		}},
		{"a database by name", "limits: {redis: 'redis://:secret@h/main'}\n", []string{
			"1:17 limits.redis: want nothing but the number of a database after the host, as in /0",
		}},
		{"a database too many", "limits: {redis: 'redis://h/70000'}\n", []string{
			"1:17 limits.redis: want nothing but the number of a database after the host, as in /0",
		}},
		{"more than an address", "limits: {redis: 'redis://h/0?timeout=1s'}\n", []string{
			"1:17 limits.redis: want nothing but the number of a database after the host, as in /0",
		}},
		{"IPv6", "limits: {redis: 'redis://[::1]:6379'}\n", nil},
		{"IPv6 without port", "limits: {redis: 'redis://[::1]'}\n", []string{
			"1:17 limits.redis: want a port behind an IPv6 address, as in redis://[::1]:6379",
		}},
		{"two databases", "limits: {redis: 'redis://:secret@h/1/2'}\n", []string{
			"1:17 limits.redis: want nothing but the number of a database after the host, as in /0",
		}},
	} {
		m.check(t)
	}
}
