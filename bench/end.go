//go:build linux

package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"tapestry/bench/internal/netns"
	"tapestry/link"

	"golang.org/x/sys/unix"
)

// order is what an end is told, a line of JSON.
type order struct {
	Do       string        `json:"do"` // open, look, run
	Path     string        `json:"path,omitempty"`
	Scenario string        `json:"scenario,omitempty"`
	Duration time.Duration `json:"duration,omitempty"`
	Longer   time.Duration `json:"longer,omitempty"` // that it may take beyond the limit
}

// answer is what it says to that.
type answer struct {
	Error  string  `json:"error,omitempty"`
	State  *state  `json:"state,omitempty"`
	Result *result `json:"result,omitempty"`
}

// state is what an end has counted since it started.
type state struct {
	CPU      time.Duration     `json:"cpu"`
	Mallocs  uint64            `json:"mallocs,omitempty"`
	Procs    int               `json:"procs,omitempty"` // GOMAXPROCS
	Received uint64            `json:"received,omitempty"`
	Device   *link.Stats       `json:"device,omitempty"` // of a host of ours
	Queues   []link.Stats      `json:"queues,omitempty"` // of its device, if it has several
	Host     map[string]uint64 `json:"host,omitempty"`   // stack.Host.Stats
	Mode     string            `json:"mode,omitempty"`   // how the device runs

	To, From traffic `json:",omitzero"`         // across the near end's interface
	Retrans  uint64  `json:"retrans,omitempty"` // TCP segments that the near end's kernel sent again
}

// traffic is what crossed an interface, a super-frame counted once.
type traffic struct {
	Frames uint64 `json:"frames"`
	Octets uint64 `json:"octets"`
}

// end is a process of this program in a role.
type end struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *json.Decoder
	dead error // why it answers no more
}

// roleCommand is this program in a role.
func roleCommand(args ...string) *exec.Cmd {
	return hidden(exec.Command(netns.Self, append([]string{roleArg}, args...)...))
}

// hidden has a command end with this thread, which must be locked, and not hear of the terminal's signals.
func hidden(cmd *exec.Cmd) *exec.Cmd {
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	return cmd
}

// start starts cmd on cores, which its runtime takes GOMAXPROCS from. The caller's thread must be locked.
func start(name string, cmd *exec.Cmd, cores unix.CPUSet) (*end, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := startOn(cmd, cores); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &end{name: name, cmd: cmd, in: in, out: json.NewDecoder(out)}, nil
}

// startOn starts cmd on cores.
func startOn(cmd *exec.Cmd, cores unix.CPUSet) error {
	var own unix.CPUSet
	if err := unix.SchedGetaffinity(0, &own); err != nil {
		return err
	}
	if err := unix.SchedSetaffinity(0, &cores); err != nil {
		return err
	}
	defer unix.SchedSetaffinity(0, &own)
	return cmd.Start()
}

// limit is how long an end may take for an order beyond the order's own time.
const limit = 30 * time.Second

// tell gives an order and waits for the answer.
func (e *end) tell(o order) (answer, error) {
	if e.dead != nil {
		return answer{}, e.dead
	}
	var a answer
	most := o.Duration + o.Longer + limit
	watch := time.AfterFunc(most, func() { e.cmd.Process.Kill() })
	err := json.NewEncoder(e.in).Encode(o)
	if err == nil {
		err = e.out.Decode(&a)
	}
	if !watch.Stop() {
		err = fmt.Errorf("no answer within %v", most)
	}
	if err != nil {
		e.dead = fmt.Errorf("%s: %s: %w", e.name, o.Do, err)
		return a, e.dead
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}

func (e *end) look(p *path) (*state, error) {
	a, err := e.tell(order{Do: "look", Path: p.name})
	if err == nil && a.State == nil {
		err = fmt.Errorf("%s: an answer without a state", e.name)
	}
	return a.State, err
}

func (e *end) run(p *path, s *scenario, d time.Duration) (*result, error) {
	a, err := e.tell(order{Do: "run", Path: p.name, Scenario: s.name, Duration: d, Longer: s.longer})
	if err == nil && a.Result == nil {
		err = fmt.Errorf("%s: an answer without a result", e.name)
	}
	return a.Result, err
}

// stop ends the process.
func (e *end) stop() {
	e.in.Close()
	watch := time.AfterFunc(time.Second, func() { e.cmd.Process.Kill() })
	defer watch.Stop()
	e.cmd.Wait()
}
