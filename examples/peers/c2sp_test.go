package peers_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var update = flag.Bool("update", false, "write anew what others make of our words, for the tests of audit")

// The log and the witness of testdata/c2sp, and its keys, which are nobody's secret.
const (
	c2spLog     = "acme.example/other/log"
	c2spWitness = "witness.example/w1"
)

// c2spSizes are those of which there is a checkpoint.
var c2spSizes = []int{1, 2, 3, 5, 8, 13, 15}

func seeded(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

// noteKey is a signer of x/mod.
func noteKey(t *testing.T, name string, private ed25519.PrivateKey) (signer note.Signer, vkey string) {
	t.Helper()
	vkey, err := note.NewEd25519VerifierKey(name, private.Public().(ed25519.PublicKey))
	must(t, err)
	hash, _, _ := strings.Cut(strings.TrimPrefix(vkey, name+"+"), "+")
	signer, err = note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%s+%s", name, hash, base64.StdEncoding.EncodeToString(append([]byte{1}, private.Seed()...))))
	must(t, err)
	return signer, vkey
}

// request is what a witness is asked, and its answer: the size goes with a conflict.
type request struct {
	About  string
	Body   string
	Status int
	Size   string `json:",omitempty"`
}

// c2spDir is testdata/c2sp of package audit, against which our writer, verifier and witness are
// held without these modules.
var c2spDir = filepath.Join("..", "..", "audit", "testdata", "c2sp")

// TestWhatOthersMakeOfOurWords: the log there is as tessera writes it, the proofs and the
// cosignature are torchwood's, and a request is answered as litewitness does.
func TestWhatOthersMakeOfOurWords(t *testing.T) {
	signer, key := noteKey(t, c2spLog, seeded(9))
	made := tesseraLog(t, signer)
	newest := made[fmt.Sprint("log/checkpoint.", len(c2spLines()))]
	tiles := reader(made)
	for _, index := range []int64{0, 7, 14} {
		path, err := tlog.ProveRecord(int64(len(c2spLines())), index, tiles)
		must(t, err)
		made[fmt.Sprint("proof.", index)] = torchwood.FormatProof(index, path, newest)
	}
	if *update {
		must(t, os.RemoveAll(filepath.Join(c2spDir, "log")))
	}
	same(t, made)
	t.Run("cosigned", func(t *testing.T) {
		witness, err := torchwood.NewCosignatureSigner(c2spWitness, seeded(7))
		must(t, err)
		if *update { // it has the time in it
			same(t, map[string][]byte{"cosigned": cosign(t, newest, key, witness)})
		}
		cosigned, err := os.ReadFile(filepath.Join(c2spDir, "cosigned"))
		must(t, err)
		log, err := note.NewVerifier(key)
		must(t, err)
		c, _, err := torchwood.VerifyCheckpoint(cosigned, torchwood.ThresholdPolicy(3, torchwood.OriginPolicy(c2spLog), torchwood.SingleVerifierPolicy(log), torchwood.SingleVerifierPolicy(witness.Verifier())))
		if err != nil || c.N != int64(len(c2spLines())) || !bytes.HasPrefix(cosigned, newest) {
			t.Errorf("%+v, %v", c, err)
		}
	})
	t.Run("requests", func(t *testing.T) {
		url, _ := startLitewitness(t, key)
		asked := requests(t, tiles, signer)
		for i := range asked {
			asked[i].ask(t, url)
		}
		list, err := json.MarshalIndent(asked, "", "\t")
		must(t, err)
		same(t, map[string][]byte{"requests.json": append(list, '\n')})
	})
	files := 0
	must(t, filepath.WalkDir(c2spDir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files++
		}
		return err
	}))
	if want := len(made) + len([]string{"README.md", "cosigned", "requests.json"}); files != want {
		t.Errorf("%d files, want %d", files, want)
	}
}

// same holds files against those that are there, or writes them.
func same(t *testing.T, made map[string][]byte) {
	t.Helper()
	for name, want := range made {
		path := filepath.Join(c2spDir, filepath.FromSlash(name))
		if *update {
			must(t, os.MkdirAll(filepath.Dir(path), 0o755))
			must(t, os.WriteFile(path, want, 0o644))
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is another, %v: go test -run TestWhatOthersMakeOfOurWords -update", name, err)
		}
	}
}

// c2spLines differ in length.
func c2spLines() (lines []string) {
	for i := range 15 {
		lines = append(lines, strings.Repeat(fmt.Sprintf(`{"n":%d}`, i), i%5+1))
	}
	return lines
}

// tesseraLog is the files of a log that tessera has written, at each of the sizes.
func tesseraLog(t *testing.T, signer note.Signer) map[string][]byte {
	t.Helper()
	dir, err := os.MkdirTemp("", "tessera")
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() {
		cancel() // what it does beside ends when it likes
		until(t, func() bool { return os.RemoveAll(dir) == nil })
	})
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	must(t, err)
	options := tessera.NewAppendOptions().WithCheckpointSigner(signer).WithBatching(1, time.Second).
		WithCheckpointInterval(100 * time.Millisecond).WithGarbageCollectionInterval(0)
	appender, shutdown, log, err := tessera.NewAppender(ctx, driver, options)
	must(t, err)
	published := tessera.NewPublicationAwaiter(ctx, log.ReadCheckpoint, 20*time.Millisecond)
	made, done := map[string][]byte{}, 0
	for _, size := range c2spSizes {
		for ; done < size; done++ {
			add := appender.Add(ctx, tessera.NewEntry([]byte(c2spLines()[done])))
			index, err := add()
			must(t, err)
			if index.Index != uint64(done) {
				t.Fatalf("line %d is at %d", done, index.Index)
			}
			if done+1 == size {
				_, checkpoint, err := published.Await(ctx, add)
				must(t, err)
				made[fmt.Sprint("log/checkpoint.", size)] = checkpoint
			}
		}
		name := fmt.Sprint("tile/0/000.p/", size)
		made["log/"+name], err = os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		must(t, err)
	}
	must(t, shutdown(ctx))
	name := fmt.Sprint("tile/entries/000.p/", done)
	made["log/"+name], err = os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	must(t, err)
	return made
}

// reader is the hashes of the newest tile.
func reader(made map[string][]byte) tlog.HashReader {
	last := c2spSizes[len(c2spSizes)-1]
	tile := made[fmt.Sprint("log/tile/0/000.p/", last)]
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var list []tlog.Hash
		for _, i := range indexes {
			h, err := tlog.HashFromTile(tlog.Tile{H: 8, W: last}, tile, i)
			if err != nil {
				return nil, err
			}
			list = append(list, h)
		}
		return list, nil
	})
}

// requests are of a witness that knows nothing of the log yet; what it has taken, it knows.
// What litewitness takes and ours refuses is not among them: an old size with a sign, or with a
// zero before it.
func requests(t *testing.T, tiles tlog.HashReader, signer note.Signer) []request {
	t.Helper()
	stranger, _ := noteKey(t, c2spLog, seeded(8))
	elsewhere, _ := noteKey(t, "acme.example/other/unknown", seeded(9))
	head := func(size int64) string {
		root, err := tlog.TreeHash(size, tiles)
		must(t, err)
		return fmt.Sprintf("%d\n%s\n", size, root)
	}
	signed := func(by note.Signer, text string) string {
		msg, err := note.Sign(&note.Note{Text: by.Name() + "\n" + text}, by)
		must(t, err)
		return string(msg)
	}
	proof := func(old, size int64) (text string) {
		if old > 0 && old < size {
			path, err := tlog.ProveTree(size, old, tiles)
			must(t, err)
			for _, h := range path {
				text += h.String() + "\n"
			}
		}
		return text
	}
	other := fmt.Sprintf("5\n%s\n", tlog.RecordHash(nil))
	body := func(old, proof, checkpoint string) string { return "old " + old + "\n" + proof + "\n" + checkpoint }
	return []request{
		{About: "the first of another key", Body: body("0", "", signed(stranger, head(1)))},
		{About: "the first", Body: body("0", "", signed(signer, head(1)))},
		{About: "no such log", Body: body("1", proof(1, 3), signed(elsewhere, head(3)))},
		{About: "another key", Body: body("1", proof(1, 3), signed(stranger, head(3)))},
		{About: "the signature of another size", Body: body("1", proof(1, 3), strings.Replace(signed(signer, head(2)), head(2), head(3), 1))},
		{About: "no proof", Body: body("1", "", signed(signer, head(3)))},
		{About: "the proof of another size", Body: body("1", proof(1, 5), signed(signer, head(3)))},
		{About: "a proof of zeros", Body: body("1", strings.Repeat(tlog.Hash{}.String()+"\n", 2), signed(signer, head(3)))},
		{About: "on", Body: body("1", proof(1, 3), signed(signer, head(3)))},
		{About: "the same again", Body: body("3", "", signed(signer, head(3)))},
		{About: "from before", Body: body("1", proof(1, 5), signed(signer, head(5)))},
		{About: "from after", Body: body("4", proof(4, 5), signed(signer, head(5)))},
		{About: "on to five", Body: body("3", proof(3, 5), signed(signer, head(5)))},
		{About: "from nothing", Body: body("0", "", signed(signer, head(5)))},
		{About: "another tree of five", Body: body("5", "", signed(signer, other))},
		{About: "from more than there is", Body: body("8", "", signed(signer, head(5)))},
		{About: "no number", Body: body("five", proof(5, 8), signed(signer, head(8)))},
		{About: "no checkpoint", Body: body("5", proof(5, 8), "")},
		{About: "the newest", Body: body("5", proof(5, 15), signed(signer, head(15)))},
	}
}

func (r *request) ask(t *testing.T, url string) {
	t.Helper()
	post, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/add-checkpoint", strings.NewReader(r.Body))
	must(t, err)
	answer, err := http.DefaultClient.Do(post)
	must(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	if r.Status = answer.StatusCode; r.Status == http.StatusConflict {
		r.Size = string(text)
	}
}
