package lab

import (
	"context"
	"log/slog"
)

// untilStop is a log in which, once the context is over, stand warnings alone: a switch tells of each tree that it goes
// through while its ports are taken away one by one, which is no news then.
type untilStop struct {
	slog.Handler
	stop context.Context
}

// Enabled implements [slog.Handler].
func (u untilStop) Enabled(ctx context.Context, level slog.Level) bool {
	return (u.stop.Err() == nil || level >= slog.LevelWarn) && u.Handler.Enabled(ctx, level)
}

// WithAttrs implements [slog.Handler].
func (u untilStop) WithAttrs(a []slog.Attr) slog.Handler {
	return untilStop{u.Handler.WithAttrs(a), u.stop}
}

// WithGroup implements [slog.Handler].
func (u untilStop) WithGroup(name string) slog.Handler {
	return untilStop{u.Handler.WithGroup(name), u.stop}
}
