package impair

import (
	"fmt"
	"strings"
	"time"
)

// KeyError is a value that a Config cannot have, or a key that there is none of.
type KeyError struct {
	Key     string // "loss"
	Value   string // as it was given; may be empty
	Problem string // what is wrong and what would be right
}

// Error gives all in one line.
func (e *KeyError) Error() string {
	s := "impair: " + e.Key
	if e.Value != "" {
		s += "=" + e.Value
	}
	return s + ": " + e.Problem
}

// Check tells what is wrong with c, as a *[KeyError]. Whoever takes a Config calls it.
func (c Config) Check() error {
	for _, check := range []func() *KeyError{c.checkChances, c.checkTimes, c.checkCounts, c.checkLoss, c.checkCuts, c.checkNames} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) checkChances() *KeyError {
	for _, f := range []struct {
		key    string
		chance float64
	}{
		{"loss", c.Loss}, {"duplicate", c.Duplicate}, {"corrupt", c.Corrupt}, {"reorder", c.Reorder}, {"correlation", c.Correlation},
		{"gilbert", c.Gilbert.P}, {"gilbert", c.Gilbert.R}, {"gilbert", c.Gilbert.Bad}, {"gilbert", c.Gilbert.Good},
	} {
		if !(f.chance >= 0 && f.chance <= 1) { // also not a number
			return &KeyError{f.key, percent(f.chance), "a chance is from 0% to 100%"}
		}
	}
	if c.Reorder > 0 && c.Delay == 0 {
		return &KeyError{"reorder", percent(c.Reorder), "there is no delay to jump: add one, as in delay=10ms"}
	}
	return nil
}

func (c Config) checkTimes() *KeyError {
	for _, f := range []struct {
		key  string
		time time.Duration
	}{{"delay", c.Delay}, {"jitter", c.Jitter}, {"target", c.Target}, {"interval", c.Interval}} {
		if f.time < 0 || f.time > maxDuration {
			return &KeyError{f.key, f.time.String(), fmt.Sprintf("a time is from 0 to %v", maxDuration)}
		}
	}
	return nil
}

func (c Config) checkCounts() *KeyError {
	for _, f := range []struct {
		key        string
		value, max int
	}{
		{"queue", c.Queue, maxFrames}, {"limit", c.Limit, maxFrames}, {"queue_bytes", c.QueueBytes, maxBytes},
		{"limit_bytes", c.LimitBytes, maxBytes}, {"overhead", c.Overhead, maxOverhead},
	} {
		if f.value < 0 || f.value > f.max {
			return &KeyError{f.key, fmt.Sprint(f.value), fmt.Sprintf("must be from 0 to %d", f.max)}
		}
	}
	if c.MTU != 0 && (c.MTU < minMTU || c.MTU > maxMTU) {
		return &KeyError{"mtu", fmt.Sprint(c.MTU), fmt.Sprintf("must be from %d to %d", minMTU, maxMTU)}
	}
	if c.Rate > maxRate {
		return &KeyError{"rate", c.Rate.String(), "must be at most " + maxRate.String()}
	}
	return nil
}

// checkLoss holds what follows from how runs of losses and of others take turns.
func (c Config) checkLoss() *KeyError {
	switch {
	case c.Gilbert != Gilbert{} && (c.Loss > 0 || c.Burst > 0):
		return &KeyError{"gilbert", c.Gilbert.text(), "gilbert stands instead of loss and burst: set those to 0"}
	case c.Burst == 0:
	case !(c.Burst >= 1 && c.Burst <= maxFrames):
		return &KeyError{"burst", number(c.Burst), fmt.Sprintf("a run of losses has from 1 to %d frames", maxFrames)}
	case c.Loss > c.Burst/(c.Burst+1) && c.Loss < 1:
		return &KeyError{"loss", percent(c.Loss), fmt.Sprintf("with burst=%s at most %.4g%% can be lost, since a frame crosses between two runs: "+
			"make burst longer", number(c.Burst), 100*c.Burst/(c.Burst+1))}
	}
	return nil
}

func (c Config) checkCuts() *KeyError {
	if len(c.Cuts) > maxCuts {
		return &KeyError{"cut", "", fmt.Sprintf("%d are too many: at most %d", len(c.Cuts), maxCuts)}
	}
	for _, t := range c.Cuts {
		switch {
		case t.At < 0 || t.At > maxDuration || t.For > maxDuration || t.Every < 0 || t.Every > maxDuration:
			return &KeyError{"cut", t.text(), fmt.Sprintf("a time is from 0 to %v", maxDuration)}
		case t.For <= 0:
			return &KeyError{"cut", t.text(), "it lasts no time: write how long, when and how often, as in 2s@10s/1m"}
		case t.Every > 0 && t.Every <= t.For:
			return &KeyError{"cut", t.text(), fmt.Sprintf("it lasts %v and comes again after %v: nothing would ever cross", t.For, t.Every)}
		}
	}
	return nil
}

func (c Config) checkNames() *KeyError {
	if int(c.Distribution) >= len(distributions) {
		return &KeyError{"distribution", c.Distribution.String(), "want " + strings.Join(distributions, ", ")}
	}
	if int(c.Discipline) >= len(disciplines) {
		return &KeyError{"discipline", c.Discipline.String(), "want " + strings.Join(disciplines, ", ")}
	}
	return nil
}
