package tally_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth/internal/tally"
)

func TestCountsAreReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reports []map[string]int
		count := tally.New(time.Minute, func(_ context.Context, counts map[string]int) { reports = append(reports, counts) })
		for range 3 {
			count.Add("invalid")
		}
		count.Add("expired")
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(reports) != 1 || reports[0]["invalid"] != 3 || reports[0]["expired"] != 1 {
			t.Fatalf("reported %v", reports)
		}
		count.Flush(t.Context())
		count.Add("invalid")
		count.Flush(t.Context())
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if len(reports) != 2 || reports[1]["invalid"] != 1 {
			t.Errorf("reported %v", reports)
		}
	})
}
