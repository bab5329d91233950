package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// WriteJSON writes the report as JSON that people can read, too.
func (r *Report) WriteJSON(w io.Writer) error {
	stamped := *r
	stamped.Format = Format
	return writeJSON(w, stamped)
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "\t")
	return e.Encode(v)
}

var errFormat = errors.New("report: not a report of tapestry bench")

// Read reads what WriteJSON wrote. Fields that it does not know are passed over.
func Read(in io.Reader) (*Report, error) {
	r := new(Report)
	d := json.NewDecoder(in)
	if err := d.Decode(r); err != nil {
		return nil, fmt.Errorf("%w: %w", errFormat, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: more than one value", errFormat)
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	return r, nil
}

// ReadFile reads the report in a file.
func ReadFile(name string) (*Report, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

func (r *Report) check() error {
	if r.Format != Format {
		return fmt.Errorf("%w of format %d: it has format %d", errFormat, Format, r.Format)
	}
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Scenario == "" || row.Path == "" || row.Unit == "" {
			return fmt.Errorf("%w: row %d lacks its scenario, path or unit", errFormat, i+1)
		}
		if len(row.Value) == 0 {
			return fmt.Errorf("%w: row %d (%s on %s) has no values", errFormat, i+1, row.Scenario, row.Path)
		}
	}
	return nil
}
