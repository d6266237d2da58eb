package controlplane

import (
	"context"
	"fmt"
	"time"

	"hedgehog-devcluster/internal/probe"
)

const (
	readyPoll = 50 * time.Millisecond
	// readyPatience is ample for a loaded machine: on an idle one with two
	// cores it takes four seconds.
	readyPatience = 3 * time.Minute
)

// waitReady returns nil once the API server says that it is ready, or when ctx
// ends, and an error if neither happens in time.
func waitReady(ctx context.Context, access access) error {
	client, err := probe.New(access.url, access.authority, access.admin)
	if err != nil {
		return err
	}
	var last error
	for deadline := time.Now().Add(readyPatience); time.Now().Before(deadline); {
		if last = client.Ready(ctx); last == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(readyPoll):
		}
	}
	return fmt.Errorf("not ready after %s: %w", readyPatience, last)
}
