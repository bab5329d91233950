package tap

// Help says what the kernel's side does for a device beyond moving frames.
type Help struct {
	Steering Aid // which queue a frame comes in on
	Filter   Aid // which frames come in at all
}

// Aid is one kind of help.
type Aid struct {
	By  By
	Err error // why no program does it, though one was wanted
}

// By says who does it.
type By uint8

// The ways to get help.
const (
	Nobody  By = iota // off: not asked for, or, with an error, not to be had
	Program           // a program of ours, in the kernel
	Builtin           // what every kernel has: see the package's documentation
)

// String gives the name.
func (b By) String() string {
	switch b {
	case Nobody:
		return "off"
	case Program:
		return "eBPF program"
	case Builtin:
		return "built in"
	}
	return "invalid"
}

// String gives the way, and the reason if it is not the best.
func (a Aid) String() string {
	if a.Err != nil {
		return a.By.String() + " (" + a.Err.Error() + ")"
	}
	return a.By.String()
}
