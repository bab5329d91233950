//go:build linux

package bench

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// placement says on which cores the ends run.
type placement struct {
	name      string
	near, far unix.CPUSet
}

func placementNamed(name string) (placement, error) {
	if err := known("placement", []string{name}, []string{"free", "split", "same"}); err != nil {
		return placement{}, err
	}
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return placement{}, err
	}
	first, others := divide(all)
	switch {
	case name == "same":
		return placement{name, first, first}, nil
	case name == "free":
		return placement{name, all, all}, nil
	case others.Count() == 0:
		return placement{}, fmt.Errorf("placement split needs two cores")
	}
	return placement{name, first, others}, nil
}

// divide parts the first core from the others.
func divide(all unix.CPUSet) (first, others unix.CPUSet) {
	for i := range len(all) * 64 {
		switch {
		case !all.IsSet(i):
		case first.Count() == 0:
			first.Set(i)
		default:
			others.Set(i)
		}
	}
	return first, others
}

// describe is a row's place: where its ends ran, and how many threads of the far end ran Go code at a time, unless it is
// one whose threads block.
func (p placement) describe(far *path, procs span) string {
	where := fmt.Sprintf("%s, %d cores", p.name, p.far.Count())
	if p.far.Count() == 1 {
		where = p.name + ", 1 core"
	}
	if far.lean {
		return where
	}
	return where + ", GOMAXPROCS " + procs.String()
}

// span is a range of values that were seen.
type span struct{ least, most int }

func (s *span) see(v int) {
	if s.most == 0 || v < s.least {
		s.least = v
	}
	s.most = max(s.most, v)
}

// String gives the range, or the only value.
func (s span) String() string {
	if s.least == s.most {
		return fmt.Sprint(s.most)
	}
	return fmt.Sprintf("%d-%d", s.least, s.most)
}
