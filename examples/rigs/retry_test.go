package rigs

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"tapestry/stack/stacktest"
)

// fetchWithRetry is the code under test: it asks until it gets an answer, with a pause that doubles from a second up to
// half a minute.
func fetchWithRetry(ctx context.Context, c *http.Client, url string) (body string, attempts int, err error) {
	for pause := time.Second; ; pause = min(2*pause, 30*time.Second) {
		attempts++
		body, err = fetch(ctx, c, url)
		if err == nil {
			return body, attempts, nil
		}
		select {
		case <-ctx.Done():
			return "", attempts, errors.Join(ctx.Err(), err)
		case <-time.After(pause):
		}
	}
}

func fetch(ctx context.Context, c *http.Client, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return string(b), err
}

// TestRetryUnderLoss has every third frame lost, and the server without power for the first five minutes.
func TestRetryUnderLoss(t *testing.T) {
	stacktest.Run(t, stacktest.Config{Seed: 7, Impair: "loss=33%,delay=20ms,jitter=5ms"}, func(t *testing.T, n *stacktest.Net) {
		client, server := n.Host("client"), n.Host("server")
		n.Kill(server)
		go func() { // ends with the server's listener
			time.Sleep(5 * time.Minute)
			n.Restart(server)
			l, err := server.Listen("tcp", ":80")
			if err != nil {
				t.Error(err)
				return
			}
			_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "here I am") }))
		}()

		c := &http.Client{Transport: &http.Transport{DialContext: client.DialContext, DisableKeepAlives: true}}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		body, attempts, err := fetchWithRetry(ctx, c, "http://server/")
		if err != nil || body != "here I am" {
			t.Fatalf("got %q, %v after %d attempts", body, err, attempts)
		}
		if d := n.Elapsed(); d < 5*time.Minute || d > 6*time.Minute {
			t.Errorf("answered after %v, want within a minute of the server's return", d)
		}
		if attempts < 5 || attempts > 20 {
			t.Errorf("%d attempts in %v: the pauses are wrong", attempts, n.Elapsed())
		}
		t.Logf("%d attempts, %v of virtual time", attempts, n.Elapsed())
	})
}
