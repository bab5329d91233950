package stack

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	enginelog "gvisor.dev/gvisor/pkg/log"
)

// SetEngineLog sends what gVisor logs, one line for some packets, to l at level debug. gVisor has one log for a whole
// process, and writes to standard error until this is called; a program calls it once, at its start.
func SetEngineLog(l *slog.Logger) { enginelog.SetTarget(engineEmitter{l}) }

type engineEmitter struct{ l *slog.Logger }

// Emit implements gVisor's log.Emitter.
func (e engineEmitter) Emit(_ int, _ enginelog.Level, _ time.Time, format string, args ...any) {
	if e.l.Enabled(context.Background(), slog.LevelDebug) {
		e.l.Debug("engine: " + fmt.Sprintf(format, args...))
	}
}
