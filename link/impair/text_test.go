package impair

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name, text string
		want       Config
		printed    string
	}{
		{"nothing", "", Config{}, "off"},
		{"off", "off", Config{}, "off"},
		{"commas", "loss=5%,delay=10ms,jitter=2ms,rate=100mbit",
			Config{Loss: 0.05, Delay: 10 * ms, Jitter: 2 * ms, Rate: 100e6}, "loss=5%,delay=10ms,jitter=2ms,rate=100mbit"},
		{"spaces and order", " rate=1500kbit\tloss=0.1%\n burst=3 , corrupt=100% ",
			Config{Loss: 0.001, Burst: 3, Corrupt: 1, Rate: 1.5e6}, "loss=0.1%,burst=3,corrupt=100%,rate=1500kbit"},
		{"capitals", "Loss=5%,RATE=1.5Mbit,discipline=CoDel,distribution=Normal,jitter=1us",
			Config{Loss: 0.05, Rate: 1.5e6, Discipline: CoDel, Distribution: Normal, Jitter: time.Microsecond},
			"loss=5%,jitter=1µs,distribution=normal,rate=1500kbit,discipline=codel"},
		{"sizes", "mtu=1400,queue_bytes=64kib,limit_bytes=10mb,overhead=24b,queue=10,limit=20",
			Config{MTU: 1400, QueueBytes: 65536, LimitBytes: 10e6, Overhead: 24, Queue: 10, Limit: 20},
			"overhead=24,queue=10,queue_bytes=64kib,mtu=1400,limit=20,limit_bytes=10000000"},
		{"fraction of a size", "queue_bytes=1.5kib", Config{QueueBytes: 1536}, "queue_bytes=1536"},
		{"zeros", "loss=0,delay=0,rate=0,mtu=0,cut=0,gilbert=0,burst=0", Config{}, "off"},
		{"gilbert", "gilbert=1%/30%", Config{Gilbert: Gilbert{P: 0.01, R: 0.3, Bad: 1}}, "gilbert=1%/30%/100%/0%"},
		{"gilbert, all", "gilbert=1%/30%/80%/0.1%", Config{Gilbert: Gilbert{0.01, 0.3, 0.8, 0.001}}, "gilbert=1%/30%/80%/0.1%"},
		{"cuts", "cut=2s@10s+500ms@0/1m", Config{Cuts: []Cut{{At: 10 * time.Second, For: 2 * time.Second}, {For: 500 * ms, Every: time.Minute}}},
			"cut=2s@10s+500ms@0s/1m0s"},
		{"reset before", "off,loss=1%", Config{Loss: 0.01}, "loss=1%"},
		{"reset between", "loss=1%,delay=1s,off,loss=2%", Config{Loss: 0.02}, "loss=2%"},
		{"smallest rate", "rate=1bit", Config{Rate: 1}, "rate=1bit"},
		{"largest rate", "rate=1tbit", Config{Rate: 1e12}, "rate=1tbit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(tt.text)
			if d := cmp.Diff(tt.want, got); err != nil || d != "" {
				t.Errorf("Parse(%q): %v\n%s", tt.text, err, d)
			}
			if s := got.String(); s != tt.printed {
				t.Errorf("String = %q, want %q", s, tt.printed)
			}
		})
	}
}

// TestParseErrors: an error names the key and says what would be right.
func TestParseErrors(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"typo", "los=5%", "impair: los=5%: there is no such key, did you mean loss? The keys are loss, burst,"},
		{"another tool's word", "latency=10ms", "did you mean delay?"},
		{"netem's word", "gemodel=1%/2%", "did you mean gilbert?"},
		{"nothing like it", "colour=red", "impair: colour=red: there is no such key; the keys are loss, burst"},
		{"no value", "loss 5%", "impair: loss: there is no value: write it without spaces, as in loss=5%"},
		{"empty value", "loss=", "impair: loss: want a percentage such as 5%"},
		{"no percent sign", "loss=5", "impair: loss=5: the percent sign is missing: want a percentage such as 5%"},
		{"fraction", "loss=0.05", "the percent sign is missing"},
		{"too much", "loss=101%", "impair: loss=101%: a chance is from 0% to 100%"},
		{"negative", "loss=-1%", "impair: loss=-1%: want a percentage"},
		{"not a number", "loss=NaN%", "impair: loss=NaN%: want a percentage"},
		{"no unit of time", "delay=10", "impair: delay=10: the unit is missing: want a time such as 10ms"},
		{"tc's unit of time", "delay=10msec", "impair: delay=10msec: want a time such as 10ms"},
		{"negative time", "delay=-10ms", "want a time such as 10ms"},
		{"too long", "delay=9000h", "impair: delay=9000h0m0s: a time is from 0 to 8760h0m0s"},
		{"no unit of rate", "rate=100", "impair: rate=100: want bits a second such as 100mbit (units bit, kbit, mbit, gbit, tbit)"},
		{"octets a second", "rate=10mbps", "want bits a second"},
		{"fraction of a bit", "rate=0.5bit", "not a whole number"},
		{"too fast", "rate=2tbit", "impair: rate=2tbit: must be at most 1tbit"},
		{"twice", "loss=1%,LOSS=2%", "is given twice"},
		{"unknown distribution", "distribution=poisson", "impair: distribution=poisson: want uniform, normal, pareto"},
		{"unknown discipline", "discipline=red", "impair: discipline=red: want tail, codel"},
		{"nothing to jump", "reorder=5%", "impair: reorder=5%: there is no delay to jump: add one, as in delay=10ms"},
		{"impossible bursts", "loss=60%,burst=1", "impair: loss=60%: with burst=1 at most 50% can be lost"},
		{"burst below one", "loss=1%,burst=0.5", "impair: burst=0.5: a run of losses has from 1 to"},
		{"two models", "loss=1%,gilbert=1%/2%", "gilbert stands instead of loss and burst"},
		{"gilbert of one", "gilbert=1%", "impair: gilbert=1%: want the chances to turn bad and good again"},
		{"gilbert of five", "gilbert=1%/1%/1%/1%/1%", "want the chances"},
		{"cut without a time", "cut=2s", "impair: cut=2s: want how long, when and how often: 2s@10s"},
		{"cut of nothing", "cut=0s@10s", "it lasts no time"},
		{"cut for ever", "cut=10s@0s/10s", "nothing would ever cross"},
		{"too many cuts", "cut=1s@1s" + strings.Repeat("+1s@1s", 64), "65 are too many: at most 64"},
		{"MTU of nobody", "mtu=20", "impair: mtu=20: must be from 68 to 65535"},
		{"negative count", "queue=-1", "impair: queue=-1: want a number of frames"},
		{"large count", "queue=2000000", "must be from 0 to 1048576"},
		{"large size", "limit_bytes=8gib", "must be from 0 to 1073741824"},
		{"word", "fast", "impair: fast: there is no such key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := Config{Loss: 0.5}
			if strings.Contains(tt.text, "gilbert=1%/") {
				before = Config{}
			}
			got, err := before.With(tt.text)
			var key *KeyError
			if !errors.As(err, &key) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("With(%q) = %v, want %q", tt.text, err, tt.want)
			}
			if !got.Equal(before) {
				t.Errorf("With an error it gave %v, want what was before", got)
			}
		})
	}
}

// TestWith changes some keys and leaves the others.
func TestWith(t *testing.T) {
	c := Config{}
	for _, step := range []struct{ text, want string }{
		{"loss=5%", "loss=5%"},
		{"delay=10ms", "loss=5%,delay=10ms"},
		{"loss=0", "delay=10ms"},
		{"reorder=1% cut=1s@2s", "delay=10ms,reorder=1%,cut=1s@2s"},
		{"", "delay=10ms,reorder=1%,cut=1s@2s"},
		{"off", "off"},
	} {
		var err error
		if c, err = c.With(step.text); err != nil || c.String() != step.want {
			t.Errorf("after %q: %v, %v, want %s", step.text, c, err, step.want)
		}
	}
}

// TestSettingsKeys: fields and keys have the same names in the same order.
func TestSettingsKeys(t *testing.T) {
	s := reflect.TypeFor[Settings]()
	if s.NumField() != len(keys) {
		t.Fatalf("%d fields of Settings for %d keys", s.NumField(), len(keys))
	}
	for i, k := range keys {
		want := k.name + ",omitempty"
		if tag := s.Field(i).Tag; tag.Get("toml") != want || tag.Get("json") != want {
			t.Errorf("field %d is %s, key is %s", i, tag, k.name)
		}
	}
}

// TestSettings goes from TOML to a configuration and back, by table and by text.
func TestSettings(t *testing.T) {
	want, err := Parse(everything)
	if err != nil {
		t.Fatal(err)
	}
	text, err := toml.Marshal(map[string]any{"table": want.Settings(), "text": want})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Table Settings
		Text  Config
	}
	if err := toml.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	table, err := got.Table.Config()
	if err != nil || cmp.Diff(want, table) != "" || cmp.Diff(want, got.Text) != "" {
		t.Errorf("%v\n%s\n%s\nfrom\n%s", err, cmp.Diff(want, table), cmp.Diff(want, got.Text), text)
	}
	var m map[string]any
	if err := toml.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	if c, err := FromMap(m["table"].(map[string]any)); err != nil || !c.Equal(want) {
		t.Errorf("FromMap = %v, %v", c, err)
	}
}

func TestSettingsErrors(t *testing.T) {
	tests := []struct {
		name     string
		settings Settings
		want     string
	}{
		{"value", Settings{Loss: "5"}, "impair: loss=5: the percent sign is missing"},
		{"together", Settings{Reorder: "5%"}, "there is no delay to jump"},
	}
	for _, tt := range tests {
		if c, err := tt.settings.Config(); err == nil || !strings.Contains(err.Error(), tt.want) || !c.IsZero() {
			t.Errorf("%s: %v, %v, want %q", tt.name, c, err, tt.want)
		}
	}
}

func TestFromMap(t *testing.T) {
	tests := []struct {
		name string
		m    map[string]any
		want string // text or error
	}{
		{"nothing", nil, "off"},
		{"strings", map[string]any{"loss": "1%", "delay": "10ms"}, "loss=1%,delay=10ms"},
		{"numbers", map[string]any{"queue": int64(10), "mtu": float64(1400), "burst": 2.5}, "burst=2.5,queue=10,mtu=1400"},
		{"number for a chance", map[string]any{"loss": 0.01}, "impair: loss=0.01: the percent sign is missing: want a percentage such as 5% or 0.1%"},
		{"unknown", map[string]any{"los": "1%"}, "impair: los=1%: there is no such key, did you mean loss?"},
		{"table", map[string]any{"loss": map[string]any{}}, "impair: loss: want a string, not map[string]interface {}"},
		{"together", map[string]any{"reorder": "1%"}, "no delay to jump"},
	}
	for _, tt := range tests {
		c, err := FromMap(tt.m)
		if err != nil && !strings.Contains(err.Error(), tt.want) || err == nil && c.String() != tt.want {
			t.Errorf("%s: %v, %v, want %s", tt.name, c, err, tt.want)
		}
	}
}

func TestJSON(t *testing.T) {
	want, err := Parse(everything)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(map[string]Config{"tx": want})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]Config
	if err := json.Unmarshal(b, &got); err != nil || cmp.Diff(want, got["tx"]) != "" {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got["tx"]))
	}
	var s Settings
	b, err = json.Marshal(want.Settings())
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &s); err != nil || s != want.Settings() {
		t.Errorf("%v: %+v", err, s)
	}
}

// FuzzParse: what parses, prints and parses back equal, and is a configuration that a line takes.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "off", everything, "loss=0.000001%,burst=3", "gilbert=1%/30%", "rate=1.5gbit overhead=24", "queue_bytes=1.5kib"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse(text)
		if err != nil {
			var key *KeyError
			if !errors.As(err, &key) || len(err.Error()) > len(text)+1000 {
				t.Fatalf("error %v", err)
			}
			return
		}
		back, err := Parse(c.String())
		if d := cmp.Diff(c, back); err != nil || d != "" {
			t.Fatalf("%q is printed as %q, which is read as\n%v %v\n%s", text, c, back, err, d)
		}
		if again, err := c.Settings().Config(); err != nil || !again.Equal(c) {
			t.Fatalf("settings of %v: %v, %v", c, again, err)
		}
		if err := c.Check(); err != nil {
			t.Fatalf("%v: %v", c, err)
		}
	})
}
