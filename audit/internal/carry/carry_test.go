package carry_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/carnet-go/carnet/audit/internal/carry"
)

func kinds(kind carry.Kind, action string, grants ...string) (facts []carry.Fact) {
	for _, id := range grants {
		facts = append(facts, carry.Fact{Action: action, Grant: id, Kind: kind})
	}
	return facts
}

// taken is a state that was written down and read back.
func taken(t *testing.T, s *carry.State) *carry.State {
	t.Helper()
	got := carry.New("o", "k")
	for i, text := range s.Texts(carry.Times{From: 5, Until: 9}) {
		if len(text) > carry.TextBytes {
			t.Errorf("a text of %d bytes", len(text))
		}
		line := fmt.Sprintf(`{"carnet":{"carried":%s}}`, text)
		if !json.Valid([]byte(line)) {
			t.Fatalf("no JSON: %s", text)
		}
		x, err := carry.Parse([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 && (x.Origin != "o" || x.Key != "k" || x.From != 5 || x.Until != 9) {
			t.Errorf("%+v", x)
		}
		got.Take(x)
	}
	return got
}

// TestTextsHaveTheWholeState, however much there is.
func TestTextsHaveTheWholeState(t *testing.T) {
	for _, n := range []int{0, 1, 50, 2000} {
		s := carry.New("o", "k")
		s.Apply(10, []carry.Fact{{Action: "a", Tenant: "acme"}, {Action: "b"}, {Action: "a"}, {Action: carry.ActionErased, Erased: 3}, {Action: carry.ActionErased, Erased: 2}, {Action: "b", Kept: 7}, {Action: "b", Kept: 6}})
		for i := range n {
			id := fmt.Sprint("g-", i)
			s.Apply(int64(100+3*i), append(kinds(carry.Opens, fmt.Sprint("open.", i), "o"+id), kinds(carry.Closes, "c", "c"+id)...))
		}
		got := taken(t, s)
		if got.Tenant() != "acme" || got.Kept() != 7 || got.Erased() != 3 || !maps.Equal(got.Newest(), s.Newest()) || !maps.Equal(got.Open(), s.Open()) || got.Needs("x.") != s.Needs("x.") {
			t.Errorf("%d: another state", n)
		}
		for i := range n {
			if id := fmt.Sprint("cg-", i); got.Closing(id, "c") != s.Closing(id, "c") || got.Closing(id, "c") == 0 {
				t.Errorf("%s: line %d", id, got.Closing(id, "c"))
			}
		}
	}
}

// TestTextsAreTheState, or they are not: of each part of them.
func TestTextsAreTheState(t *testing.T) {
	s := carry.New("o", "k", "j")
	s.Apply(10, []carry.Fact{{Action: "a", Tenant: "acme"}, {Action: "gate.freeze"}, {Action: carry.ActionErased, Erased: 3}, {Action: "b", Kept: 7}})
	for i := range int64(400) { // several texts
		id := fmt.Sprint("g-", i)
		s.Apply(100+3*i, append(kinds(carry.Opens, "open", "o"+id), kinds(carry.Closes, "c", "c"+id)...))
	}
	keys, before := []string{"j", "k"}, carry.Times{From: 5, Until: 9}
	texts := func() (list []carry.Text) {
		for _, text := range s.Texts(before) {
			x, err := carry.Parse([]byte(`{"carnet":{"carried":` + text + `}}`))
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, x)
		}
		return list
	}
	if n := len(texts()); n < 2 {
		t.Fatalf("%d texts", n)
	}
	type list = []carry.Text
	for name, c := range map[string]struct {
		change func(x list) list
		want   bool
	}{
		"as they are":         {func(x list) list { return x }, true},
		"no times":            {func(x list) list { x[0].From, x[0].Until = 0, 0; return x }, true},
		"more time":           {func(x list) list { x[0].From, x[0].Until = 4, 10; return x }, true},
		"from later":          {func(x list) list { x[0].From = 6; return x }, false},
		"until earlier":       {func(x list) list { x[0].Until = 8; return x }, false},
		"time elsewhere":      {func(x list) list { x[1].From, x[1].Until = 7, 7; return x }, false},
		"none":                {func(x list) list { return nil }, false},
		"the first":           {func(x list) list { return x[:1] }, false},
		"without the first":   {func(x list) list { return x[1:] }, false},
		"one twice":           {func(x list) list { return append(x, x[0]) }, false},
		"another origin":      {func(x list) list { x[0].Origin = "p"; return x }, false},
		"another key":         {func(x list) list { x[0].Key = "l"; return x }, false},
		"a key elsewhere":     {func(x list) list { x[1].Key = "k"; return x }, false},
		"a former one":        {func(x list) list { x[0].Former = nil; return x }, false},
		"former elsewhere":    {func(x list) list { x[1].Former = []string{"j"}; return x }, false},
		"another tenant":      {func(x list) list { x[1].Tenant = "other"; return x }, false},
		"kept less":           {func(x list) list { x[0].Kept = 6; return x }, false},
		"kept more":           {func(x list) list { x[1].Kept = 8; return x }, false},
		"kept twice":          {func(x list) list { x[1].Kept = 7; return x }, false},
		"erased twice":        {func(x list) list { x[1].Erased = 3; return x }, false},
		"the tenant twice":    {func(x list) list { x[1].Tenant = "acme"; return x }, false},
		"an action twice":     {func(x list) list { x[0].Newest = append(x[0].Newest, x[0].Newest[0]); return x }, false},
		"a grant twice":       {func(x list) list { x[1].Open = append(x[1].Open, x[0].Open[0]); return x }, false},
		"a closed one twice":  {func(x list) list { x[1].Closed = append(x[1].Closed, x[1].Closed[0]); return x }, false},
		"erased less":         {func(x list) list { x[0].Erased = 2; return x }, false},
		"an action less":      {func(x list) list { x[0].Newest = x[0].Newest[1:]; return x }, false},
		"an older action":     {func(x list) list { x[0].Newest[1].Index--; return x }, false},
		"a grant less":        {func(x list) list { x[0].Open = x[0].Open[1:]; return x }, false},
		"a grant elsewhere":   {func(x list) list { x[0].Open[0].Index++; return x }, false},
		"a closed grant less": {func(x list) list { x[1].Closed = x[1].Closed[1:]; return x }, false},
		"of another action":   {func(x list) list { x[1].Closed[0].Action = "d"; return x }, false},
	} {
		if got := s.Is(c.change(texts()), keys, before); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if s.Is(texts(), keys[:1], before) || s.Is(texts(), []string{"j", "k", "l"}, before) {
		t.Error("under other keys")
	}
}

// TestGrantsEndOnce, by an answer of their action; what the log closed waits for one that
// knows how it ended.
func TestGrantsEndOnce(t *testing.T) {
	s := carry.New("o", "k")
	s.Apply(1, kinds(carry.Opens, "a", "1", "2", "3"))
	s.Apply(4, kinds(carry.Answers, "other", "1"))
	s.Apply(5, kinds(carry.Answers, "a", "1"))
	s.Apply(6, kinds(carry.Doubts, "a", "2"))
	if open := s.Open(); !reflect.DeepEqual(open, map[string]carry.Grant{"3": {Action: "a", Index: 3}}) || s.Needs("x.") != 3 {
		t.Errorf("%v", open)
	}
	s.Apply(7, kinds(carry.Closes, "a", "3"))
	if s.Closing("3", "a") != 7 || s.Closing("3", "b") != 0 || s.Closing("1", "a") != 0 || s.Needs("x.") != -1 {
		t.Errorf("line %d", s.Closing("3", "a"))
	}
	s.Apply(8, kinds(carry.Doubts, "a", "3"))
	s.Apply(9, kinds(carry.Answers, "b", "3"))
	if s.Closing("3", "a") != 7 {
		t.Error("no answer, and given up")
	}
	s.Apply(10, kinds(carry.Answers, "a", "3"))
	if s.Closing("3", "a") != 0 {
		t.Error("answered, and still waiting")
	}
}

// TestOnlySoManyWait: of more the oldest are given up.
func TestOnlySoManyWait(t *testing.T) {
	s := carry.New("o", "k")
	for i := range carry.Most + 10 {
		s.Apply(int64(i+1), kinds(carry.Closes, "a", fmt.Sprint(i)))
	}
	if s.Closing("9", "a") != 0 || s.Closing("10", "a") != 11 || s.Closing(fmt.Sprint(carry.Most+9), "a") == 0 {
		t.Error("not the oldest")
	}
}

// TestReadIsWhatALineSays.
func TestReadIsWhatALineSays(t *testing.T) {
	const head = `{"activity_id":99,"actor":{"app_name":"carnet"},"api":{"operation":"crm.read"},"metadata":{"tenant_uid":"acme"}`
	for _, c := range []struct {
		rest string
		want carry.Fact
	}{
		{`,"status_id":1,"time":7,"carnet":{}}`, carry.Fact{}},
		{`,"status_id":1,"time":7,"carnet":{"count":3}}`, carry.Fact{}},
		{`,"status_id":0,"time":7,"carnet":{"decision":"allowed","grant":"g"}}`, carry.Fact{Grant: "g", Kind: carry.Opens}},
		{`,"status_id":2,"time":7,"carnet":{"decision":"denied","grant":"g"}}`, carry.Fact{}},
		{`,"status_id":1,"time":7,"carnet":{"grant":"g"}}`, carry.Fact{Grant: "g", Kind: carry.Answers}},
		{`,"status_id":0,"time":7,"carnet":{"grant":"g"}}`, carry.Fact{}},
		{`,"status_code":"timeout","status_id":0,"time":7,"carnet":{"grant":"g"}}`, carry.Fact{Grant: "g", Kind: carry.Doubts}},
		{`,"status_code":"interrupted","status_id":0,"time":7,"carnet":{"grant":"g"}}`, carry.Fact{Grant: "g", Kind: carry.Closes}},
	} {
		c.want.Action, c.want.Tenant = "crm.read", "acme"
		c.want.Time = 7
		if got := new(carry.Reader).Read([]byte(head + c.rest)); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.rest, got, c.want)
		}
	}
	other := `{"carnet":{"for":"x","xgrant":"no","grant":"g"},"uptime":3,"time":7,"status_code":"timeout","status_id":0,"xtenant_uid":"no","metadata":{"tenant_uid":"acme"},"api":{"operation":"crm.read"}}`
	if got, want := new(carry.Reader).Read([]byte(other)), (carry.Fact{Action: "crm.read", Tenant: "acme", Grant: "g", Kind: carry.Doubts, Time: 7}); got != want || carry.Action([]byte(other)) != "crm.read" {
		t.Errorf("in another order: %+v", got)
	}
	for _, odd := range []string{``, `{`, `"operation":"`, `{"grant":"g`, `"time":99999999999999999999999999`, `operation":"`} {
		_ = new(carry.Reader).Read([]byte(odd)) // what is no line has no fact, and harms nobody
	}
	for _, bad := range []string{``, `{}`, `{"carnet":{}}`, `{"carnet":{"carried":7}}`} {
		if _, err := carry.Parse([]byte(bad)); err == nil {
			t.Errorf("%q carries something", bad)
		}
	}
}

// TestTimesGrow.
func TestTimesGrow(t *testing.T) {
	var times carry.Times
	times.Merge(carry.Times{})
	for _, ms := range []int64{7, 3, 9, 5} {
		times.Add(ms)
	}
	if times.Merge(carry.Times{From: 1, Until: 4}); times != (carry.Times{From: 1, Until: 9}) {
		t.Errorf("%+v", times)
	}
}

// TestAnErasureSaysWhichTableItIs.
func TestAnErasureSaysWhichTableItIs(t *testing.T) {
	line := `{"activity_id":99,"app":{"name":"carnet"},"class_uid":6002,"status_id":1,"time":7,"carnet":{"operation":"audit.erased","count":12}}`
	if got, want := new(carry.Reader).Read([]byte(line)), (carry.Fact{Action: carry.ActionErased, Time: 7, Erased: 12}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestKeysThatWereReplaced are carried, the oldest first, and each is known.
func TestKeysThatWereReplaced(t *testing.T) {
	s := carry.New("o", "b", "a")
	s.Rekey("c")
	x, err := carry.Parse(fmt.Appendf(nil, `{"carnet":{"carried":%s}}`, s.Texts(carry.Times{})[0]))
	if err != nil || x.Key != "c" || !slices.Equal(x.Former, []string{"a", "b"}) {
		t.Errorf("%+v, %v", x, err)
	}
	for key, want := range map[string]bool{"a": true, "b": true, "c": true, "d": false, "": false} {
		if s.Was(key) != want {
			t.Errorf("%q: %t", key, !want)
		}
	}
}
