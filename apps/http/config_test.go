package http

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"tapestry/apps"
)

func TestConfigErrors(t *testing.T) {
	dir := folder(t, map[string]string{"www/bin/": "", "www/cgi-bin/": "", "file": "x"})
	tests := []struct {
		name, text, key, remedy string
	}{
		{"unknown", `rooot = "www"`, "rooot", `did you mean "root"?`},
		{"no folder", `root = "absent"`, "root", "create the folder"},
		{"file as root", `root = "file"`, "root", "create the folder"},
		{"method", `methods = ["GET", "PATCH"]`, "methods[1]", "choose of GET HEAD"},
		{"same port", "tls = true\nport = 8080\ntls_port = 8080", "tls_port", "choose another"},
		{"nothing", "plain = false\ntls = false", "plain", "leave the app out"},
		{"no SPX", "plain = false\ntls = false\nspx = true", "spx", "leave this key out"},
		{"no socket", `spx = "x"`, "spx", "a socket in hexadecimal"},
		{"certificate alone", `certificate = "file"`, "certificate", "both"},
		{"key alone", `key = "file"`, "key", "both"},
		{"certificate without TLS", "certificate = \"file\"\nkey = \"file\"\ntls = false", "tls", "remove one"},
		{"redirect without TLS", "https_redirect = true\ntls = false", "https_redirect", "remove one"},
		{"header", `max_header = 10`, "max_header", "at least 1024"},
		{"connections", `max_connections = 0`, "max_connections", "at least 1"},
		{"timeout", `idle_timeout = "0s"`, "idle_timeout", `"30s"`},
		{"no time", `write_timeout = 30`, "write_timeout", "a time such as"},
		{"redirect from", "[[redirect]]\nfrom = \"x\"\nto = \"/y\"", "redirect[0].from", "/old"},
		{"redirect to", "[[redirect]]\nfrom = \"/x\"\nto = \"y\"", "redirect[0].to", "/new"},
		{"redirect nowhere", "[[redirect]]\nfrom = \"/x\"", "redirect[0].to", "/new"},
		{"redirect status", "[[redirect]]\nfrom = \"/x\"\nto = \"/y\"\nstatus = 200", "redirect[0].status", "301"},
		{"prefix", `cgi = { "/" = "www" }`, "cgi", "/cgi-bin/"},
		{"prefix with dots", `cgi = { "/a/../b" = "www" }`, "cgi", "/cgi-bin/"},
		{"no CGI folder", `cgi = { "/cgi-bin" = "absent" }`, "cgi", "create the folder"},
		{"programs as files", "root = \"www\"\ncgi = { \"/cgi-bin\" = \"www/bin\" }", "cgi", "move it out"},
		{"root as programs", "root = \"www\"\ncgi = { \"/cgi-bin\" = \"www\" }", "cgi", "move it out"},
		{"type", `types = { "md" = "text/markdown" }`, "types", `".ext"`},
		{"address", `address = "alpha"`, "address", "an IP address"},
		{"access log", `access_log = "absent/log"`, "access_log", "can be written"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := apps.ParseConfig(filepath.Join(dir, "lab.toml"), []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			_, err = App.New(apps.NewEnv(apps.EnvConfig{}), d.Table())
			var ce *apps.ConfigError
			if !errors.As(err, &ce) || ce.Key != tt.key || !strings.Contains(err.Error(), tt.remedy) {
				t.Errorf("got %v, want one of the key %s that has %q", err, tt.key, tt.remedy)
			}
		})
	}
}

func TestConfigGood(t *testing.T) {
	dir := folder(t, map[string]string{"www/cgi-bin/": "", "bin/": ""})
	tests := []struct{ name, text, methods string }{
		{"empty", "", "GET HEAD OPTIONS"},
		{"programs", "root = \"www\"\ncgi = { \"/cgi-bin\" = \"www/cgi-bin\", \"/b/\" = \"bin\" }", "GET HEAD OPTIONS POST"},
		{"methods", `methods = ["GET"]`, "GET"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := apps.ParseConfig(filepath.Join(dir, "lab.toml"), []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			c, err := load(d.Table())
			if got := strings.Join(c.Methods, " "); err != nil || got != tt.methods {
				t.Errorf("got %q, %v, want %q", got, err, tt.methods)
			}
		})
	}
}
