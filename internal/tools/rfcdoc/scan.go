package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// citation is one section of one document, cited by one file.
type citation struct {
	doc     string // as the text names it
	section string // without the sign; empty: the document as a whole
	file    string
}

// deviation is a place that does otherwise than its document says.
type deviation struct {
	file, text string
}

// found is what the comments of a tree say.
type found struct {
	citations  []citation
	deviations []deviation
}

// scan reads the comments of all Go files in fsys that are neither tests nor this tool.
func scan(fsys fs.FS) (found, error) {
	var all found
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && isSkipped(name):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		return all.file(name, src)
	})
	return all, err
}

func isSkipped(dir string) bool {
	base := path.Base(dir)
	return dir != "." && (dir == "internal/tools" || base == "testdata" || base[0] == '.' || base[0] == '_')
}

// file adds what one source cites.
func (f *found) file(name string, src []byte) error {
	parsed, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ParseComments)
	if err != nil {
		return err
	}
	for _, g := range parsed.Comments {
		for paragraph := range strings.SplitSeq(g.Text(), "\n\n") {
			text := strings.Join(strings.Fields(paragraph), " ")
			for _, c := range cited(text) {
				c.file = name
				f.citations = append(f.citations, c)
			}
			for _, t := range deviating(text) {
				f.deviations = append(f.deviations, deviation{name, t})
			}
		}
	}
	return nil
}

// The grammar of a citation: a document, or several RFCs by number; each with any number of sections.
var (
	document = regexp.MustCompile(`\bRFCs? (\d{1,5})\b|\bIEEE (?:Std )?(802(?:\.\d+[A-Za-z]*)?(?:-\d{4})?)\b|` +
		`\b(?:OASIS )?(?:Virtual I/O Device|VIRTIO) (?:Version )?(\d\.\d)\b`)
	nextRFC = regexp.MustCompile(`^(?:, | and |, and )(?:RFC )?(\d{3,5})\b`)
	section = regexp.MustCompile(`^,? ?§{1,2} ?([0-9A-Z]\w*(?:\.\w+)*)`)
	another = regexp.MustCompile(`^(?:,|, and| and|–| to) ?§{1,2} ?([0-9A-Z]\w*(?:\.\w+)*)`)
)

// cited gives the citations in one paragraph.
func cited(text string) (out []citation) {
	for {
		m := document.FindStringSubmatchIndex(text)
		if m == nil {
			return out
		}
		name, isRFC := documentName(text, m)
		text = text[m[1]:]
		for {
			var sections []string
			sections, text = sectionsAt(text)
			for _, s := range sections {
				out = append(out, citation{doc: name, section: s})
			}
			next := nextRFC.FindStringSubmatchIndex(text)
			if !isRFC || next == nil {
				break
			}
			name, text = "RFC "+text[next[2]:next[3]], text[next[1]:]
		}
	}
}

// documentName gives the name under which a match is listed.
func documentName(text string, m []int) (name string, isRFC bool) {
	switch {
	case m[2] >= 0:
		return "RFC " + strings.TrimLeft(text[m[2]:m[3]], "0"), true
	case m[4] >= 0:
		return "IEEE " + text[m[4]:m[5]], false
	default:
		return "Virtual I/O Device " + text[m[6]:m[7]], false
	}
}

// sectionsAt takes the sections at the start of text; one empty section stands for the whole document.
func sectionsAt(text string) (sections []string, rest string) {
	for re := section; ; re = another {
		m := re.FindStringSubmatchIndex(text)
		if m == nil {
			break
		}
		sections, text = append(sections, text[m[2]:m[3]]), text[m[1]:]
	}
	if sections == nil {
		sections = []string{""}
	}
	return sections, text
}

// mark starts a deviation.
const mark = "Deviates: "

// deviating gives the deviations in one paragraph: each from the start of its sentence to the next one's.
func deviating(text string) (out []string) {
	for {
		at := strings.LastIndex(text, mark)
		if at < 0 {
			slices.Reverse(out)
			return out
		}
		start := 0
		if dot := strings.LastIndex(text[:at], ". "); dot >= 0 {
			start = dot + len(". ")
		}
		out = append(out, strings.TrimSpace(strings.TrimPrefix(text[start:], mark)))
		text = text[:start]
	}
}
