package witnessaudit_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"crypto/sha256"

	"github.com/carnet-go/carnet/audit/witnessaudit"
)

func vector(t *testing.T, name string) string {
	t.Helper()
	return string(read(t, filepath.Join("..", "testdata", "c2sp", filepath.FromSlash(name))))
}

// vkeyOf is a verifier key of C2SP signed-note.
func vkeyOf(name string, raw []byte) string {
	sum := sha256.Sum256([]byte(name + "\n" + string(raw)))
	return fmt.Sprintf("%s+%s+%s", name, hex.EncodeToString(sum[:4]), base64.StdEncoding.EncodeToString(raw))
}

// TestRequestsOfAnotherLog are answered as another witness answers them, one after the other.
func TestRequestsOfAnotherLog(t *testing.T) {
	public, err := hex.DecodeString("ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(public)
	w := witnessOf(t, vkeyOf("sigsum.org/v1/tree/"+hex.EncodeToString(sum[:]), append([]byte{1}, public...)))
	text := vector(t, "add-checkpoint.txt")
	heads := regexp.MustCompile(`(?m)^-- (\d+) ?(\d*) --\n`).FindAllStringSubmatchIndex(text, -1)
	if len(heads) != 9 {
		t.Fatalf("%d requests", len(heads))
	}
	for i, at := range heads {
		end := len(text)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		status, err := strconv.Atoi(text[at[2]:at[3]])
		if err != nil {
			t.Fatal(err)
		}
		w.wants(status, text[at[4]:at[5]], text[at[1]:end])
	}
}

// TestACosignatureOfAnotherWitness is read, and with its key and time we make the same, byte for byte.
func TestACosignatureOfAnotherWitness(t *testing.T) {
	const log = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
	msg := vector(t, "cosigned")
	key := keyOf(t, name, 7)
	c, err := witnessaudit.ReadCheckpoint([]byte(msg), []string{log}, []string{key.Verifier()})
	if err != nil || c.Size != 15 || c.Origin != "example.com/log/testdata" || len(c.Cosignatures) != 1 || c.Cosignatures[0].Witness != name {
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
