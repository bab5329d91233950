package apps_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"tapestry/apps"
)

func openStore(t *testing.T, db *apps.StateDB, host, app string) apps.Store {
	t.Helper()
	s, err := db.Store(host, app)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func expectValue(t *testing.T, s apps.Store, key, want string) {
	t.Helper()
	if got, err := s.Get(key); err != nil || string(got) != want {
		t.Errorf("Get(%q): got %q, %v, want %q", key, got, err, want)
	}
}

func TestStatePersists(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lab", "state.db")
	db := apps.NewStateDB(file)
	dns, http := openStore(t, db, "alpha", "dns"), openStore(t, db, "alpha", "http")
	for _, err := range []error{dns.Put("a", []byte("1")), dns.Put("b", []byte("2")), http.Put("a", []byte("3")), dns.Delete("b"), dns.Delete("c")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(db.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := dns.Get("a"); err == nil {
		t.Error("Get after Close: got no error")
	}

	db = apps.NewStateDB(file)
	defer db.Close()
	expectValue(t, openStore(t, db, "alpha", "dns"), "a", "1")
	expectValue(t, openStore(t, db, "alpha", "dns"), "b", "")
	expectValue(t, openStore(t, db, "alpha", "http"), "a", "3")
	expectValue(t, openStore(t, db, "beta", "dns"), "a", "")
}

func TestStoreEach(t *testing.T) {
	db := apps.NewStateDB(filepath.Join(t.TempDir(), "state.db"))
	defer db.Close()
	s := openStore(t, db, "alpha", "dns")
	for _, k := range []string{"lease/2", "lease/1", "zone/1", "leas"} {
		if err := s.Put(k, []byte(k)); err != nil {
			t.Fatal(err)
		}
	}
	errStop := errors.New("enough")
	tests := []struct {
		name, prefix, stop string
		want               []string
	}{
		{"prefix", "lease/", "", []string{"lease/1", "lease/2"}},
		{"all", "", "", []string{"leas", "lease/1", "lease/2", "zone/1"}},
		{"none", "x", "", nil},
		{"stopped", "lease/", "lease/1", []string{"lease/1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			err := s.Each(tt.prefix, func(key string, value []byte) error {
				if key != string(value) {
					t.Errorf("key %q has value %q", key, value)
				}
				if got = append(got, key); key == tt.stop {
					return errStop
				}
				return nil
			})
			if !slices.Equal(got, tt.want) || errors.Is(err, errStop) != (tt.stop != "") {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestStateErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.db")
	first := apps.NewStateDB(file)
	openStore(t, first, "alpha", "dns")
	second := apps.NewStateDB(file)
	if _, err := second.Store("alpha", "dns"); err == nil || !strings.Contains(err.Error(), "another process has it open") {
		t.Errorf("a file in use: got %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	raw, err := bbolt.Open(file, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("format"), []byte("99"))
	})
	if err := errors.Join(err, raw.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Store("alpha", "dns"); err == nil || !strings.Contains(err.Error(), `format "99"`) {
		t.Errorf("a newer format: got %v", err)
	}
}
