package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"time"

	"tapestry/bench/internal/machine"
)

// population are the results of many hosts on one switch.
type population struct {
	Hosts      int     `json:"hosts"`
	Add        adding  `json:"add"`
	Quiet      memory  `json:"quiet"`    // as it is when the wire is quiet
	Freed      memory  `json:"freed"`    // after a collection
	IdleCPU    float64 `json:"idle_cpu"` // cores busy with quiet hosts
	Check      check   `json:"check"`
	After      memory  `json:"after"`       // after the check
	AfterFreed memory  `json:"after_freed"` // and a collection
	Close      float64 `json:"close_ms"`
	Left       int     `json:"goroutines_left"`
	Verdict    string  `json:"verdict"` // "ok", or what is wrong
}

// adding is the time that hosts took to add, in microseconds.
type adding struct {
	Mean   float64 `json:"mean_us"`
	Median float64 `json:"median_us"`
	P99    float64 `json:"p99_us"`
	Last   float64 `json:"last_us"`   // mean of the last tenth
	Own    float64 `json:"own_us"`    // processor's time of the calls alone, whatever else ran beside them
	CPU    float64 `json:"cpu_us"`    // processor's time of the whole process for each host, until the wire is quiet
	Settle float64 `json:"settle_ms"` // from the last host added until the wire is quiet
	Start  float64 `json:"first_us"`  // the first host, which warms up what all share
}

// good is the verdict of a run that kept all limits.
const good = "ok"

// measureHosts adds hosts, measures them quiet, checks them and closes them.
func measureHosts(o options) (*population, error) {
	before := runtime.NumGoroutine()
	l, err := newLab(o.v4only)
	if err != nil {
		return nil, err
	}
	p := &population{Hosts: o.hosts}
	if err := profile(o.cpu, func() error { p.Add, err = addAll(l, o.hosts); return err }); err != nil {
		l.close()
		return nil, err
	}
	p.Quiet = readMemory()
	debug.FreeOSMemory()
	p.Freed = readMemory()
	if err := heapProfile(o.heap); err != nil {
		l.close()
		return nil, err
	}
	p.IdleCPU = idle(o.idle)
	p.Check = l.check(o.pairs, o.seed)
	p.After = readMemory()
	debug.FreeOSMemory()
	p.AfterFreed = readMemory()
	start := time.Now()
	if err := l.close(); err != nil {
		return nil, err
	}
	p.Close = ms(time.Since(start))
	p.Left = goroutinesOver(before)
	p.judge(o.limits)
	return p, nil
}

func addAll(l *lab, hosts int) (a adding, err error) {
	times := make([]time.Duration, hosts)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cpu, own := machine.ProcessTime(), machine.ThreadTime()
	for i := range times {
		start := time.Now()
		if err := l.add(); err != nil {
			return a, fmt.Errorf("host %d: %w", i, err)
		}
		times[i] = time.Since(start)
	}
	a.Own = us(machine.ThreadTime()-own) / float64(hosts)
	start := time.Now()
	settle()
	a.Settle = ms(time.Since(start))
	a.CPU = us(machine.ProcessTime()-cpu) / float64(hosts)
	a.Start = us(times[0])
	a.Mean = mean(times)
	a.Last = mean(times[hosts-max(1, hosts/10):])
	slices.Sort(times)
	a.Median, a.P99 = us(times[hosts/2]), us(times[hosts*99/100])
	return a, nil
}

// settle returns when the process was all but idle for half a second: announcements, probes and reports of groups have
// come to their end. It waits a minute at the most.
func settle() {
	const slice = 250 * time.Millisecond
	for range 240 {
		cpu := machine.ProcessTime()
		time.Sleep(2 * slice)
		if machine.ProcessTime()-cpu < slice/50 {
			return
		}
	}
}

// idle is how many cores are busy for d.
func idle(d time.Duration) float64 {
	cpu := machine.ProcessTime()
	time.Sleep(d)
	return float64(machine.ProcessTime()-cpu) / float64(d)
}

// goroutinesOver is how many goroutines there are over n, after those that are about to end had a second for it.
func goroutinesOver(n int) int {
	for range 100 {
		if runtime.NumGoroutine() <= n {
			return 0
		}
		time.Sleep(10 * time.Millisecond)
	}
	return runtime.NumGoroutine() - n
}

func heapProfile(name string) error {
	if name == "" {
		return nil
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return pprof.Lookup("heap").WriteTo(f, 0)
}

// judge writes the verdict.
func (p *population) judge(l limits) {
	p.Verdict = good
	switch {
	case p.Check.Failed > 0:
		p.Verdict = fmt.Sprintf("%d of %d echoes failed: %s", p.Check.Failed, p.Check.Echoes, p.Check.First)
	case l.mb > 0 && p.Quiet.RSS > l.mb:
		p.Verdict = fmt.Sprintf("memory of %.1f MB is over %.0f MB", p.Quiet.RSS, l.mb)
	case l.perAdd > 0 && max(p.Add.Median, p.Add.Own) > us(l.perAdd):
		p.Verdict = fmt.Sprintf("a host took %.0f us to add and %.0f us of a processor, over %.0f us", p.Add.Median, p.Add.Own, us(l.perAdd))
	case p.Left > 0:
		p.Verdict = fmt.Sprintf("%d goroutines left", p.Left)
	}
}

func mean(ds []time.Duration) float64 {
	var sum time.Duration
	for _, d := range ds {
		sum += d
	}
	return us(sum) / float64(len(ds))
}

func us(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
