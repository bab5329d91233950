package impair

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Rate is in bits a second.
type Rate uint64

// Distribution is how delays spread about their mean.
type Distribution uint8

// The distributions.
const (
	Uniform Distribution = iota // evenly from Delay-Jitter to Delay+Jitter
	Normal                      // the bell curve
	Pareto                      // a long tail of late frames: shape 3, cut off after 100 times Jitter
)

var distributions = []string{"uniform", "normal", "pareto"}

// String gives the name.
func (d Distribution) String() string { return name(distributions, int(d)) }

// Discipline is what becomes of a queue that fills.
type Discipline uint8

// The disciplines.
const (
	Tail  Discipline = iota // frames that find it full are dropped
	CoDel                   // and frames that waited too long for too long: RFC 8289
)

var disciplines = []string{"tail", "codel"}

// String gives the name.
func (d Discipline) String() string { return name(disciplines, int(d)) }

func name(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return "invalid"
}

// unit is a suffix and what it stands for: so many digits more, or so many times.
type unit struct {
	suffix string
	digits int
	times  float64
}

var (
	rateUnits = []unit{{"tbit", 12, 1}, {"gbit", 9, 1}, {"mbit", 6, 1}, {"kbit", 3, 1}, {"bit", 0, 1}}
	sizeUnits = []unit{
		{"gib", 0, 1 << 30}, {"mib", 0, 1 << 20}, {"kib", 0, 1 << 10}, {"gb", 9, 1}, {"mb", 6, 1}, {"kb", 3, 1}, {"b", 0, 1}, {"", 0, 1},
	}
)

// errForm is a value that has not the form of its kind; the caller knows the form.
type errForm string

func (e errForm) Error() string { return string(e) }

// isDecimal reports whether s is digits with at most one point among them: no sign, exponent, "inf" or 0x.
func isDecimal(s string) bool {
	digits := strings.Replace(s, ".", "", 1)
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

// scaled reads a decimal with one of units behind it.
func scaled(s string, units []unit) (float64, error) {
	s = strings.ToLower(s)
	for _, u := range units {
		digits, ok := strings.CutSuffix(s, u.suffix)
		if !ok || !isDecimal(digits) {
			continue
		}
		v, err := strconv.ParseFloat(digits+"e"+strconv.Itoa(u.digits), 64)
		if v *= u.times; err != nil || v != math.Trunc(v) || v > 1<<53 {
			return 0, errForm("not a whole number, or too large")
		}
		return v, nil
	}
	return 0, errForm("")
}

func parseRate(s string) (Rate, error) {
	if s == "0" {
		return 0, nil
	}
	v, err := scaled(s, rateUnits)
	return Rate(v), err
}

// String gives the rate as Parse reads it, in the largest unit that has no fraction.
func (r Rate) String() string {
	return whole(float64(r), rateUnits)
}

func parseSize(s string) (int, error) {
	v, err := scaled(s, sizeUnits)
	return int(min(v, math.MaxInt32)), err
}

// whole writes v in the first of units that leaves no fraction.
func whole(v float64, units []unit) string {
	for _, u := range units {
		size := math.Pow10(u.digits) * u.times
		if n := v / size; v >= size && n == math.Trunc(n) {
			return strconv.FormatFloat(n, 'f', -1, 64) + u.suffix
		}
	}
	return "0"
}

func parseCount(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0, errForm("")
	}
	return int(n), nil
}

func parseNumber(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !isDecimal(s) {
		return 0, errForm("")
	}
	return v, nil
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// parsePercent reads "5%" so that percent prints the same. Without the sign it could be meant either way.
func parsePercent(s string) (float64, error) {
	digits, ok := strings.CutSuffix(s, "%")
	if !isDecimal(digits) {
		return 0, errForm("")
	}
	v, err := strconv.ParseFloat(digits+"e-2", 64)
	switch {
	case err != nil:
		return 0, errForm("")
	case !ok && v != 0:
		return 0, errForm("the percent sign is missing")
	}
	return v, nil
}

// percent shifts the decimal point by hand: multiplying would change the last digits.
func percent(p float64) string {
	digits := number(p)
	if math.IsNaN(p) || math.IsInf(p, 0) || p < 0 {
		return digits
	}
	units, frac, _ := strings.Cut(digits, ".")
	frac += strings.Repeat("0", max(0, 2-len(frac)))
	units = strings.TrimLeft(units+frac[:2], "0")
	if units == "" {
		units = "0"
	}
	if frac = frac[2:]; frac != "" {
		units += "." + frac
	}
	return units + "%"
}

func parseTime(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		if isDecimal(s) {
			return 0, errForm("the unit is missing")
		}
		return 0, errForm("")
	}
	return d, nil
}

func parseName(names []string, s string) (int, error) {
	i := slices.Index(names, strings.ToLower(s))
	if i < 0 {
		return 0, errForm("")
	}
	return i, nil
}

// text is "2s@10s/1m0s".
func (c Cut) text() string {
	s := fmt.Sprintf("%v@%v", c.For, c.At)
	if c.Every != 0 {
		s += "/" + c.Every.String()
	}
	return s
}

func cutsText(cuts []Cut) string {
	var s []string
	for _, c := range cuts {
		s = append(s, c.text())
	}
	return strings.Join(s, "+")
}

func parseCuts(s string) ([]Cut, error) {
	if s == "0" {
		return nil, nil
	}
	var cuts []Cut
	for one := range strings.SplitSeq(s, "+") {
		long, rest, _ := strings.Cut(one, "@")
		at, every, hasEvery := strings.Cut(rest, "/")
		c, errs := Cut{}, [3]error{}
		c.For, errs[0] = parseTime(long)
		c.At, errs[1] = parseTime(at)
		if hasEvery {
			c.Every, errs[2] = parseTime(every)
		}
		if errs != [3]error{} || hasEvery && c.Every == 0 {
			return nil, errForm("")
		}
		if cuts = append(cuts, c); len(cuts) > maxCuts {
			break
		}
	}
	return cuts, nil
}

// text is "1%/30%/100%/0%".
func (g Gilbert) text() string {
	return percent(g.P) + "/" + percent(g.R) + "/" + percent(g.Bad) + "/" + percent(g.Good)
}

// parseGilbert reads P/R, and the loss in either state where it is not all and nothing.
func parseGilbert(s string) (Gilbert, error) {
	if s == "0" {
		return Gilbert{}, nil
	}
	g := Gilbert{Bad: 1}
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 4 {
		return g, errForm("")
	}
	for i, field := range []*float64{&g.P, &g.R, &g.Bad, &g.Good}[:len(parts)] {
		var err error
		if *field, err = parsePercent(parts[i]); err != nil {
			return g, err
		}
	}
	return g, nil
}
