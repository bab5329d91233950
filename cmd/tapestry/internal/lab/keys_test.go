package lab

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// docs/LAB.md describes every key of the lab's file.
func TestKeysAreDescribed(t *testing.T) {
	doc, err := os.ReadFile("../../../../docs/LAB.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{
		file{}, fileSegment{}, fileCapture{}, filePort{}, fileTrunk{}, fileTap{}, fileXDP{}, fileVXLAN{}, fileQEMU{}, fileUnixgram{}, fileReplay{},
		fileHost{}, fileInterface{}, fileTCP{},
	} {
		typ := reflect.TypeOf(v)
		for i := range typ.NumField() {
			if typ.Field(i).Anonymous {
				continue // a table of its own in the list above
			}
			key := typ.Field(i).Tag.Get("toml")
			if key == "" {
				t.Errorf("%v.%s has no key", typ, typ.Field(i).Name)
			}
			described := strings.Contains(string(doc), "`"+key+"`") || strings.Contains(string(doc), "."+key+"]") ||
				strings.Contains(string(doc), "["+key+".")
			if !described {
				t.Errorf("docs/LAB.md does not describe %s of %v", key, typ)
			}
		}
	}
}
