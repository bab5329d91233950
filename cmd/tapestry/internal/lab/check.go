package lab

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"time"

	"tapestry/apps"
)

// Limits of a lab's file.
const (
	maxFile      = 1 << 20
	maxName      = 32 // of a lab: its name is part of a socket's path
	maxInterface = 15 // IFNAMSIZ without the terminating zero
	maxLabel     = 63 // RFC 1035 §2.3.4
	minMTU       = 68 // RFC 791 §3.2
	minMTU6      = 1280
	maxMTU       = 65521 // the kernel's MAX_MTU of a TAP: 65535 less the Ethernet header
)

// Load checks a lab's file and gives its plan. The error is Problems.
func Load(name string, text []byte, registry []apps.App) (*Plan, error) {
	return load(name, "", text, registry)
}

// load is Load of a lab with that name, whatever the file says; empty: what it says.
func load(name, labName string, text []byte, registry []apps.App) (*Plan, error) {
	if len(text) > maxFile {
		return nil, Problems{{File: name, Line: 1, Problem: fmt.Sprintf("the file has %d octets; the most is %d", len(text), maxFile)}}
	}
	doc, err := apps.ParseConfig(name, text)
	if err != nil {
		var ps Problems
		ps.add(&apps.Document{File: name}, "", err)
		return nil, ps
	}
	var f file
	c := checker{doc: doc, registry: registry, seen: make(map[station]string), macs: make(map[macAt]string)}
	c.problems.add(doc, "", doc.Decode(&f))
	if labName != "" {
		f.Name = labName
	}
	if c.problems.areUnknownKeys() { // else the rest of the file was not decoded
		c.file(f)
	}
	c.problems.addRemedies()
	if err := c.problems.err(); err != nil {
		return nil, err
	}
	return c.plan, nil
}

// checker turns a file into a plan and collects what is wrong.
type checker struct {
	doc      *apps.Document
	registry []apps.App
	plan     *Plan
	problems Problems
	seen     map[station]string // by whom: path of the key
	macs     map[macAt]string   // likewise
	reach    reach
}

// station is an address among those that hear each other.
type station struct {
	among string
	addr  netip.Addr
}

func (c *checker) bad(path, format string, args ...any) {
	c.problems = append(c.problems, &apps.ConfigError{
		File: c.doc.File, Line: lineOf(c.doc, path), Key: path, Problem: fmt.Sprintf(format, args...),
	})
}

func (c *checker) file(f file) {
	c.plan = &Plan{Name: c.labName(f.Name), Domain: c.domain(f.Domain), Own: f.Netns != "host", doc: c.doc}
	if f.Netns != "" && f.Netns != "own" && f.Netns != "host" {
		c.bad("netns", `%q is neither "own" (a network namespace for this lab) nor "host" (the caller's; needs privileges)`, f.Netns)
	}
	if f.State != "" {
		c.plan.State = c.path(f.State)
	}
	c.plan.Seed = seedOf(c.plan.Name)
	if f.Seed != nil {
		c.plan.Seed = *f.Seed
	}
	c.plan.Procs = c.procs("procs", f.Procs)
	c.reach = newReach(f)
	for _, name := range c.inOrder("segment", keys(f.Segment)) {
		c.segment(name, f.Segment[name])
	}
	for _, name := range c.inOrder("tap", keys(f.Tap)) {
		c.tap(name, f.Tap[name])
	}
	for _, name := range c.inOrder("xdp", keys(f.XDP)) {
		c.xdp(name, f.XDP[name])
	}
	for _, name := range c.inOrder("trunk", keys(f.Trunk)) {
		c.trunk(name, f.Trunk[name])
	}
	c.joints(f)
	for _, name := range c.inOrder("host", keys(f.Host)) {
		c.host(name, f.Host[name])
	}
	c.whole(f)
}

// whole checks what only the whole file tells.
func (c *checker) whole(f file) {
	if len(f.Host) == 0 {
		c.bad("", "the lab has no host; add a table [host.NAME] with an [[host.NAME.interface]]")
	}
	for _, w := range c.plan.Wires {
		if w.host == nil && w.At == nil {
			c.bad(w.Table+"."+w.Name, "no host is on it; give an interface of a host %s = %q, or remove this table", w.Table, w.Name)
		}
	}
	for _, s := range c.plan.Segments {
		if len(s.Ports) == 0 {
			c.bad("segment."+s.Name, "nobody is on it; give an interface of a host, or a tap, segment = %q, or remove this table", s.Name)
		}
	}
	c.loops()
	c.ipxNumbers()
}

var labNames = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)

func isLabName(s string) bool { return len(s) <= maxName && labNames.MatchString(s) }

func (c *checker) labName(name string) string {
	if name == "" {
		name = strings.TrimSuffix(filepath.Base(c.doc.File), filepath.Ext(c.doc.File))
		name = strings.Trim(regexp.MustCompile(`[^a-z0-9_-]+`).ReplaceAllString(strings.ToLower(name), "-"), "-_")
		if name == "" {
			name = "lab"
		}
		return name[:min(len(name), maxName)]
	}
	if !isLabName(name) {
		c.bad("name", "%q is no lab's name; use up to %d of a-z, 0-9, - and _, a letter or digit first", name, maxName)
	}
	return name
}

// labels are those of RFC 1123 §2.1, in lower case.
var labels = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

func isLabel(s string) bool { return len(s) <= maxLabel && labels.MatchString(s) }

func (c *checker) domain(s string) string {
	if s == "" {
		return "lab.example"
	}
	s = strings.TrimSuffix(s, ".")
	for l := range strings.SplitSeq(s, ".") {
		if !isLabel(l) || len(s) > 200 {
			c.bad("domain", "%q is no domain name in lower case, like lab.example", s)
			break
		}
	}
	return s
}

func (c *checker) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.doc.Dir, name)
}

// inOrder sorts the names of tables by their lines in the file.
func (c *checker) inOrder(table string, names []string) []string {
	sort.Slice(names, func(i, j int) bool {
		a, b := lineOf(c.doc, table+"."+names[i]), lineOf(c.doc, table+"."+names[j])
		return a < b || a == b && names[i] < names[j]
	})
	return names
}

func keys[T any](m map[string]T) []string {
	var s []string
	for k := range m {
		s = append(s, k)
	}
	return s
}

func (c *checker) duration(path, s string) time.Duration {
	if s == "" {
		return 0
	}
	if s == "off" {
		return -1
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		c.bad(path, `%q is no duration; write it like "30s", "5m" or "2h"`, s)
	}
	return d
}

// age is duration without "off".
func (c *checker) age(path, s string) time.Duration {
	if s == "off" {
		s = "0s"
	}
	return c.duration(path, s)
}
