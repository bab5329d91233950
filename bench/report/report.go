package report

import "time"

// Format is the version of the JSON form.
const Format = 1

// Report is one run.
type Report struct {
	Format   int               `json:"format"` // set by WriteJSON
	Started  time.Time         `json:"started"`
	Commit   string            `json:"commit"`
	Machine  map[string]string `json:"machine"` // cpu, cores, kernel, go, load
	Rounds   int               `json:"rounds"`
	Duration time.Duration     `json:"duration_ns"` // of one measurement
	Rows     []Row             `json:"rows"`
	Skipped  []Skip            `json:"skipped,omitempty"`
}

// Skip is a path or a scenario that could not be measured.
type Skip struct {
	What string `json:"what"` // "pasta", "xdp/tcp_rr"
	Why  string `json:"why"`
}

// Row is one scenario on one path.
type Row struct {
	Scenario string `json:"scenario"`        // tcp_to
	Title    string `json:"title,omitempty"` // the scenario in a few words: "TCP bulk, kernel to host, 1 stream"
	Path     string `json:"path"`            // tap, veth, gvisor
	Place    string `json:"place"`           // where both ends ran: "free, 2 cores, GOMAXPROCS 2"

	Unit  string    `json:"unit"`           // Gbit/s, trips/s, packets/s, KiB
	Less  bool      `json:"less,omitempty"` // smaller values are better
	Value []float64 `json:"values"`         // one a round, in the order measured

	Limit  *Ratio `json:"limit,omitempty"`  // to the fastest that the same kernel gives
	Engine *Ratio `json:"engine,omitempty"` // to the engine without us: stock gVisor
	Aims   []Aim  `json:"aims,omitempty"`

	CPU     *CPU      `json:"cpu,omitempty"`
	Allocs  *float64  `json:"allocs,omitempty"` // of our side, an operation or a MiB as CPU.Per says
	Latency *Latency  `json:"latency,omitempty"`
	Proof   []Counter `json:"proof"` // that the path measured is the path named
}

// Ratio compares medians of the same run.
type Ratio struct {
	Path  string  `json:"path"`  // what this row is compared with
	Value float64 `json:"value"` // this row's median by the other's; above one is better, whatever the unit
}

// Aim is a ratio that a row should reach, or an absolute value where Path is empty.
type Aim struct {
	Ratio
	AtLeast float64 `json:"at_least,omitempty"`
	AtMost  float64 `json:"at_most,omitempty"` // for an absolute value that should be small
}

// CPU is what one unit of work cost.
type CPU struct {
	Near float64 `json:"near"` // seconds of the kernel-socket side
	Far  float64 `json:"far"`  // seconds of the side that is measured
	Per  string  `json:"per"`  // GiB, million packets, million trips
}

// Latency has percentiles over all rounds.
type Latency struct {
	P50  time.Duration `json:"p50_ns"`
	P90  time.Duration `json:"p90_ns"`
	P99  time.Duration `json:"p99_ns"`
	P999 time.Duration `json:"p999_ns"`
	Max  time.Duration `json:"max_ns"`
}

// Counter is one count that proves a path.
type Counter struct {
	Name  string `json:"name"` // gso_frames, octets_per_frame, queue_hits, inline_hits, xdp_mode, retransmissions
	Value string `json:"value"`
}
