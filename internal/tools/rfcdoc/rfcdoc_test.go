package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestCited(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string // "document|section"
	}{
		{"none", "nothing is cited here, not even § 5", nil},
		{"section", "RFC 9293 §3.10.7.4 says so.", []string{"RFC 9293|3.10.7.4"}},
		{"end of sentence", "See RFC 791 §3.2.", []string{"RFC 791|3.2"}},
		{"whole", "This is RFC 862, as it stands.", []string{"RFC 862|"}},
		{"several sections", "RFC 9293 §3.10.7.4, §3.8 and §4", []string{"RFC 9293|3.10.7.4", "RFC 9293|3.8", "RFC 9293|4"}},
		{"section range", "RFC 4861 §7.2–§7.3", []string{"RFC 4861|7.2", "RFC 4861|7.3"}},
		{"several documents", "RFC 1034 §3, RFC 1035 §4.1.2", []string{"RFC 1034|3", "RFC 1035|4.1.2"}},
		{"numbers alone", "RFC 1034, 1035 and 2181 §5", []string{"RFC 1034|", "RFC 1035|", "RFC 2181|5"}},
		{"number that is no RFC", "RFC 768, 8 octets", []string{"RFC 768|"}},
		{"appendix", "RFC 9293 §A.2 (obsolete)", []string{"RFC 9293|A.2"}},
		{"leading zeros", "RFC 0793", []string{"RFC 793|"}},
		{"IEEE", "IEEE 802.3 §3.2.6 and IEEE Std 802.1Q-2022 §9.6", []string{"IEEE 802.3|3.2.6", "IEEE 802.1Q-2022|9.6"}},
		{"IEEE end of sentence", "As in IEEE 802.", []string{"IEEE 802|"}},
		{"virtio", "(OASIS Virtual I/O Device 1.2 §5.1.6)", []string{"Virtual I/O Device 1.2|5.1.6"}},
		{"time layout", "time.RFC3339 and RFC3339 are none", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, c := range cited(tt.text) {
				got = append(got, c.doc+"|"+c.section)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("cited(%q) (-want +got):\n%s", tt.text, diff)
			}
		})
	}
}

func TestDeviating(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"none", "It deviates not.", nil},
		{"paragraph", "Deviates: no urgent data. gVisor has none.", []string{"no urgent data. gVisor has none."}},
		{"after a sentence", "As it says. Deviates: half of it.", []string{"half of it."}},
		{"within a sentence", "One. Two is left out (Deviates: too long).", []string{"Two is left out (Deviates: too long)."}},
		{"two", "Deviates: a. Deviates: b.", []string{"a.", "b."}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, deviating(tt.text)); diff != "" {
				t.Errorf("deviating(%q) (-want +got):\n%s", tt.text, diff)
			}
		})
	}
}

const sample = `// Package a is RFC 862, with IEEE 802.3 §3.2.
package a

// f cites a section that the line break parts: RFC
// 9293 §3.10.
//
// Deviates: no urgent data | of any kind,
// since gVisor has none.
func f() {
	_ = "RFC 791 §3" // RFC 9293 §3.9 and RFC 12345 §1
}
`

const sampleDoc = header + `## Deviations

| where | what and why |
| --- | --- |
| [b/a.go](../b/a.go) | no urgent data \| of any kind, since gVisor has none. |

## [RFC 862](https://www.rfc-editor.org/rfc/rfc862): Echo Protocol

| section | cited in |
| --- | --- |
| as a whole | [b/a.go](../b/a.go) |

## [RFC 9293](https://www.rfc-editor.org/rfc/rfc9293): Transmission Control Protocol (TCP)

| section | cited in |
| --- | --- |
| §3.2 | [c.go](../c.go) |
| §3.9 | [b/a.go](../b/a.go), [c.go](../c.go) |
| §3.10 | [b/a.go](../b/a.go) |

## [RFC 12345](https://www.rfc-editor.org/rfc/rfc12345)

| section | cited in |
| --- | --- |
| §1 | [b/a.go](../b/a.go) |

## IEEE 802.3

| section | cited in |
| --- | --- |
| §3.2 | [b/a.go](../b/a.go) |

`

func TestGenerate(t *testing.T) {
	tree := fstest.MapFS{
		"b/a.go":                  {Data: []byte(sample)},
		"c.go":                    {Data: []byte("package c // RFC 9293 §3.9 §3.9 again, RFC 9293 §3.2, RFC 9293 §3.9\n")},
		"b/a_test.go":             {Data: []byte("package a // RFC 1 §1\n")},
		"b/testdata/x.go":         {Data: []byte("package x // RFC 2 §1\n")},
		"internal/tools/x/x.go":   {Data: []byte("package x // RFC 3 §1\n")},
		".hidden/x.go":            {Data: []byte("package x // RFC 4 §1\n")},
		"docs/notes.md":           {Data: []byte("RFC 5 §1\n")},
		"internal/toolsmith/x.go": {Data: []byte("package x\n")},
	}
	got, err := generate(tree)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sampleDoc, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestGenerateNothing(t *testing.T) {
	got, err := generate(fstest.MapFS{"a.go": {Data: []byte("package a\n")}})
	if err != nil || !strings.Contains(string(got), "None is recorded.") {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestGenerateBrokenSource(t *testing.T) {
	if _, err := generate(fstest.MapFS{"a.go": {Data: []byte("pack age\n")}}); err == nil {
		t.Error("a file that is no Go gives no error")
	}
}

// TestCurrent holds that docs/RFC.md is what the sources say.
func TestCurrent(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	want, err := generate(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, "docs", "RFC.md"))
	if err != nil {
		t.Fatalf("%v: run make docs", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("docs/RFC.md is not what the comments say: run make docs (-docs/RFC.md +comments)\n%s",
			cmp.Diff(string(got), string(want)))
	}
}
