//go:build linux

package bench

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	mdns "github.com/miekg/dns"

	"tapestry/bench/internal/lean"
)

// dnsName is what is asked for. Every server knows its address.
const dnsName = "host.example.org."

// dnsQueries keeps some questions in flight and counts the answers. When none comes for a while, all count as lost.
func dnsQueries(c *call) (r result, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s, _, err := c.datagrams()
	if err != nil {
		return r, err
	}
	defer s.Close()
	query, err := dnsQuery()
	if err != nil {
		return r, err
	}
	if err := checkAnswer(s, query); err != nil {
		return r, err
	}
	if err := s.SetPatience(patience / 10); err != nil {
		return r, err
	}
	return askInFlight(s, query, c.duration)
}

func askInFlight(s lean.Socket, query []byte, d time.Duration) (r result, err error) {
	questions, answers := lean.NewBatch(inFlight, len(query)), lean.NewBatch(inFlight, datagramSize)
	for _, b := range questions.Data {
		copy(b, query)
	}
	owed := inFlight // answers that came, for which new questions are to be sent
	start := time.Now()
	for time.Since(start) < d {
		if owed > 0 {
			sent, err := questions.Write(s, owed, len(query))
			if err != nil && !isTimeout(err) {
				return r, err
			}
			owed -= sent
		}
		n, err := answers.Read(s, false)
		switch {
		case err == nil:
			owed = min(owed+n, inFlight)
			r.Count += uint64(n)
		case isTimeout(err):
			r.Lost += uint64(inFlight - owed)
			owed = inFlight
		default:
			return r, err
		}
	}
	r.Elapsed = time.Since(start)
	return r, nil
}

func dnsQuery() ([]byte, error) {
	m := new(mdns.Msg)
	m.SetQuestion(dnsName, mdns.TypeA)
	m.Id = 4711
	return m.Pack()
}

// checkAnswer holds that the server answers the question, before anything is counted. The first one may find no neighbour.
func checkAnswer(s lean.Socket, query []byte) error {
	if err := s.SetPatience(patience); err != nil {
		return err
	}
	block := make([]byte, datagramSize)
	for range 10 {
		if _, err := s.Write(query); err != nil {
			return err
		}
		n, err := s.Read(block)
		if isTimeout(err) {
			continue
		}
		if err != nil {
			return err
		}
		var m mdns.Msg
		if err := m.Unpack(block[:n]); err != nil {
			return err
		}
		if m.Rcode != mdns.RcodeSuccess || len(m.Answer) != 1 {
			return fmt.Errorf("the answer has %s and %d records, want one", mdns.RcodeToString[m.Rcode], len(m.Answer))
		}
		return nil
	}
	return errors.New("no answer to ten questions")
}
