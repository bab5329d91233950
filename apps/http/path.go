package http

import (
	"net/url"
	"path"
	"strings"
)

// canonical gives the decoded path of a request: it begins with "/", and has neither empty segments nor "." or ".."; a
// slash at its end stays. RFC 3986 §6.2.2.3 has clients remove dot segments; what would climb above the root is refused.
func canonical(u *url.URL) (string, error) {
	p := u.Path
	if !strings.HasPrefix(p, "/") {
		return "", &replyError{code: 400, detail: "The path does not begin with a slash."}
	}
	if strings.ContainsAny(p, "\x00\\") || encodesSlash(u.RawPath) {
		return "", errNotFound // no file has such a name here, on any system
	}
	if climbs(p) {
		return "", &replyError{code: 400, detail: "The path leads out of the server."}
	}
	clean := path.Clean(p)
	if clean != "/" && isFolder(p) {
		clean += "/"
	}
	return clean, nil
}

// encodesSlash tells if a path has a slash that is data. Decoded, it could not be told from one that separates.
func encodesSlash(raw string) bool {
	return strings.Contains(raw, "%2f") || strings.Contains(raw, "%2F")
}

// isFolder tells if the last segment of p can only be a folder.
func isFolder(p string) bool {
	switch path.Base(p) {
	case ".", "..":
		return true
	}
	return strings.HasSuffix(p, "/")
}

func climbs(p string) bool {
	depth := 0
	for s := range strings.SplitSeq(p, "/") {
		switch s {
		case "", ".":
		case "..":
			depth--
		default:
			depth++
		}
		if depth < 0 {
			return true
		}
	}
	return false
}

// fileName is the name below root of a canonical path.
func fileName(p string) string {
	if name := strings.Trim(p, "/"); name != "" {
		return name
	}
	return "."
}

// isHidden tells if a segment of a canonical path begins with a point, other than the first of RFC 8615.
func isHidden(p string) bool {
	p = strings.TrimPrefix(p, "/.well-known")
	return strings.Contains(p, "/.") || strings.HasPrefix(p, ".")
}
