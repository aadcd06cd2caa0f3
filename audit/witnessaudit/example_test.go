package witnessaudit_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/witnessaudit"
)

// A log of one machine, and a witness that would stand on another.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	logDir, state := filepath.Join(dir, "audit"), filepath.Join(dir, "state")

	// The log.
	if err := audit.Create(ctx, logDir, "acme.example/hr/a", nil); err != nil {
		panic(err)
	}
	log, err := audit.Open(ctx, logDir, nil)
	if err != nil {
		panic(err)
	}
	defer log.Close(ctx)

	// The witness, which knows the log's key.
	key, err := witnessaudit.CreateKey(state+".key", "witness.example/w1")
	if err != nil {
		panic(err)
	}
	if err := witnessaudit.Create(state, key); err != nil {
		panic(err)
	}
	witness, err := witnessaudit.Open(state, key, []string{log.Key()}, nil)
	if err != nil {
		panic(err)
	}
	defer witness.Close()
	server := httptest.NewServer(witness)
	defer server.Close()

	// Beside the log. A service would call Run, and not Round.
	client, err := witnessaudit.NewClient(server.URL, key.Verifier(), nil)
	if err != nil {
		panic(err)
	}
	defer client.Close()
	watcher, err := witnessaudit.NewWatcher(logDir, []string{log.Key()}, []*witnessaudit.Client{client}, nil)
	if err != nil {
		panic(err)
	}
	if _, err := watcher.Round(ctx); err != nil {
		panic(err)
	}

	// Whoever relies on it needs the two keys.
	cosigned, err := os.ReadFile(filepath.Join(logDir, "cosigned"))
	if err != nil {
		panic(err)
	}
	c, err := witnessaudit.ReadCheckpoint(cosigned, []string{log.Key()}, []string{key.Verifier()})
	fmt.Println(c.Origin, c.Size, c.Cosignatures[0].Witness, err)
	// Output: acme.example/hr/a 2 witness.example/w1 <nil>
}
