package apps

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// stateFormat is the version of the layout below: a bucket "meta" with the key "format", and a bucket "host/app" for
// each app. A change of layout gets another number and a conversion from this one.
const stateFormat = "1"

var (
	metaBucket = []byte("meta")
	formatKey  = []byte("format")
)

// StateDB owns the one database file of a lab. Apps of the lab share it; it is opened when the first of them asks.
type StateDB struct {
	path string

	mu sync.Mutex
	db *bbolt.DB // nil until opened and after Close
}

// NewStateDB names the file; its folder is made when it is opened.
func NewStateDB(path string) *StateDB { return &StateDB{path: path} }

// Store gives the bucket of one app of one host.
func (s *StateDB) Store(host, app string) (Store, error) {
	db, err := s.open()
	if err != nil {
		return nil, err
	}
	name := []byte(host + "/" + app)
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(name)
		return err
	})
	if err != nil {
		return nil, s.wrap(err)
	}
	return &bucket{state: s, db: db, name: name}, nil
}

// Close waits for operations that run. Stores fail after it; a later call of Store opens the file again.
func (s *StateDB) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil
	}
	db := s.db
	s.db = nil
	return s.wrap(db.Close())
}

func (s *StateDB) open() (*bbolt.DB, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		return s.db, nil
	}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return nil, s.wrap(err)
	}
	db, err := bbolt.Open(s.path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		return nil, s.wrap(err)
	}
	if err := db.Update(checkFormat); err != nil {
		return nil, errors.Join(s.wrap(err), db.Close())
	}
	s.db = db
	return db, nil
}

func checkFormat(tx *bbolt.Tx) error {
	b, err := tx.CreateBucketIfNotExists(metaBucket)
	if err != nil {
		return err
	}
	switch v := b.Get(formatKey); string(v) {
	case stateFormat:
		return nil
	case "":
		return b.Put(formatKey, []byte(stateFormat))
	default:
		return fmt.Errorf("format %q, this program knows %q only: use the program that wrote it, or another state folder", v, stateFormat)
	}
}

func (s *StateDB) wrap(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("apps: state %s: another process has it open: stop that lab, or give this one another state folder", s.path)
	default:
		return fmt.Errorf("apps: state %s: %w", s.path, err)
	}
}

// bucket is the [Store] of one app.
type bucket struct {
	state *StateDB
	db    *bbolt.DB
	name  []byte
}

func (b *bucket) Get(key string) (value []byte, err error) {
	err = b.db.View(func(tx *bbolt.Tx) error {
		value = bytes.Clone(tx.Bucket(b.name).Get([]byte(key)))
		return nil
	})
	return value, b.state.wrap(err)
}

func (b *bucket) Put(key string, value []byte) error {
	return b.update(func(t *bbolt.Bucket) error { return t.Put([]byte(key), value) })
}

func (b *bucket) Delete(key string) error {
	return b.update(func(t *bbolt.Bucket) error { return t.Delete([]byte(key)) })
}

func (b *bucket) update(f func(*bbolt.Bucket) error) error {
	return b.state.wrap(b.db.Update(func(tx *bbolt.Tx) error { return f(tx.Bucket(b.name)) }))
}

// Each holds a view of the moment it was called: visit may read, and must not write.
func (b *bucket) Each(prefix string, visit func(key string, value []byte) error) error {
	var stop error // of visit, returned as it is
	err := b.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(b.name).Cursor()
		for k, v := c.Seek([]byte(prefix)); k != nil && bytes.HasPrefix(k, []byte(prefix)); k, v = c.Next() {
			if stop = visit(string(k), bytes.Clone(v)); stop != nil {
				return nil
			}
		}
		return nil
	})
	return errors.Join(stop, b.state.wrap(err))
}
