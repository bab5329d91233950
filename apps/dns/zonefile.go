package dns

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	mdns "github.com/miekg/dns"
)

const (
	maxZoneBytes   = 256 << 20 // of a zone file and all that it includes
	maxZoneRecords = 1 << 20   // also what $GENERATE may make
	maxIncludes    = 1 << 10   // in all: seven levels of them could name each other many times
	maxTTL         = 1<<31 - 1 // RFC 2181 §8

	// noTTL marks records that were given none: it is no valid TTL, so that no file can say it.
	noTTL = math.MaxUint32
)

// zoneError is what is wrong with a zone, with its place.
type zoneError struct {
	file    string
	line    int // zero if it is about the whole file
	problem string
	remedy  string
}

func (e *zoneError) Error() string {
	var b strings.Builder
	b.WriteString(e.file)
	if e.line > 0 {
		b.WriteString(":" + strconv.Itoa(e.line))
	}
	b.WriteString(": " + e.problem)
	return b.String()
}

// readZone reads a master file, RFC 1035 §5.1. Names are relative to origin until the file says otherwise. $INCLUDE
// reaches the files of the zone's own folder and below, and nothing that a link leads to elsewhere.
func readZone(file, origin string) ([]record, error) {
	root, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return nil, unreadable(file, err)
	}
	defer root.Close()
	f, err := os.Open(file)
	if err != nil {
		return nil, unreadable(file, err)
	}
	defer f.Close()
	src := &source{fsys: root.FS(), folder: filepath.Dir(file), left: maxZoneBytes}
	return src.read(f, filepath.Base(file), origin)
}

func unreadable(file string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return &zoneError{file: file, problem: err.Error(), remedy: "name a file that this user can read"}
}

// source is a zone file and the files that it includes. It counts lines, which the parser does not tell.
type source struct {
	fsys   fs.FS
	folder string
	left   int64         // octets that may still be read
	opened int           // by $INCLUDE
	open   []*sourceFile // innermost last
}

// sourceFile is a file that is being read. The parser takes octets one by one from what is an io.ByteReader.
type sourceFile struct {
	fs.File
	src   *source
	name  string
	in    *bufio.Reader
	lines int
	mid   bool // within a line
}

var errIncludes = fmt.Errorf("more than %d included files", maxIncludes)

var errZoneSize = fmt.Errorf("the zone is larger than %d MiB", maxZoneBytes>>20)

func (f *sourceFile) ReadByte() (byte, error) {
	if f.src.left--; f.src.left < 0 {
		return 0, errZoneSize
	}
	c, err := f.in.ReadByte()
	if err != nil {
		return c, err
	}
	if f.mid = c != '\n'; !f.mid {
		f.lines++
	}
	return c, nil
}

func (f *sourceFile) line() int {
	if f.mid {
		return f.lines + 1
	}
	return f.lines
}

func (f *sourceFile) Close() error {
	f.src.open = f.src.open[:len(f.src.open)-1]
	return f.File.Close()
}

// Open implements fs.FS for $INCLUDE.
func (s *source) Open(name string) (fs.File, error) {
	if s.opened++; s.opened > maxIncludes {
		return nil, errIncludes
	}
	f, err := s.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	return s.push(f, name), nil
}

func (s *source) push(f fs.File, name string) *sourceFile {
	sf := &sourceFile{File: f, src: s, name: filepath.Join(s.folder, name), in: bufio.NewReader(f)}
	s.open = append(s.open, sf)
	return sf
}

// close closes what an error left open, but for the first file, which belongs to the caller.
func (s *source) close() {
	for len(s.open) > 1 {
		_ = s.open[len(s.open)-1].Close()
	}
}

func (s *source) read(f fs.File, name, origin string) ([]record, error) {
	defer s.close()
	p := mdns.NewZoneParser(s.push(f, name), origin, name)
	p.SetDefaultTTL(noTTL)
	p.SetIncludeAllowed(true)
	p.SetIncludeFS(s)
	var all []record
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		top := s.open[len(s.open)-1]
		r := record{rr, top.name, top.line()}
		if err := r.normalize(); err != nil {
			return nil, err
		}
		if all = append(all, r); len(all) > maxZoneRecords {
			return nil, r.err(fmt.Sprintf("more than %d records", maxZoneRecords), "shorten the range of $GENERATE, or split the zone")
		}
	}
	if err := p.Err(); err != nil {
		return nil, s.syntaxError(err)
	}
	return all, defaultTTL(all)
}

// defaultTTL fills in the TTL of records before any that has one: without $TTL it is the SOA's minimum, as before RFC
// 2308 §4 gave that field another meaning.
func defaultTTL(all []record) error {
	var minimum uint32 = noTTL
	for _, r := range all {
		if soa, ok := r.rr.(*mdns.SOA); ok {
			minimum = soa.Minttl
			break
		}
	}
	for _, r := range all {
		h := r.rr.Header()
		if h.Ttl == noTTL {
			h.Ttl = minimum
		}
		if h.Ttl > maxTTL {
			return r.err("the TTL is missing or larger than 2147483647", "write a line \"$TTL 1d\" at the top of the file")
		}
	}
	return nil
}

func (r record) err(problem, remedy string) error {
	return &zoneError{r.file, r.line, problem, remedy}
}

// normalize writes a record as it comes off the wire, so that names compare, and refuses what cannot be sent.
func (r *record) normalize() error {
	h := r.rr.Header()
	if h.Name == "" {
		return r.err("the record has no owner: the line starts with a blank and no record is before it", "write the owner, or @ for the zone itself")
	}
	if h.Class != mdns.ClassINET {
		return r.err("the class is "+mdns.Class(h.Class).String(), "zones are served in class IN only")
	}
	if hasNoData(r.rr) {
		return r.err("the "+mdns.Type(h.Rrtype).String()+" record has no data", "write the data behind the type, on the same line")
	}
	b := make([]byte, maxMessage)
	n, err := mdns.PackRR(r.rr, b, 0, nil, false)
	if err == nil {
		var rr mdns.RR
		if rr, _, err = mdns.UnpackRR(b[:n], 0); err == nil {
			r.rr = rr
			return nil
		}
	}
	return r.err("the record cannot be sent: "+strings.TrimPrefix(err.Error(), "dns: "), "check the lengths of names and texts")
}

// hasNoData finds what the parser takes for an update (RFC 2136) and is a mistake in a file.
func hasNoData(rr mdns.RR) bool {
	if g, ok := rr.(*mdns.RFC3597); ok {
		return g.Rdata == ""
	}
	empty, ok := mdns.TypeToRR[rr.Header().Rrtype]
	if !ok {
		return false
	}
	e := empty()
	*e.Header() = *rr.Header()
	return mdns.IsDuplicate(e, rr)
}

var parseErrorForm = regexp.MustCompile(`(?s)^(?:.*?: )?dns: (.*) at line: (\d+):\d+$`)

// syntaxError takes the parser's text apart: its fields cannot be read.
func (s *source) syntaxError(err error) error {
	top := s.open[len(s.open)-1]
	e := &zoneError{top.name, top.line(), err.Error(), "write records as \"owner TTL class type data\", RFC 1035 §5.1"}
	if m := parseErrorForm.FindStringSubmatch(err.Error()); m != nil {
		e.problem = m[1]
		e.line, _ = strconv.Atoi(m[2])
	}
	if strings.Contains(e.problem, "failed to open") {
		e.remedy = "an included file is in the zone file's folder or below it"
	}
	if strings.Contains(e.problem, "extra closing brace") {
		e.remedy = "each \")\" closes one \"(\": remove one"
	}
	return e
}

var _ io.ByteReader = (*sourceFile)(nil)
