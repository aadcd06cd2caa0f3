package member_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit/internal/member"
)

func TestAnObjectHasItsMembers(t *testing.T) {
	x := member.Text("{")
	x.Str("a", "b")
	x.Str("none", "")
	x.Num("n", -7)
	x.Num("none", 0)
	x.Yes("y", true)
	x.Yes("none", false)
	x.At("t", time.UnixMilli(12))
	x.At("none", time.Time{})
	x.Strs("l", []string{"c", "d"})
	x.Strs("none", nil)
	x.Open("o")
	x.JSON("j", `[1]`)
	x.JSON("none", "")
	x.Shut()
	x.Open("e")
	x.Shut()
	x.Note("s", "é\n\"")
	x.Note("none", "")
	x.Shut()
	const want = `{"a":"b","n":-7,"y":true,"t":12,"l":["c","d"],"o":{"j":[1]},"e":{},"s":"\u00e9\n\u0022"}`
	if string(x) != want || !json.Valid(x) {
		t.Errorf("got  %s\nwant %s", x, want)
	}
}
