package http

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"tapestry/apps"
)

// config is the table of the lab's file; README.md describes the keys.
type config struct {
	Address netip.Addr  `toml:"address"`
	Port    uint16      `toml:"port"`
	Plain   bool        `toml:"plain"`
	SPX     apps.Socket `toml:"spx"`

	TLS           *bool  `toml:"tls"`
	TLSPort       uint16 `toml:"tls_port"`
	Certificate   string `toml:"certificate"`
	Key           string `toml:"key"`
	HTTP2         bool   `toml:"http2"`
	HTTPSRedirect bool   `toml:"https_redirect"`

	Root      string            `toml:"root"`
	Index     []string          `toml:"index"`
	Listing   bool              `toml:"listing"`
	Hidden    bool              `toml:"hidden"`
	Charset   string            `toml:"charset"`
	Types     map[string]string `toml:"types"`
	Methods   []string          `toml:"methods"`
	Redirects []redirect        `toml:"redirect"`
	AccessLog string            `toml:"access_log"`

	CGI          map[string]string `toml:"cgi"`
	CGIPath      string            `toml:"cgi_path"`
	CGITimeout   apps.Duration     `toml:"cgi_timeout"`
	CGIProcesses int               `toml:"cgi_processes"`
	CGIMaxOutput int64             `toml:"cgi_max_output"`

	MaxBody        int64         `toml:"max_body"`
	MaxHeader      int           `toml:"max_header"`
	MaxURI         int           `toml:"max_uri"`
	MaxConnections int           `toml:"max_connections"`
	HeaderTimeout  apps.Duration `toml:"header_timeout"`
	IdleTimeout    apps.Duration `toml:"idle_timeout"`
	BodyTimeout    apps.Duration `toml:"body_timeout"`
	WriteTimeout   apps.Duration `toml:"write_timeout"`

	table apps.Config // for errors
}

// redirect sends clients from one path elsewhere. A From that ends in "/" stands for everything below it.
type redirect struct {
	From   string `toml:"from"`
	To     string `toml:"to"`
	Status int    `toml:"status"`
}

// spxSocket is where the server is on SPX: nobody has a right to it, and it looks like what it is.
const spxSocket = 0x8080

func defaults() config {
	return config{
		Port: 80, Plain: true, SPX: apps.Socket{Number: spxSocket}, TLSPort: 443, HTTP2: true,
		Index: []string{"index.html", "index.htm"}, Charset: "utf-8",
		CGIPath: "/usr/local/bin:/usr/bin:/bin", CGITimeout: apps.Duration{Duration: time.Minute}, CGIProcesses: 16, CGIMaxOutput: 1 << 30,
		MaxBody: 1 << 30, MaxHeader: 64 << 10, MaxURI: 8000, MaxConnections: 8192,
		HeaderTimeout: apps.Duration{Duration: 10 * time.Second}, IdleTimeout: apps.Duration{Duration: time.Minute},
		BodyTimeout: apps.Duration{Duration: 30 * time.Second}, WriteTimeout: apps.Duration{Duration: 30 * time.Second},
	}
}

// load decodes the table and checks it.
func load(table apps.Config) (config, error) {
	c := defaults()
	if err := table.Decode(&c); err != nil {
		return c, err
	}
	c.table = table
	c.fill()
	return c, c.check()
}

// fill makes paths absolute and adds what depends on other keys.
func (c *config) fill() {
	for _, p := range []*string{&c.Root, &c.Certificate, &c.Key, &c.AccessLog} {
		if *p != "" {
			*p = c.table.Path(*p)
		}
	}
	cgi := make(map[string]string, len(c.CGI))
	for prefix, folder := range c.CGI {
		cgi[strings.TrimRight(prefix, "/")+"/"] = c.table.Path(folder)
	}
	c.CGI = cgi
	if c.Methods == nil {
		c.Methods = []string{"GET", "HEAD", "OPTIONS"}
		if len(c.CGI) > 0 {
			c.Methods = append(c.Methods, "POST")
		}
	}
	for i := range c.Redirects {
		if c.Redirects[i].Status == 0 {
			c.Redirects[i].Status = 302
		}
	}
}

// invalid is the error of a key: its line, what is wrong, and what to do.
func (c *config) invalid(key, remedy, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if cause := errors.Unwrap(err); cause != nil {
		return apps.InvalidErr(c.table, key, cause, remedy)
	}
	return apps.Invalid(c.table, key, err.Error(), remedy)
}

func (c *config) check() error {
	return errors.Join(
		c.checkSockets(), c.checkLimits(), c.checkMethods(), c.checkRedirects(), c.checkFolders(), c.checkTypes(),
	)
}

func (c *config) checkSockets() error {
	off := c.TLS != nil && !*c.TLS
	switch {
	case c.Certificate != "" && c.Key == "":
		return c.invalid("certificate", "give both files, or none", "has no key")
	case c.Certificate == "" && c.Key != "":
		return c.invalid("key", "give both files, or none", "has no certificate")
	case off && !c.Plain && !c.SPX.On:
		return c.invalid("plain", "set one to true, or leave the app out", "nothing would listen: plain and tls are both false")
	case off && c.Certificate != "":
		return c.invalid("tls", "remove one of them", "is false, but a certificate is given")
	case off && c.HTTPSRedirect:
		return c.invalid("https_redirect", "remove one of them", "needs tls, which is false")
	case !off && c.Plain && c.Port == c.TLSPort && c.Port != 0:
		return c.invalid("tls_port", "choose another one", "%d is the port of plain HTTP too", c.TLSPort)
	}
	return nil
}

func (c *config) checkLimits() error {
	var errs []error
	atLeast := func(key string, n, least int64) {
		if n < least {
			errs = append(errs, c.invalid(key, fmt.Sprintf("give at least %d", least), "%d is too small", n))
		}
	}
	atLeast("max_body", c.MaxBody, 0)
	atLeast("max_header", int64(c.MaxHeader), 1024)
	atLeast("max_uri", int64(c.MaxURI), 64)
	atLeast("max_connections", int64(c.MaxConnections), 1)
	atLeast("cgi_processes", int64(c.CGIProcesses), 1)
	atLeast("cgi_max_output", c.CGIMaxOutput, 1)
	positive := func(key string, d apps.Duration) {
		if d.Duration <= 0 {
			errs = append(errs, c.invalid(key, `give one such as "30s"`, "%v is too short", d.Duration))
		}
	}
	positive("header_timeout", c.HeaderTimeout)
	positive("idle_timeout", c.IdleTimeout)
	positive("body_timeout", c.BodyTimeout)
	positive("write_timeout", c.WriteTimeout)
	positive("cgi_timeout", c.CGITimeout)
	return errors.Join(errs...)
}

// configurable are the methods that can be switched on.
var configurable = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"}

func (c *config) checkMethods() error {
	for i, m := range c.Methods {
		if !slices.Contains(configurable, m) {
			return c.invalid(fmt.Sprintf("methods[%d]", i), "choose of "+strings.Join(configurable, " "), "%q is unknown", m)
		}
	}
	return nil
}

func (c *config) checkRedirects() error {
	for i, r := range c.Redirects {
		key := func(name string) string { return fmt.Sprintf("redirect[%d].%s", i, name) }
		if !strings.HasPrefix(r.From, "/") {
			return c.invalid(key("from"), `write a path such as "/old"`, "%q does not begin with /", r.From)
		}
		if u, err := url.Parse(r.To); err != nil || u.Scheme == "" && !strings.HasPrefix(r.To, "/") {
			return c.invalid(key("to"), `write a path such as "/new", or a whole URL`, "%q is neither a path nor a URL", r.To)
		}
		if !slices.Contains([]int{301, 302, 303, 307, 308}, r.Status) {
			return c.invalid(key("status"), "choose of 301 302 303 307 308", "%d is no redirection", r.Status)
		}
	}
	return nil
}

func (c *config) checkFolders() error {
	const remedy = "create the folder, or correct the path"
	if c.Root != "" {
		if err := checkFolder(c.Root); err != nil {
			return c.invalid("root", remedy, "%w", err)
		}
	}
	for _, prefix := range slices.Sorted(maps.Keys(c.CGI)) {
		folder := c.CGI[prefix]
		if p, err := canonical(&url.URL{Path: prefix}); err != nil || p != prefix || prefix == "/" {
			return c.invalid("cgi", `write it like "/cgi-bin/"`, "%q is no prefix of paths", prefix)
		}
		if err := checkFolder(folder); err != nil {
			return c.invalid("cgi", remedy, "%w", err)
		}
		if c.shows(prefix, folder) {
			return c.invalid("cgi", "move it out of root", "%s lies below root, where its programs could be read and written", folder)
		}
	}
	return nil
}

// shows tells if the programs of a CGI folder could be reached as files: the folder is below root, and not hidden
// there by its own prefix.
func (c *config) shows(prefix, folder string) bool {
	if c.Root == "" {
		return false
	}
	rel, err := filepath.Rel(resolved(c.Root), resolved(folder))
	return err == nil && filepath.IsLocal(rel) && "/"+filepath.ToSlash(rel)+"/" != prefix
}

func resolved(name string) string {
	if p, err := filepath.EvalSymlinks(name); err == nil {
		return p
	}
	return name
}

func checkFolder(name string) error {
	fi, err := os.Stat(name)
	if err != nil {
		return err
	}
	if !fi.IsDir() {
		return &fs.PathError{Op: "open", Path: name, Err: syscall.ENOTDIR}
	}
	return nil
}

func (c *config) checkTypes() error {
	for _, ext := range slices.Sorted(maps.Keys(c.Types)) {
		if t := c.Types[ext]; !strings.HasPrefix(ext, ".") || !strings.Contains(t, "/") {
			return c.invalid("types", `write it like ".ext" = "type/subtype"`, "%q = %q is no type of a file name", ext, t)
		}
	}
	return nil
}

// certificate gives the certificate to serve; none without an error if TLS is to be left off.
func (c *config) certificate(env apps.Env) (*tls.Certificate, error) {
	switch {
	case c.TLS != nil && !*c.TLS:
		return nil, nil
	case c.Certificate != "":
		pair, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
		if err != nil {
			return nil, c.invalid("certificate", "give PEM files that belong together", "%w", err)
		}
		return &pair, nil
	}
	made, err := env.TLS()
	if err == nil {
		return &made.Certificate, nil
	}
	if c.needsTLS() {
		return nil, c.invalid("tls", "give certificate and key", "%w", err)
	}
	env.Log().Info("http: no TLS", "reason", err)
	return nil, nil
}

// needsTLS tells if a server without TLS is not what was asked for.
func (c *config) needsTLS() bool {
	return c.TLS != nil && *c.TLS || !c.Plain && !c.SPX.On || c.HTTPSRedirect
}
