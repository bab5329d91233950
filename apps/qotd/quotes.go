package qotd

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxQuote is the limit of RFC 865, "Quote Syntax", with the last CR LF.
const maxQuote = 512

// builtIn are the quotes of a server that is given none, from RFC 1122 §1.2.2 and RFC 1925 §2.
var builtIn = []string{
	"Be liberal in what you accept, and conservative in what you send.",
	"It Has To Work.",
	"It is always something.",
	"Every old idea will be proposed again with a different name and a different presentation, regardless of whether it works.",
}

// splitFile separates the quotes of a file: a line of one percent sign stands between two, as in fortune(6).
func splitFile(text string) []string {
	var quotes []string
	var quote strings.Builder
	for line := range strings.Lines(text + "\n%\n") {
		if strings.TrimRight(line, "\r\n") != "%" {
			quote.WriteString(line)
			continue
		}
		if q := strings.TrimSpace(quote.String()); q != "" {
			quotes = append(quotes, q)
		}
		quote.Reset()
	}
	return quotes
}

// wire gives a quote as it is sent.
func wire(quote string) ([]byte, error) {
	var b []byte
	for line := range strings.Lines(quote) {
		b = append(b, strings.TrimRight(line, "\r\n")...)
		b = append(b, "\r\n"...)
	}
	switch {
	case len(b) == 0:
		return nil, fmt.Errorf("an empty quote")
	case len(b) > maxQuote:
		return nil, fmt.Errorf("a quote of %d octets, %d are allowed with the ends of lines: %.40q…", len(b), maxQuote, quote)
	case !utf8.ValidString(quote) || strings.ContainsFunc(quote, isControl):
		return nil, fmt.Errorf("a quote that is not plain text: %.40q", quote)
	}
	return b, nil
}

func isControl(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\r\n\t", r) }
