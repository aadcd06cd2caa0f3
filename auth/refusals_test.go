package auth_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
)

// TestNoiseAtTheDoorIsASum: a million bad tokens are one event; attack 16.
func TestNoiseAtTheDoorIsASum(t *testing.T) {
	const noise = 1_000_000
	dir := filepath.Join(t.TempDir(), "audit")
	if err := audit.Create(t.Context(), dir, "carnet.invalid/noise", nil); err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	g, err := auth.NewGate(t.Context(), log, bounded(t, decider(allow), crm()), auth.Verifiers{auth.SchemeBearer: verifier(
		func(context.Context, auth.Presented) (auth.Identity, error) { return auth.Identity{}, auth.ErrInvalid })}, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := auth.NewBroker(g, auth.Translators{"crm": &key{}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	bad := auth.Bearer("bad")
	for range noise {
		_, _ = g.Admit(t.Context(), bad)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused := events(t, log, func(e audit.Event) bool { return e.Action == "gate.refuse" })
	if len(refused) != 1 || refused[0].Count != noise || refused[0].Reason != "invalid" {
		t.Errorf("the log has %+v", refused)
	}
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var size int64
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if info, wrong := d.Info(); err == nil && wrong == nil && !d.IsDir() {
			size += info.Size()
		}
		return err
	})
	if size > 1<<20 {
		t.Errorf("the noise cost %d bytes", size)
	}
}

// TestRefusalsReachTheLogEachMinute, without anybody asking.
func TestRefusalsReachTheLogEachMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := authtest.Gate(t, bounded(t, decider(allow), crm()), nil)
		for range 3 {
			_, _ = g.Admit(t.Context(), auth.Bearer("bad"))
		}
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		_, _ = g.Admit(t.Context(), auth.Bearer("bad"))
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		refused := events(t, g.Log(), func(e audit.Event) bool { return e.Action == "gate.refuse" })
		if len(refused) != 2 || refused[0].Count != 3 || refused[1].Count != 1 {
			t.Errorf("the log has %+v", refused)
		}
	})
}
