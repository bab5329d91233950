package apps

import (
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
)

// sample has each kind of value that a configuration uses.
type sample struct {
	Port    uint16       `toml:"port"`
	Address netip.Addr   `toml:"address"`
	Root    string       `toml:"root"`
	Listing bool         `toml:"listing"`
	Idle    Duration     `toml:"idle"`
	DNS     []netip.Addr `toml:"dns"`
	Inner   struct {
		Size int `toml:"size"`
	} `toml:"inner"`
	Zones []struct {
		File string `toml:"file"`
	} `toml:"zone"`
	bounds
}

type bounds struct {
	MaxSessions int `toml:"max_sessions"`
}

const prelude = "[host.beta.app.http]\nrubbish = 1\n[host.alpha]\nname = \"x\"\n[host.alpha.app.http]\n" // 5 lines

func TestConfigErrors(t *testing.T) {
	const key = "lab.toml:6: host.alpha.app.http."
	tests := []struct {
		name, text, want string
	}{
		{"unknown", `rooot = "www"`, key + `rooot: unknown key; did you mean "root"?`},
		{"exchanged letters", `prot = 80`, key + `prot: unknown key; did you mean "port"?`},
		{"embedded", `max_session = 80`, key + `max_session: unknown key; did you mean "max_sessions"?`},
		{"nothing near", `xyzzy = 1`, key + `xyzzy: unknown key; the keys here are address, dns, idle, inner, listing, max_sessions, port, root, zone`},
		{"inner", "[host.alpha.app.http.inner]\nsiz = 1", `lab.toml:7: host.alpha.app.http.inner.siz: unknown key; did you mean "size"?`},
		{"inline", `inner = { size = 1, sise = 2 }`, key + `inner.sise: unknown key; did you mean "size"?`},
		{"dotted", `innner.size = 1`, key + `innner: unknown key; did you mean "inner"?`},
		{"table", "[host.alpha.app.http.iner]\nsize = 1\n[host.alpha.app.http.iner.more]\na = 1", key + `iner: unknown key; did you mean "inner"?`},
		{"two", "rot = \"a\"\nprt = 1", key + "rot: unknown key; did you mean \"root\"?\nlab.toml:7: host.alpha.app.http.prt: unknown key; did you mean \"port\"?"},
		{"array of tables", "[[host.alpha.app.http.zone]]\nfile = \"a\"\n[[host.alpha.app.http.zone]]\nfle = \"b\"",
			`lab.toml:9: host.alpha.app.http.zone[1].fle: unknown key; did you mean "file"?`},
		{"string for number", `port = "80"`, key + `port: must be a whole number from 0 to 65535, not a string`},
		{"too large", `port = 70000`, key + `port: must be a whole number from 0 to 65535, not 70000`},
		{"negative", `port = -1`, key + `port: must be a whole number from 0 to 65535, not -1`},
		{"number for string", `root = 1`, key + `root: must be a string, not an integer`},
		{"number for bool", `listing = 1`, key + `listing: must be true or false, not an integer`},
		{"number for table", `inner = 1`, key + `inner: must be a table, not an integer`},
		{"table for number", "[host.alpha.app.http.port]\nx = 1", key + `port: must be a whole number from 0 to 65535, not a table`},
		{"not an address", `address = "alpha"`, key + `address: ParseAddr("alpha"): unable to parse IP; must be an IP address such as "198.51.100.2"`},
		{"not a time", `idle = "10"`, key + `idle: not a time: "10"; must be a time such as "500ms", "10s" or "2h"`},
		{"number for time", `idle = 10`, key + `idle: must be a time such as "500ms", "10s" or "2h", not an integer`},
		{"in an array", "dns = [\"198.51.100.1\",\n\"x\"]", `lab.toml:7: host.alpha.app.http.dns[1]: ParseAddr("x"): unable to parse IP; must be an IP address such as "198.51.100.2"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := ParseConfig("lab.toml", []byte(prelude+tt.text+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			var v sample
			err = d.Table("host", "alpha", "app", "http").Decode(&v)
			if err == nil || err.Error() != tt.want {
				t.Errorf("%s\n got %v\nwant %s", tt.text, err, tt.want)
			}
			var ce *ConfigError
			if !errors.As(err, &ce) {
				t.Errorf("got a %T, want a *ConfigError", err)
			}
		})
	}
}

func TestConfigSyntax(t *testing.T) {
	tests := []struct {
		name, text, want string
	}{
		{"no value", "a = 1\nb = \n", "lab.toml:2: unexpected character U+000A at start of value"},
		{"twice", "a = 1\na = 2\n", "lab.toml:2: a: key a is already defined"},
		{"table twice", "[a]\n[b]\n[a]\n", "lab.toml:3: a: table a already exists"},
		{"open header", "[a\n", "lab.toml:1: expected ']' to close table name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseConfig("lab.toml", []byte(tt.text))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%q: got %v, want %s", tt.text, err, tt.want)
			}
		})
	}
}

// TestConfigForms decodes one table in each way that TOML has to write it.
func TestConfigForms(t *testing.T) {
	tests := []struct{ name, text string }{
		{"header", "[host.alpha.app.http]\nport = 8080\ninner.size = 3\n"},
		{"dotted", "host.alpha.app.http.port = 8080\nhost.alpha.app.http.inner.size = 3\n"},
		{"inline", "[host]\nalpha = { app = { http = { port = 8080, inner = { size = 3 } } } }\n"},
		{"parts", "[host.alpha.app]\nhttp.port = 8080\n[host.alpha.app.http.inner]\nsize = 3\n"},
		{"beside other keys", "name = \"lab\"\n[host.beta]\nx = 1\n[[segment]]\ny = 2\n[host.alpha.app.http]\nport = 8080\n[host.alpha.app.http.inner]\nsize = 3\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := ParseConfig("lab.toml", []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			v := sample{Root: "kept"}
			if err := d.Table("host", "alpha", "app", "http").Decode(&v); err != nil {
				t.Fatal(err)
			}
			if v.Port != 8080 || v.Inner.Size != 3 || v.Root != "kept" {
				t.Errorf("got %+v", v)
			}
		})
	}
}

// TestConfigWhole decodes a file whose app tables stay open, as a lab does.
func TestConfigWhole(t *testing.T) {
	type host struct {
		Gateway netip.Addr     `toml:"gateway"`
		App     map[string]any `toml:"app"`
	}
	type lab struct {
		Name string          `toml:"name"`
		Host map[string]host `toml:"host"`
	}
	tests := []struct{ name, text, want string }{
		{"right", "name = \"lab\"\n[host.alpha.app.http]\nanything = 1\n[host.alpha.app.http.deep]\nx = 1\n", ""},
		{"app without keys", "[host.alpha.app.echo]\n", ""},
		{"unknown in a map's value", "[host.alpha]\ngatway = \"198.51.100.1\"\n", `lab.toml:2: host.alpha.gatway: unknown key; did you mean "gateway"?`},
		{"unknown table", "[hosts.alpha]\nx = 1\n", `lab.toml:1: hosts: unknown key; did you mean "host"?`},
		{"wrong type in a map's value", "[host.alpha]\ngateway = 1\n", `lab.toml:2: host.alpha.gateway: must be an IP address such as "198.51.100.2", not an integer`},
		{"name with a point", "[host.\"a.b\"]\ngatway = 1\n", `lab.toml:2: host."a.b".gatway: unknown key; did you mean "gateway"?`},
		{"ends of lines of another system", "name = \"lab\"\r\nnam = 1\r\n", `lab.toml:2: nam: unknown key; did you mean "name"?`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := ParseConfig("lab.toml", []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if err := d.Decode(new(lab)); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("%s\n got %s\nwant %s", tt.text, got, tt.want)
			}
		})
	}
}

func TestInvalid(t *testing.T) {
	text := "[host.alpha.app.dns]\n\nzones = [\n  \"a.zone\",\n  \"b.zone\",\n]\n"
	d, err := ParseConfig("lab.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	c := d.Table("host", "alpha", "app", "dns")
	tests := []struct{ name, key, want string }{
		{"key", "zones", "lab.toml:3: host.alpha.app.dns.zones: unreadable; give another"},
		{"element", "zones[1]", "lab.toml:5: host.alpha.app.dns.zones[1]: unreadable; give another"},
		{"absent", "port", "lab.toml:1: host.alpha.app.dns.port: unreadable; give another"},
		{"the table", "", "lab.toml:1: host.alpha.app.dns: unreadable; give another"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Invalid(c, tt.key, "unreadable", "give another").Error(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	if got := Invalid(NoConfig, "port", "taken", "").Error(); got != "port: taken" {
		t.Errorf("without a file: got %s", got)
	}
}

func TestConfigPath(t *testing.T) {
	d, err := ParseConfig(filepath.Join("labs", "one.toml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := d.Table("host", "alpha", "app", "http")
	if got, want := c.Path("www"), filepath.Join("labs", "www"); got != want {
		t.Errorf("relative: got %s, want %s", got, want)
	}
	if got := c.Path("/srv/www"); got != "/srv/www" {
		t.Errorf("absolute: got %s", got)
	}
}

// FuzzParseConfig holds that no text makes the reading or the explaining of errors panic.
func FuzzParseConfig(f *testing.F) {
	f.Add(prelude)
	f.Add("[[a]]\nb = [{c = 1}, {d = [1, 2]}]\n[a.e]\nf.g = 'x'\n")
	f.Add("host = { alpha = { app = { http = { port = 'x' } } } }")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseConfig("lab.toml", []byte(text))
		if err != nil {
			return
		}
		var v sample
		_ = d.Table("host", "alpha", "app", "http").Decode(&v)
		_ = d.Decode(&v)
	})
}
