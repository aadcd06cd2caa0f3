package witnessaudit_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit/witnessaudit"
)

func vector(t *testing.T, name string) string {
	t.Helper()
	return string(read(t, filepath.Join("..", "testdata", "c2sp", filepath.FromSlash(name))))
}

// theirLog is the verifier key of testdata/c2sp.
const theirLog = "acme.example/other/log+f9f9dd05+Af0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY"

// TestRequestsOfAnotherLog are answered as another witness answers them, one after the other.
func TestRequestsOfAnotherLog(t *testing.T) {
	var requests []struct {
		About, Body, Size string
		Status            int
	}
	if err := json.Unmarshal([]byte(vector(t, "requests.json")), &requests); err != nil {
		t.Fatal(err)
	}
	w, statuses := witnessOf(t, theirLog), map[int]int{}
	for _, r := range requests {
		t.Log(r.About)
		w.wants(r.Status, strings.TrimSuffix(r.Size, "\n"), r.Body)
		statuses[r.Status]++
	}
	if len(requests) != 19 || len(statuses) != 6 {
		t.Errorf("%d requests, and the answers are %v", len(requests), statuses)
	}
}

// TestACosignatureOfAnotherWitness is read, and with its key and time we make the same, byte for byte.
func TestACosignatureOfAnotherWitness(t *testing.T) {
	msg := vector(t, "cosigned")
	key := keyOf(t, name, 7)
	c, err := witnessaudit.ReadCheckpoint([]byte(msg), []string{theirLog}, []string{key.Verifier()})
	if err != nil || c.Size != 15 || c.Origin != "acme.example/other/log" || len(c.Cosignatures) != 1 || c.Cosignatures[0].Witness != name {
		t.Fatalf("%+v, %v", c, err)
	}
	text, _, _ := strings.Cut(msg, "\n\n")
	if got, want := vector(t, "log/checkpoint.15")+key.SignAt(text+"\n", c.Cosignatures[0].Time), msg; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := key.SignAt(text+"\n", c.Cosignatures[0].Time.Add(time.Second)); strings.HasSuffix(msg, got) {
		t.Error("its time is not signed")
	}
}
